from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models

from inventory.identifiers import new_id
from inventory.models.subscription import Region

NAME_PATTERN = r"^[a-z][a-z0-9-]{1,62}$"


class AuthMode(models.TextChoices):
    """Who may sign in to a server's databases: users with a password, or identities of Entra alone. Fixed at creation."""

    SQL = "sql"
    ENTRA_ONLY = "entra_only"


class Workspace(models.Model):
    """A customer's container of services and of the settings that they share, in one region.

    A removed one stays as a row, since its deleted databases refer to it; its name is free again.
    """

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    name = models.TextField(validators=[RegexValidator(NAME_PATTERN)])
    display_name = models.TextField(blank=True, default="")
    region = models.ForeignKey(Region, models.PROTECT, related_name="workspaces")
    entra_tenant_id = models.TextField(blank=True, default="", help_text="The customer's directory.")
    auth_mode = models.TextField(default=AuthMode.SQL, help_text="sql or entra_only; fixed for its databases' servers.")
    retention_days = models.PositiveSmallIntegerField(default=7, help_text="Point-in-time restore window of databases.")
    rotation_days = models.PositiveSmallIntegerField(null=True, help_text="Empty: the platform's own.")
    rotation_first_hour = models.PositiveSmallIntegerField(null=True, help_text="Rotations start in these local hours.")
    rotation_end_hour = models.PositiveSmallIntegerField(null=True)
    time_zone = models.TextField(default="UTC", help_text="An IANA name, e.g. Europe/Berlin.")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(deleted_at__isnull=True), name="workspace_name_once"
            ),
            models.CheckConstraint(condition=models.Q(auth_mode__in=AuthMode.values), name="workspace_auth_mode_known"),
            models.CheckConstraint(
                condition=models.Q(retention_days__range=(1, 35)), name="workspace_retention_possible"
            ),
            models.CheckConstraint(
                condition=models.Q(rotation_first_hour__isnull=True, rotation_end_hour__isnull=True)
                | models.Q(rotation_first_hour__range=(0, 23), rotation_end_hour__range=(0, 24)),
                name="workspace_rotation_window_possible",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def key(self) -> str:
        return f"workspace:{self.pk}"


class Member(models.Model):
    """Somebody who may act in a workspace: an Entra object of a directory. What they may do there stands in their token."""

    workspace = models.ForeignKey(Workspace, models.CASCADE, related_name="members")
    tenant_id = models.TextField()
    object_id = models.TextField()
    added_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["workspace", "tenant_id", "object_id"], name="member_once_per_workspace"),
        ]

    def __str__(self) -> str:
        return f"{self.object_id} in {self.workspace}"
