from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from operations.clock import DatabaseNow
from operations.identifiers import new_id


class Priority(models.IntegerChoices):
    """Who is served first; the same order in which Azure's request budget is shared."""

    USER = 10
    ROTATION = 20
    REPAIR = 30
    REBALANCING = 40
    SAMPLING = 50


class Operation(models.Model):
    """One durable change, from request to result. The row is the truth; a message only wakes it.

    queued → running → succeeded | failed | cancelled; running ⇄ needs_attention (a human decides). Waiting is `running`
    and not due. While leased, `due_at` equals `lease_until`, so that an expired lease is simply due again. `follows` holds
    the one operation that may stand in line for the same target.
    """

    class State(models.TextChoices):
        QUEUED = "queued"
        RUNNING = "running"
        NEEDS_ATTENTION = "needs_attention"
        SUCCEEDED = "succeeded"
        FAILED = "failed"
        CANCELLED = "cancelled"

    TERMINAL: ClassVar = (State.SUCCEEDED, State.FAILED, State.CANCELLED)
    CLAIMABLE: ClassVar = (State.QUEUED, State.RUNNING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    kind = models.TextField()
    target_key = models.TextField(help_text="What it changes, e.g. database:<id>. One operation in flight a target.")
    workspace = models.TextField(
        blank=True, default="", help_text="Name of the workspace it is for; empty: the platform."
    )
    input = models.JSONField(default=dict, help_text="The wish, as it was accepted.")
    choices = models.JSONField(default=dict, help_text="What steps decided; a repeat makes the same choice.")
    state = models.TextField(choices=State.choices, default=State.QUEUED)
    step = models.TextField()
    attempt = models.PositiveIntegerField(default=0, help_text="Failed attempts of the present step.")
    priority = models.PositiveSmallIntegerField(choices=Priority.choices, default=Priority.USER)
    due_at = models.DateTimeField(db_default=DatabaseNow())
    waits_on = models.TextField(blank=True, default="", help_text="A key whose change makes it due.")
    waits_why = models.TextField(blank=True, default="")
    woken_at = models.DateTimeField(null=True)
    lease_owner = models.TextField(blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    claimed_at = models.DateTimeField(null=True)
    fence = models.BigIntegerField(default=0)
    claim_token = models.UUIDField(null=True)
    maybe_happened = models.BooleanField(default=False, help_text="The present step acted, or may have.")
    deadline_at = models.DateTimeField(null=True)
    cancel_requested_at = models.DateTimeField(null=True)
    parent = models.ForeignKey("self", models.PROTECT, null=True, related_name="children")
    follows = models.OneToOneField("self", models.PROTECT, null=True, related_name="successor")
    plan_hash = models.TextField(blank=True, default="")
    poll_url = models.TextField(blank=True, default="", help_text="Azure's, opaque, may exceed 4 kB; a hint only.")
    progress = models.JSONField(default=dict)
    error_code = models.TextField(blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    actor = models.TextField()
    trace_id = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(db_default=DatabaseNow())
    started_at = models.DateTimeField(null=True)
    finished_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target_key"],
                condition=Q(state__in=["queued", "running", "needs_attention"], follows__isnull=True),
                name="operation_one_active_per_target",
            ),
            models.UniqueConstraint(
                fields=["target_key"],
                condition=Q(state__in=["queued", "running", "needs_attention"], follows__isnull=False),
                name="operation_one_in_line_per_target",
            ),
            models.CheckConstraint(
                condition=Q(
                    state__in=["queued", "running", "needs_attention", "succeeded", "failed", "cancelled"],
                ),
                name="operation_state_known",
            ),
            models.CheckConstraint(condition=Q(fence__gte=0), name="operation_fence_not_negative"),
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["kind", "step", "priority", "workspace", "due_at"],
                condition=Q(state__in=["queued", "running"], follows__isnull=True),
                name="operation_turn",
            ),
            models.Index(
                fields=["waits_on"],
                condition=Q(state__in=["queued", "running"]) & ~Q(waits_on=""),
                name="operation_waits_on",
            ),
            models.Index(fields=["workspace", "-created_at"], name="operation_by_workspace"),
            models.Index(fields=["target_key", "-created_at"], name="operation_by_target"),
            models.Index(fields=["-created_at"], name="operation_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.kind} {self.target_key}"

    @property
    def is_terminal(self) -> bool:
        return self.state in self.TERMINAL
