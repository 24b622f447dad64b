"""Older api-versions show fewer properties: which version brought which, as the recordings of each year have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.arm.backup_storage import with_storage
from simulator.arm.resources import Body, Resource
from simulator.moments import iso

NEWEST_CHANGE = "2022-08-01"
FIRST_BACKUP_SECONDS = 200.0  # as in a recorded flow; the documentation says within half an hour
SINCE: Mapping[str, Mapping[str, str]] = {
    "servers": {
        "privateEndpointConnections": "2019-06-01",
        "minimalTlsVersion": "2019-06-01",
        "publicNetworkAccess": "2019-06-01",
        "administrators": "2020-11-01",
        "restrictOutboundNetworkAccess": "2021-02-01",
        "externalGovernanceStatus": "2022-05-01",
    },
    "databases": {
        "currentSku": "2017-10-01",
        "secondaryType": "2020-02-02",
        "highAvailabilityReplicaCount": "2020-02-02",
        "maintenanceConfigurationId": "2020-02-02",
        "currentBackupStorageRedundancy": "2020-11-01",
        "requestedBackupStorageRedundancy": "2020-11-01",
        "isLedgerOn": "2021-02-01",
        "isInfraEncryptionEnabled": "2021-05-01",
        "availabilityZone": "2022-08-01",
    },
    "elasticPools": {
        "highAvailabilityReplicaCount": "2021-08-01",
        "maintenanceConfigurationId": "2020-02-02",
        "availabilityZone": "2022-08-01",
    },
}


def shown(resource: Resource, version: str, now: float) -> Body:
    """The resource's body as that api-version shows it at that moment."""
    date = version[:10]
    since = SINCE.get(resource.type)
    dated = _with_restore_point(resource, now)
    if resource.type == "databases":
        dated = with_storage(resource, dated, now)
    if since is None or date >= NEWEST_CHANGE:
        return resource.body if dated is resource.properties else {**resource.body, "properties": dated}
    properties: dict[str, Any] = {name: value for name, value in dated.items() if since.get(name, "") <= date}
    if resource.type == "databases" and date < since["highAvailabilityReplicaCount"]:
        properties["readReplicaCount"] = _read_replicas(resource)
    return {**resource.body, "properties": properties}


def _read_replicas(database: Resource) -> int:
    """What was asked for in Hyperscale; elsewhere 1 where a replica may be read, as recorded of P1, else 0."""
    readable = int(database.properties.get("readScale") == "Enabled")
    return int(database.properties.get("highAvailabilityReplicaCount", readable))


def restore_point(database: Resource, now: float) -> float | None:
    """The earliest moment it can be restored to: its first backup, later on the start of its retention.

    None before the first backup is complete. A Hyperscale database can be restored from its first moment on.
    """
    online_at: float | None = database.inner.get("online_at")
    if online_at is None:
        return None
    first = online_at if database.inner.get("snapshots") else online_at + FIRST_BACKUP_SECONDS
    return None if now < first else max(first, now - database.inner["retention_days"] * 86_400)


def _with_restore_point(resource: Resource, now: float) -> Body:
    point = restore_point(resource, now) if resource.type == "databases" else None
    return resource.properties if point is None else {**resource.properties, "earliestRestoreDate": iso(point)}
