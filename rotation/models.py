from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Case, CharField, Q, Value, When
from django.db.models.functions import Cast, Concat

from inventory.models import Database, SqlServer
from rotation.names import SLOTS, Purpose, credential_key, purpose_of


class Credential(models.Model):
    """One of a purpose's two contained users in a database, by reference: the value stands in Key Vault alone.

    Slots a and b are the service's, cast-a and cast-b those of DICOM Cast.

    Those of a deleted database that is being restored are retired, whatever they were.

    staged → active → overlapping → retired → staged (again); staged → retired where a rotation was given up, overlapping →
    staged in an emergency. In a ready database exactly one slot of a purpose is active: the one that the stable secret names.
    An overlapping one still works until it is retired: not before `retire_after`, which its service may bring near by
    acknowledging the new one, and then when no session uses it any more, at the latest at `retire_by`. All of a purpose
    are retired when it is revoked; issued again, cast-a is staged. All times are the business clock's.

    On a server where only Entra may sign in, the active one is the service's user of Entra: it has no secret and no end, and
    what falls due is a check.
    """

    class Status(models.TextChoices):
        STAGED = "staged"
        ACTIVE = "active"
        OVERLAPPING = "overlapping"
        RETIRED = "retired"

    database = models.ForeignKey(Database, models.PROTECT, related_name="credentials")
    slot = models.CharField(max_length=8)
    user_name = models.TextField()
    status = models.TextField(choices=Status.choices)
    staging_secret = models.TextField(help_text="Name of this slot's own secret.")
    staging_version = models.TextField(blank=True, default="")
    stable_secret = models.TextField(help_text="Name of the secret that consumers read.")
    stable_version = models.TextField(blank=True, default="")
    promoted_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)
    retire_after = models.DateTimeField(null=True, help_text="Of an overlapping user: works at least until then.")
    retire_by = models.DateTimeField(null=True, help_text="Of an overlapping user: retired then, drained or not.")
    rotate_after = models.DateTimeField(null=True, help_text="Of the active user: when the next rotation is due.")
    alerted_days = models.SmallIntegerField(
        null=True, help_text="The last alert: so many days before its end; 0: overdue."
    )
    failures = models.PositiveSmallIntegerField(default=0, help_text="Rotations given up since the last good one.")
    acknowledged_at = models.DateTimeField(null=True, help_text="When its service said that it uses it; empty: never.")
    open_sessions = models.PositiveIntegerField(null=True, help_text="As last seen in the database; empty: never seen.")
    sessions_seen_at = models.DateTimeField(null=True)
    checked_at = models.DateTimeField(null=True, help_text="Of a user of Entra: when it was last seen to work.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["database", "slot"], name="credential_once_per_slot"),
            models.UniqueConstraint(
                fields=["database"], condition=Q(status="active", slot__in=["a", "b"]), name="credential_one_active"
            ),
            models.UniqueConstraint(
                fields=["database"],
                condition=Q(status="active", slot__in=["cast-a", "cast-b"]),
                name="credential_one_active_for_cast",
            ),
            models.CheckConstraint(condition=Q(slot__in=["a", "b", "cast-a", "cast-b"]), name="credential_slot_known"),
            models.CheckConstraint(
                condition=Q(status__in=["staged", "active", "overlapping", "retired"]), name="credential_status_known"
            ),
        ]
        indexes: ClassVar = [
            models.Index(fields=["rotate_after"], condition=Q(status="active"), name="credential_due"),
            models.Index(fields=["valid_until"], condition=Q(status="active"), name="credential_expiring"),
            models.Index(fields=["retire_after"], condition=Q(status="overlapping"), name="credential_overlapping"),
        ]

    def __str__(self) -> str:
        return f"{self.database} {self.slot}"

    @property
    def key(self) -> str:
        """Target of the operations on it; the same as KEY."""
        return credential_key(self.database, purpose_of(self.slot))


KEY = Concat(
    Value("credential:"),
    Cast("database_id", CharField()),
    Case(When(slot__in=SLOTS[Purpose.CAST], then=Value(":cast")), default=Value("")),
    output_field=CharField(),
)
"""`Credential.key` in a query."""


class ServerAdministrator(models.Model):
    """How old a server's administrator's password is, and when it is replaced. All times are the business clock's.

    The reference itself stands in the server's row: everybody who signs in there reads it.
    """

    server = models.OneToOneField(SqlServer, models.PROTECT, related_name="administrator_credential")
    promoted_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True, help_text="Empty: the first password, which names no end.")
    rotate_after = models.DateTimeField(help_text="When the next rotation is due.")
    checked_at = models.DateTimeField(null=True, help_text="When a sign-in last proved it.")
    failures = models.PositiveSmallIntegerField(default=0, help_text="Rotations given up since the last good one.")

    class Meta:
        indexes: ClassVar = [models.Index(fields=["rotate_after"], name="administrator_due")]

    def __str__(self) -> str:
        return f"{self.server} administrator"


class VaultEvent(models.Model):
    """An event of Key Vault that was taken; Event Grid may deliver one several times."""

    event_id = models.TextField(primary_key=True)
    type = models.TextField()
    received_at = models.DateTimeField(auto_now_add=True)

    def __str__(self) -> str:
        return f"{self.type} {self.event_id}"
