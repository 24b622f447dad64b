from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from inventory.identifiers import new_id


class Finding(models.Model):
    """Something in Azure that is not as our rows want it; only complete looks make, keep and resolve one.

    suspected → open (a second look in a row shows it) | gone without a trace; open ⇄ repairing (an operation re-applies what
    we want; a look after it decides); open → accepted (somebody takes it as it is) → open (it has changed again);
    each of these → resolved (a look no longer shows it).
    """

    class Kind(models.TextChoices):
        MISSING = "missing", "missing"
        ORPHANED = "orphaned", "orphaned"
        CHANGED = "changed", "changed outside"
        INSECURE = "insecure", "insecure"
        STOPPED = "stopped", "repairs stopped"

    class Severity(models.IntegerChoices):
        CRITICAL = 10, "critical"
        HIGH = 20, "high"
        MEDIUM = 30, "medium"
        LOW = 40, "low"

    class State(models.TextChoices):
        SUSPECTED = "suspected"
        OPEN = "open"
        REPAIRING = "repairing"
        ACCEPTED = "accepted"
        RESOLVED = "resolved"

    STANDING: ClassVar = (State.OPEN, State.REPAIRING)

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    scope = models.TextField(help_text="What is looked at together: server:<id>, group:<subscription>/<name> or fleet.")
    target = models.TextField(help_text="The key of our row, or azure:<ARM id> of what has none.")
    name = models.TextField(help_text="Azure's name of it.")
    kind = models.TextField(choices=Kind.choices)
    attribute = models.TextField(blank=True, default="", help_text="Which property; empty: the whole.")
    severity = models.PositiveSmallIntegerField(choices=Severity.choices)
    state = models.TextField(choices=State.choices, default=State.SUSPECTED)
    expected = models.JSONField(null=True)
    observed = models.JSONField(null=True)
    note = models.TextField(blank=True, default="", help_text="What is known of its cause.")
    first_seen_at = models.DateTimeField()
    last_seen_at = models.DateTimeField()
    seen = models.PositiveIntegerField(default=1, help_text="In how many looks.")
    repair_id = models.UUIDField(null=True, help_text="The operation that repairs, or last tried to.")
    repairs = models.PositiveSmallIntegerField(default=0, help_text="Repairs after which a look still showed it.")
    decided_by = models.TextField(blank=True, default="")
    reason = models.TextField(blank=True, default="", help_text="Why somebody decided so.")
    resolved_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["target", "attribute", "kind"],
                condition=~Q(state="resolved"),
                name="finding_once_per_attribute",
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["scope"], condition=~Q(state="resolved"), name="finding_by_scope"),
            models.Index(fields=["severity", "first_seen_at"], name="finding_worst_first"),
        ]

    def __str__(self) -> str:
        return " ".join(filter(None, (self.kind, self.name, self.attribute)))

    @property
    def key(self) -> str:
        return f"finding:{self.pk}"


class Pause(models.Model):
    """Nothing is repaired here by itself: on this database, on this pool or server and all that stands in it."""

    target = models.TextField(primary_key=True, help_text="A key: database:<id>, pool:<id> or server:<id>.")
    actor = models.TextField()
    reason = models.TextField()
    created_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.target


class Review(models.Model):
    """When a server, or a resource group, is compared next; one reviewer at a time, by lease."""

    scope = models.TextField(primary_key=True)
    due_at = models.DateTimeField(db_default=Now())
    lease_until = models.DateTimeField(null=True)
    token = models.UUIDField(null=True)
    looked_at = models.DateTimeField(null=True, help_text="When the last complete look began.")
    cursor = models.TextField(blank=True, default="", help_text="The last database whose protection was examined.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["due_at"], name="review_due")]

    def __str__(self) -> str:
        return self.scope
