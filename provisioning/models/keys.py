"""Customers' keys: which were used when, and how the present ones are."""

from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.models import Database


class KeyUse(models.Model):
    """A key version that protected a database. Its backups need it for as long as they are kept after `used_until`."""

    database = models.ForeignKey(Database, models.PROTECT, related_name="key_uses")
    uri = models.TextField()
    used_from = models.DateTimeField()
    used_until = models.DateTimeField(null=True, help_text="Empty: it is the present one.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["database"], condition=Q(used_until=None), name="keyuse_one_at_a_time"),
        ]

    def __str__(self) -> str:
        return self.uri


class KeyWatch(models.Model):
    """The last look at a database's key. unknown → well ⇄ lost, well ⇄ unsure; unsure ⇄ lost.

    `well_at`: when it was last seen to work, from which Azure's time runs once it is lost.
    """

    class State(models.TextChoices):
        UNKNOWN = "unknown"
        WELL = "well"
        LOST = "lost"
        UNSURE = "unsure"

    class Posture(models.TextChoices):
        """How we look: as the identity itself, with our own rights, or only at the database's state in Azure."""

        IDENTITY = "identity"
        OURSELVES = "ourselves"
        DATABASE = "database"

    database = models.OneToOneField(Database, models.CASCADE, primary_key=True, related_name="key_watch")
    due_at = models.DateTimeField(db_index=True)
    state = models.TextField(choices=State.choices, default=State.UNKNOWN)
    posture = models.TextField(choices=Posture.choices, default=Posture.DATABASE)
    trouble = models.TextField(blank=True, default="", help_text="One word of why.")
    detail = models.TextField(blank=True, default="", help_text="Key Vault's own code.")
    looked_at = models.DateTimeField(null=True)
    well_at = models.DateTimeField(null=True)
    lost_at = models.DateTimeField(null=True, help_text="When we noticed.")
    told = models.PositiveSmallIntegerField(default=0, help_text="Alerts raised of this loss.")
    expires_at = models.DateTimeField(null=True)
    expiry_told_days = models.PositiveSmallIntegerField(null=True, help_text="The last threshold that was told.")
    newest_version = models.TextField(blank=True, default="")

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(
                condition=Q(state__in=["unknown", "well", "lost", "unsure"]), name="keywatch_state_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.database_id}: {self.state}"
