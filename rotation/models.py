from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.models import Database


class Credential(models.Model):
    """One of a database's two contained users (slot a or b), by reference: the value stands in Key Vault alone.

    staged → active → retired → staged (again). Exactly one slot of a ready database is active: the one that the stable
    secret names.
    """

    class Status(models.TextChoices):
        STAGED = "staged"
        ACTIVE = "active"
        RETIRED = "retired"

    database = models.ForeignKey(Database, models.PROTECT, related_name="credentials")
    slot = models.CharField(max_length=1)
    user_name = models.TextField()
    status = models.TextField(choices=Status.choices)
    staging_secret = models.TextField(help_text="Name of this slot's own secret.")
    staging_version = models.TextField()
    stable_secret = models.TextField(help_text="Name of the secret that consumers read.")
    stable_version = models.TextField(blank=True, default="")
    promoted_at = models.DateTimeField(null=True)
    valid_until = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["database", "slot"], name="credential_once_per_slot"),
            models.UniqueConstraint(fields=["database"], condition=Q(status="active"), name="credential_one_active"),
            models.CheckConstraint(condition=Q(slot__in=["a", "b"]), name="credential_slot_known"),
            models.CheckConstraint(
                condition=Q(status__in=["staged", "active", "retired"]), name="credential_status_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.database} {self.slot}"
