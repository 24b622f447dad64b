from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models import Database


class SizeSample(models.Model):
    """How much a database held on a day: the largest value of that day that we have seen. One row a day, kept for a while."""

    database = models.ForeignKey(Database, models.CASCADE, related_name="size_samples")
    day = models.DateField(help_text="As Azure Monitor counts it (UTC).")
    used_bytes = models.BigIntegerField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["database", "day"], name="size_once_a_day"),
        ]
        indexes: ClassVar = [models.Index(fields=["day"], name="size_by_day")]

    def __str__(self) -> str:
        return f"{self.database_id} {self.day}"


class GrowthProposal(models.Model):
    """A database, or a pool, that will be full, and the size that we propose in time.

    open → accepted (to be begun at `due_at`) → begun (an operation grows it) → done, or open again when that failed; accepted
    → open: it can never be granted; open → begun; open → dismissed; open, accepted and dismissed → withdrawn: it does not grow
    (so fast) any more, or has room again.
    `days_left` is counted from the last sample.
    """

    class State(models.TextChoices):
        OPEN = "open"
        ACCEPTED = "accepted"
        BEGUN = "begun"
        DONE = "done"
        DISMISSED = "dismissed"
        WITHDRAWN = "withdrawn"

    OVER: ClassVar = (State.DONE, State.WITHDRAWN)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    target = models.TextField(help_text="database:<id> or pool:<id>.")
    name = models.TextField(help_text="Azure's name of it.")
    workspace = models.TextField(blank=True, default="", help_text="Empty: a pool, which is the operators' business.")
    service = models.TextField(blank=True, default="")
    state = models.TextField(choices=State.choices, default=State.OPEN)
    limit_bytes = models.BigIntegerField(help_text="Where it will be full.")
    proposed_bytes = models.BigIntegerField(help_text="The size that would last; equal to the limit: none is larger.")
    used_bytes = models.BigIntegerField(help_text="By its trend, on the day of the last sample.")
    bytes_per_day = models.BigIntegerField()
    days_left = models.FloatField()
    last_day = models.DateField(help_text="Of the last sample.")
    alerted_days = models.SmallIntegerField(null=True, help_text="The last alert: so many days before it is full.")
    due_at = models.DateTimeField(null=True, help_text="Accepted for then.")
    accepts_disruption = models.BooleanField(default=False, help_text="Accepted also where connections drop.")
    operation_id = models.UUIDField(null=True)
    decided_by = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="")
    created_at = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target"],
                condition=~Q(state__in=["done", "withdrawn"]),
                name="proposal_once_per_target",
            ),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "id"], name="proposal_by_workspace")]

    def __str__(self) -> str:
        return f"{self.target} full in {self.days_left:.0f} days"

    @property
    def key(self) -> str:
        return f"proposal:{self.pk}"
