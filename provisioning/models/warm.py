from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models import Database, Region, ServiceInstance
from inventory.models.workspace import NAME_PATTERN


class WarmStock(models.Model):
    """How many databases of a region, tier and kind are kept ready before anybody asks for one.

    `wanted` follows from arrivals, refill time, goal and budget; between `least` and `most`, and 0 while it is off.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.TextField(unique=True, validators=[RegexValidator(NAME_PATTERN)])
    region = models.ForeignKey(Region, models.PROTECT, related_name="warm_stocks")
    service_tier = models.TextField(choices=Database.Tier.choices)
    kind = models.TextField(choices=ServiceInstance.Kind.choices)
    size_bytes = models.BigIntegerField(
        help_text="Planned capacity of each; one of another size is fitted at its claim."
    )
    is_on = models.BooleanField(default=True)
    least = models.PositiveSmallIntegerField(default=0)
    most = models.PositiveSmallIntegerField(default=10)
    goal = models.FloatField(default=0.95, help_text="Share of wishes that find one ready.")
    monthly_budget = models.FloatField(null=True, help_text="For idle ones, in the price book's currency; empty: none.")
    wanted = models.PositiveSmallIntegerField(default=0)
    reason = models.JSONField(default=dict, help_text="From what `wanted` was counted.")
    sized_at = models.DateTimeField(null=True)
    halted_at = models.DateTimeField(
        null=True, help_text="Makings failed one after the other: no more until an operator says so."
    )

    resumed_at = models.DateTimeField(null=True, help_text="Failures before that are forgiven.")
    removed_at = models.DateTimeField(null=True, help_text="It goes as soon as its idle databases are gone.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["region", "service_tier", "kind"], name="stock_once_per_place_and_kind"),
            models.CheckConstraint(condition=Q(least__lte=models.F("most")), name="stock_bounds_in_order"),
            models.CheckConstraint(condition=Q(goal__gt=0, goal__lt=1), name="stock_goal_is_a_share"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="stock_size_positive"),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return f"stock:{self.pk}"


class WarmDatabase(models.Model):
    """A database of a stock, from its making on: kept → claimed (it is a service's now) | discarded (it is deleted).

    Ready to be claimed is one that is kept, whose database is ready, and that is neither old nor made otherwise than one
    would be today.
    """

    class State(models.TextChoices):
        KEPT = "kept"
        CLAIMED = "claimed"
        DISCARDED = "discarded"

    database = models.OneToOneField(Database, models.CASCADE, primary_key=True, related_name="warm")
    stock = models.ForeignKey(WarmStock, models.CASCADE, related_name="databases")
    state = models.TextField(choices=State.choices, default=State.KEPT)
    config_hash = models.TextField(help_text="Of all that its making followed.")
    made_at = models.DateTimeField()
    proved_at = models.DateTimeField(null=True, help_text="When its credential was last seen to work.")
    ended_at = models.DateTimeField(null=True, help_text="Claimed or discarded.")
    why = models.TextField(blank=True, default="", help_text="Why it was discarded.")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["kept", "claimed", "discarded"]), name="warm_database_state_known"
            )
        ]
        indexes: ClassVar = [
            models.Index(fields=["stock", "made_at"], condition=Q(state="kept"), name="warm_database_kept"),
            models.Index(fields=["stock", "ended_at"], name="warm_database_ended"),
        ]

    def __str__(self) -> str:
        return f"{self.stock} {self.database_id}"

    @property
    def key(self) -> str:
        """What proofs of it have as their target: they stand in nobody's way."""
        return f"warm:{self.pk}"
