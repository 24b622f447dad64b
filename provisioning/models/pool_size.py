from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models import ElasticPool
from placement.engine.pool_size import Step


class PoolProposal(models.Model):
    """Another size for a pool, or its end, with its reason and what it saves or costs.

    open → begun (an operation does it) → done, or open again when that failed; open → dismissed; open and dismissed →
    withdrawn: the reason is gone.
    """

    class State(models.TextChoices):
        OPEN = "open"
        BEGUN = "begun"
        DONE = "done"
        DISMISSED = "dismissed"
        WITHDRAWN = "withdrawn"

    OVER: ClassVar = (State.DONE, State.WITHDRAWN)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    pool = models.ForeignKey(ElasticPool, models.CASCADE, related_name="proposals")
    step = models.TextField(choices=[(step.value, step.value) for step in Step])
    state = models.TextField(choices=State.choices, default=State.OPEN)
    vcores = models.PositiveSmallIntegerField(null=True, help_text="Proposed; empty: it is to be deleted.")
    vcores_now = models.PositiveSmallIntegerField()
    because = models.TextField(help_text="In figures.")
    currency = models.TextField(blank=True, default="")
    cost_before = models.FloatField(null=True, help_text="A month; empty: no price is known.")
    cost_after = models.FloatField(null=True)
    cost_note = models.TextField(blank=True, default="", help_text="Date and source of the prices.")
    operation_id = models.UUIDField(null=True)
    decided_by = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Of the decision, or why it did not go well.")
    created_at = models.DateTimeField()
    decided_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["pool"], condition=~Q(state__in=["done", "withdrawn"]), name="pool_proposal_once"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.step} {self.pool_id}"

    @property
    def key(self) -> str:
        return f"pool-proposal:{self.pk}"
