from __future__ import annotations

from typing import ClassVar

from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models.workspace import NAME_PATTERN, Workspace


class ServiceInstance(models.Model):
    """A FHIR or DICOM service of a workspace; it owns one database. Its name is free again once it is gone.

    Where only Entra may sign in, it says as whom: an application or managed identity of the directory, else all three are
    empty.
    """

    class Kind(models.TextChoices):
        FHIR = "fhir", "FHIR"
        DICOM = "dicom", "DICOM"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, related_name="services")
    name = models.TextField(validators=[RegexValidator(NAME_PATTERN)])
    kind = models.TextField(choices=Kind.choices)
    entra_name = models.TextField(blank=True, default="", help_text="Display name of its identity in Entra.")
    entra_object_id = models.TextField(blank=True, default="", help_text="A GUID, lower case.")
    entra_client_id = models.TextField(blank=True, default="", help_text="A GUID, lower case.")
    has_cast = models.BooleanField(default=False, help_text="DICOM Cast has a credential of its own on the database.")
    created_at = models.DateTimeField(auto_now_add=True)
    deleted_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "name"],
                condition=Q(deleted_at__isnull=True),
                name="service_name_once_per_workspace",
            ),
            models.CheckConstraint(condition=Q(kind__in=["fhir", "dicom"]), name="service_kind_known"),
            models.CheckConstraint(condition=Q(has_cast=False) | Q(kind="dicom"), name="service_cast_is_dicoms"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace.name}/{self.name}"
