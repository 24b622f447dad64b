"""Older api-versions show fewer properties: which version brought which, as the recordings of each year have them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.arm.resources import Body, Resource

NEWEST_CHANGE = "2022-08-01"
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


def shown(resource: Resource, version: str) -> Body:
    """The resource's body as that api-version shows it."""
    date = version[:10]
    since = SINCE.get(resource.type)
    if since is None or date >= NEWEST_CHANGE:
        return resource.body
    properties: dict[str, Any] = {
        name: value for name, value in resource.properties.items() if since.get(name, "") <= date
    }
    if resource.type == "databases" and date < since["highAvailabilityReplicaCount"]:
        properties["readReplicaCount"] = resource.properties.get("highAvailabilityReplicaCount", 0)
    return {**resource.body, "properties": properties}
