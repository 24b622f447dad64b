from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import azure_name, new_id
from inventory.models import Workspace
from operations.clock import DatabaseNow


class Receiver(models.Model):
    """Who hears of a workspace's events, and where; one of no workspace hears of the whole fleet's.

    preparing → active ⇄ paused; active → gone (the receiver wants nothing any more) → active; any → removed, with its secret
    forgotten. One worker at a time delivers to it, under a lease: so its events keep their order.
    """

    class Channel(models.TextChoices):
        WEBHOOK = "webhook"
        EMAIL = "email"

    class State(models.TextChoices):
        PREPARING = "preparing"
        ACTIVE = "active"
        PAUSED = "paused"
        GONE = "gone"
        REMOVED = "removed"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="receivers")
    channel = models.TextField(choices=Channel.choices)
    address = models.TextField(help_text="An https URL, or an e-mail address.")
    kinds = models.JSONField(default=list, help_text="Kinds of events, with stars; none: as usual for the channel.")
    state = models.TextField(choices=State.choices, default=State.ACTIVE)
    created_at = models.DateTimeField(db_default=DatabaseNow())

    signing_version = models.TextField(blank=True, default="", help_text="Of the signing secret in the vault.")
    previous_version = models.TextField(blank=True, default="", help_text="Signs too while both do.")
    previous_until = models.DateTimeField(null=True, help_text="By the business clock.")
    rotate_after = models.DateTimeField(null=True, help_text="By the business clock.")
    rotation_failures = models.PositiveSmallIntegerField(default=0)

    last_number = models.BigIntegerField(default=0, help_text="Of the newest event meant for it.")
    due_at = models.DateTimeField(db_default=DatabaseNow(), help_text="Not tried before.")
    failures = models.PositiveIntegerField(default=0, help_text="Of the receiver, since something last reached it.")
    failing_since = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    last_error = models.TextField(blank=True, default="")
    lease_until = models.DateTimeField(null=True)
    claim_token = models.UUIDField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "channel", "address"],
                condition=~Q(state="removed"),
                nulls_distinct=False,
                name="receiver_once_per_address",
            ),
            models.CheckConstraint(
                condition=Q(state__in=["preparing", "active", "paused", "gone", "removed"]),
                name="receiver_state_known",
            ),
            models.CheckConstraint(condition=Q(channel__in=["webhook", "email"]), name="receiver_channel_known"),
        ]
        indexes: ClassVar = [
            models.Index(fields=["rotate_after"], condition=Q(channel="webhook"), name="receiver_secret_due"),
        ]

    def __str__(self) -> str:
        return f"{self.channel} {self.address}"

    @property
    def key(self) -> str:
        return f"receiver:{self.pk}"

    @property
    def secret_name(self) -> str:
        """Of its signing secret in the vault; made from the row's id, never reused."""
        return azure_name("w", self.pk)
