from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from inventory.identifiers import new_id
from inventory.models.subscription import Region, Subscription
from inventory.models.workspace import AuthMode
from inventory.states import Status


class SqlServer(models.Model):
    """A logical server: a namespace and endpoint for pools and databases, in one subscription and region.

    `auth_mode` is fixed at creation: Entra-only switches SQL logins off for all its databases. The observer looks at it when
    `observe_due_at` has come; one observer at a time, by lease. What it lists is written only where it differs: everything
    else on the server was seen unchanged at `listed_at`.
    """

    Status = Status

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    subscription = models.ForeignKey(Subscription, models.PROTECT, related_name="servers")
    region = models.ForeignKey(Region, models.PROTECT, related_name="servers")
    resource_group = models.TextField()
    azure_name = models.TextField(unique=True)
    administrator_login = models.TextField(blank=True, default="", help_text="Empty where only Entra may sign in.")
    admin_secret_name = models.TextField(
        blank=True,
        default="",
        help_text="Name of the vault's secret; never its value. Empty where only Entra may sign in.",
    )
    admin_secret_version = models.TextField(blank=True, default="", help_text="The version that Azure was given.")
    auth_mode = models.TextField(default=AuthMode.SQL)
    status = models.TextField(choices=Status.choices, default=Status.CREATING)
    error_code = models.TextField(blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    is_cordoned = models.BooleanField(default=False, help_text="Closed to placement.")
    databases_committed = models.PositiveIntegerField(default=0)
    vcores_committed = models.PositiveIntegerField(default=0, help_text="Of its pools and single databases.")
    created_at = models.DateTimeField(auto_now_add=True)

    observed_state = models.TextField(blank=True, default="")
    observed_endpoint = models.TextField(blank=True, default="")
    observed_minimal_tls = models.TextField(blank=True, default="")
    observed_public_access = models.TextField(blank=True, default="")
    observed_at = models.DateTimeField(null=True)
    listed_at = models.DateTimeField(null=True, help_text="When the last complete listing of what is on it began.")
    stirred_at = models.DateTimeField(db_default=Now(), help_text="When something last began or changed on it.")
    observe_due_at = models.DateTimeField(db_default=Now())
    observe_lease_until = models.DateTimeField(null=True)
    observe_token = models.UUIDField(null=True)

    class Meta:
        verbose_name, verbose_name_plural = "SQL server", "SQL servers"
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(status__in=Status.values), name="server_status_known"),
            models.CheckConstraint(condition=Q(databases_committed__lte=5000), name="server_room_for_databases"),
            models.CheckConstraint(condition=Q(vcores_committed__lte=540), name="server_room_for_vcores"),
        ]
        indexes: ClassVar = [models.Index(fields=["observe_due_at"], name="server_observe_due")]

    def __str__(self) -> str:
        return self.azure_name

    @property
    def key(self) -> str:
        return f"server:{self.pk}"

    @property
    def seen_at(self) -> datetime | None:
        """When Azure last showed it, or what is on it."""
        return later(self.observed_at, self.listed_at)


def later(one: datetime | None, other: datetime | None) -> datetime | None:
    """Whichever is later; never is earlier than any."""
    return max((moment for moment in (one, other) if moment is not None), default=None)
