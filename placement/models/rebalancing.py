from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models import Database, ElasticPool, Region


class RebalancingRules(models.Model):
    """How a region's load is spread: not at all, by advice alone, or by itself; within these bounds.

    Halted: outcomes differed from what was predicted, and nothing begins until an operator has looked.
    """

    class Mode(models.TextChoices):
        OFF = "off"
        ADVISE = "advise"
        ACT = "act"

    region = models.OneToOneField(Region, models.CASCADE, primary_key=True, related_name="rebalancing")
    mode = models.TextField(choices=Mode.choices, default=Mode.ADVISE)
    plan_every_hours = models.PositiveSmallIntegerField(default=6)
    most_moves = models.PositiveSmallIntegerField(default=20, help_text="In one plan.")
    notice_hours = models.PositiveSmallIntegerField(default=24, help_text="From telling an owner to the move's begin.")
    moves_an_hour = models.PositiveSmallIntegerField(default=4)
    pool_at_once = models.PositiveSmallIntegerField(default=1, help_text="Moves from or to one pool.")
    server_at_once = models.PositiveSmallIntegerField(default=2)
    workspace_a_week = models.PositiveSmallIntegerField(default=2)
    settle_hours = models.PositiveSmallIntegerField(default=12, help_text="A pool is left alone after a move.")
    cooldown_days = models.PositiveSmallIntegerField(default=7, help_text="A database is left alone after a move.")
    no_return_days = models.PositiveSmallIntegerField(default=56, help_text="Nor does it go back for so long.")
    objections = models.PositiveSmallIntegerField(default=3, help_text="Of a workspace: put off or refused in 90 days.")
    longest_deferral_days = models.PositiveSmallIntegerField(default=30)
    measure_hours = models.PositiveSmallIntegerField(default=24, help_text="After a plan, until it is judged.")
    tolerance_percent = models.PositiveSmallIntegerField(
        default=15, help_text="Of a pool's vCores: how far its mean load may be from the prediction."
    )
    planned_at = models.DateTimeField(null=True, help_text="When a plan was last looked for by itself.")
    halted_at = models.DateTimeField(null=True)
    halted_because = models.TextField(blank=True, default="")

    def __str__(self) -> str:
        return f"{self.region_id}: {self.mode}"

    @property
    def key(self) -> str:
        return f"region:{self.region_id}"


class RebalancePlan(models.Model):
    """Moves that relieve a region's pools, with what they are worth and how far that is from the best possible.

    proposed → approved → done; proposed → rejected or superseded (a newer plan); proposed and approved → halted; nothing
    to move: idle. vCores above the pools' levels, summed, are its value; `bound` is proven: no moves go below it.
    """

    class State(models.TextChoices):
        IDLE = "idle"
        PROPOSED = "proposed"
        APPROVED = "approved"
        DONE = "done"
        REJECTED = "rejected"
        SUPERSEDED = "superseded"
        HALTED = "halted"

    OPEN: ClassVar = (State.PROPOSED, State.APPROVED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    region = models.ForeignKey(Region, models.PROTECT, related_name="rebalance_plans")
    state = models.TextField(choices=State.choices)
    overage_before = models.FloatField(help_text="vCores.")
    overage_after = models.FloatField()
    bound = models.FloatField()
    fewest_moves = models.PositiveIntegerField(help_text="No plan that reaches as much makes fewer.")
    reason = models.TextField(blank=True, default="", help_text="Why it does no more.")
    created_by = models.TextField()
    created_at = models.DateTimeField()
    decided_by = models.TextField(blank=True, default="")
    decided_because = models.TextField(blank=True, default="")
    ended_at = models.DateTimeField(null=True)
    measured_from = models.DateTimeField(null=True, help_text="When its last move had ended, by Azure's clock.")
    measured_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["region"], condition=Q(state__in=["proposed", "approved"]), name="rebalance_plan_one_open"
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["state"], name="rebalance_plan_by_state")]

    def __str__(self) -> str:
        return f"{self.region_id} {self.created_at:%Y-%m-%d %H:%M}"

    @property
    def key(self) -> str:
        return f"rebalance-plan:{self.pk}"

    @property
    def gap(self) -> float:
        """vCores above the bound."""
        return max(0.0, self.overage_after - self.bound)


class PlannedPool(models.Model):
    """A pool that a plan touches: what it needs before and after, by prediction, and then as measured."""

    plan = models.ForeignKey(RebalancePlan, models.CASCADE, related_name="pools")
    pool = models.ForeignKey(ElasticPool, models.PROTECT, related_name="+")
    level = models.FloatField(help_text="vCores that it shall need at most.")
    need_before = models.FloatField()
    need_after = models.FloatField()
    profile = models.BinaryField(help_text="Usual vCores by hour of the week before any move, float32.")
    databases = models.PositiveIntegerField(help_text="Before any move.")
    predicted_mean = models.FloatField(
        null=True, help_text="vCores in the hours that were measured, for what was moved."
    )
    measured_mean = models.FloatField(null=True)
    outcome = models.TextField(blank=True, default="", help_text="as predicted, differs, or why it cannot be compared.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["plan", "pool"], name="planned_pool_once")]

    def __str__(self) -> str:
        return f"{self.pool_id}"


class PlannedMove(models.Model):
    """One database's move within its server. Every part of a plan, in any order, leaves all pools within their limits.

    planned → told (its owner knows; it begins at `due_at`) → accepted (at once) → running → done or failed; told →
    deferred or vetoed; planned, told and accepted → dropped.
    """

    class State(models.TextChoices):
        PLANNED = "planned"
        TOLD = "told"
        ACCEPTED = "accepted"
        DEFERRED = "deferred"
        VETOED = "vetoed"
        RUNNING = "running"
        DONE = "done"
        FAILED = "failed"
        DROPPED = "dropped"

    OPEN: ClassVar = (State.PLANNED, State.TOLD, State.ACCEPTED)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    plan = models.ForeignKey(RebalancePlan, models.CASCADE, related_name="moves")
    position = models.PositiveIntegerField()
    database = models.ForeignKey(Database, models.PROTECT, related_name="planned_moves")
    source = models.ForeignKey(ElasticPool, models.PROTECT, related_name="+")
    target = models.ForeignKey(ElasticPool, models.PROTECT, related_name="+")
    workspace = models.TextField(blank=True, default="", help_text="Its owner; empty: nobody's, it is warm.")
    service = models.TextField(blank=True, default="")
    state = models.TextField(choices=State.choices, default=State.PLANNED)
    gain = models.FloatField(help_text="vCores by which it lowers what is above the level.")
    copied_gb = models.FloatField(help_text="Planned size.")
    source_after = models.FloatField(help_text="vCores that the source needs after this move and those before it.")
    target_after = models.FloatField()
    profile = models.BinaryField(help_text="The database's usual vCores by hour of the week, float32.")
    due_at = models.DateTimeField(null=True)
    deferred_until = models.DateTimeField(null=True)
    decided_at = models.DateTimeField(null=True)
    decided_by = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    operation_id = models.UUIDField(null=True)
    begun_at = models.DateTimeField(null=True)
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["plan", "position"], name="planned_move_in_order"),
            models.UniqueConstraint(
                fields=["database"],
                condition=Q(state__in=["planned", "told", "accepted", "running"]),
                name="planned_move_once_per_database",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["state", "due_at"], name="planned_move_due"),
            models.Index(fields=["workspace", "id"], name="planned_move_by_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.database_id} {self.state}"

    @property
    def key(self) -> str:
        return f"planned-move:{self.pk}"
