"""/workspaces/{w}/services/{s}/database: the one database of a service, as wished for and as Azure last showed it."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.links import database_path
from controlplane.api.openapi import documented
from controlplane.api.problems import not_found
from controlplane.api.services import BYTES_PER_GB, PROVISIONING_STATES, DatabaseDocument
from controlplane.api.view import TaggedView, named
from inventory.models import Database
from inventory.selectors import Viewer, present_databases, services_for


class DatabaseProperties(DatabaseDocument):
    """What a database is. `status` is the word that Azure last showed, e.g. Online; empty: it was never seen."""

    name = None  # type: ignore[assignment]  # it stands beside, as with every resource
    provisioningState = serializers.ChoiceField(list(PROVISIONING_STATES.values()))
    status = serializers.CharField(allow_blank=True)
    region = serializers.CharField()
    sku = serializers.CharField(allow_null=True, help_text="Of a single database; one in a pool has its pool's.")
    vcores = serializers.IntegerField(allow_null=True)
    sizeGb = serializers.IntegerField(help_text="Planned capacity in GiB.")
    retentionDays = serializers.IntegerField(help_text="Point-in-time restore window.")
    backupRedundancy = serializers.CharField()
    createdAt = serializers.DateTimeField()
    readyAt = serializers.DateTimeField(allow_null=True)


class ServiceDatabaseDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(["workspaces/services/databases"])
    properties = DatabaseProperties()


class ServiceDatabaseView(TaggedView):
    """The database of a service."""

    @documented("databases_get", answers={200: ServiceDatabaseDocument, 304: None}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        """It is changed and removed by wishes for its service."""
        place = self.workspace(workspace)
        mine = services_for(self.viewer()).filter(workspace=place, name=named(service, "service"))
        row = present_databases().select_related("server", "pool").filter(service__in=mine).first()
        if row is None:
            raise not_found("Service")
        return Response(
            {
                "id": database_path(place.name, service),
                "name": row.azure_name,
                "type": "workspaces/services/databases",
                "properties": _properties(row, self.viewer()),
            }
        )


def _properties(row: Database, viewer: Viewer) -> dict[str, Any]:
    """Owners are not shown the pool that they share with others."""
    server = row.server
    shown = {
        "tier": row.service_tier,
        "endpoint": (server.observed_endpoint if server else "") or None,
        "server": server.azure_name if server else None,
        "provisioningState": PROVISIONING_STATES[row.Status(row.status)],
        "status": row.observed_status,
        "region": row.region_id,
        "sku": row.sku_name or None,
        "vcores": row.vcores,
        "sizeGb": row.size_bytes // BYTES_PER_GB,
        "retentionDays": row.retention_days,
        "backupRedundancy": row.backup_redundancy,
        "createdAt": row.created_at,
        "readyAt": row.ready_at,
    }
    return {**shown, "pool": row.pool.azure_name if row.pool else None} if viewer.sees_everything else shown
