"""What a GET of a database shows."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.database_sizes import Place, max_bytes
from simulator.arm.errors import invalid
from simulator.arm.limits import GIB
from simulator.arm.pool_settings import ZONE_MESSAGE, check_zones, replica_count
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import SUBSCRIPTION
from simulator.moments import iso
from simulator.regions import REGIONS

TYPE = "Microsoft.Sql/servers/databases"
COLLATION = "SQL_Latin1_General_CP1_CI_AS"
VCORE_LOG_BYTES = 180 * GIB
MAINTENANCE = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/SQL_Default"
REDUNDANCIES = ("Local", "Zone", "Geo", "GeoZone")


def new_body(call: Call, server: Resource, place: Place, asked: Body, *, tags: Body | None, status: str) -> Body:
    """The body of a database that is being created, with the properties asked for (or handed on by its source)."""
    redundancy = None if asked.get("secondaryType") == "Named" else _redundancy(asked) or "Geo"
    properties = {
        "collation": asked.get("collation") or COLLATION,
        "maxSizeBytes": max_bytes(place, asked.get("maxSizeBytes")),
        "elasticPoolId": place.pool.id if place.pool else None,
        "status": status,
        "databaseId": call.arm.new_id(),
        "creationDate": iso(call.now),
        "currentServiceObjectiveName": place.objective,
        "requestedServiceObjectiveName": place.objective,
        "defaultSecondaryLocation": REGIONS[server.body["location"]].paired,
        "catalogCollation": asked.get("catalogCollation") or COLLATION,
        "zoneRedundant": bool(asked.get("zoneRedundant")),
        **_by_place(place, asked),
        "secondaryType": asked.get("secondaryType"),
        "currentBackupStorageRedundancy": redundancy,
        "requestedBackupStorageRedundancy": redundancy,
        "maintenanceConfigurationId": _maintenance(call),
        "isLedgerOn": bool(asked.get("isLedgerOn")),
        "isInfraEncryptionEnabled": False,
        "availabilityZone": "NoPreference",
    }
    return {
        "sku": place.sku,
        "kind": place.kind,
        "properties": {name: value for name, value in properties.items() if value is not None},
        "location": server.body["location"],
        **({"tags": tags} if tags is not None else {}),
        "id": f"{server.id}/databases/{call.names['database']}",
        "name": call.names["database"],
        "type": TYPE,
    }


def _maintenance(call: Call) -> str:
    return call.id(SUBSCRIPTION) + MAINTENANCE


def _by_place(place: Place, asked: Body) -> Body:
    """Properties that follow from tier and purchasing model; None where there is no such property."""
    scale = "Enabled" if place.is_hyperscale or place.tier in ("Premium", "BusinessCritical") else "Disabled"
    zoned = bool(asked.get("zoneRedundant"))
    check_zones(asked, tier=place.tier, family=place.sku.get("family"))
    replicas = replica_count(asked, zoned=zoned) if place.is_hyperscale else None
    return {
        "licenseType": "LicenseIncluded" if place.is_vcore and place.pool is None else None,
        "maxLogSizeBytes": VCORE_LOG_BYTES if place.is_vcore and not place.is_hyperscale else None,
        "readScale": asked.get("readScale") or scale,
        "highAvailabilityReplicaCount": replicas,
        "currentSku": place.sku,
        **(_serverless(asked) if place.is_serverless else {}),
    }


def _serverless(asked: Body) -> Body:
    return {
        "autoPauseDelay": int(asked.get("autoPauseDelay", 60)),
        "minCapacity": float(asked.get("minCapacity", 0.5)),
    }


def _redundancy(asked: Body) -> str | None:
    redundancy = asked.get("requestedBackupStorageRedundancy")
    if redundancy is not None and redundancy not in REDUNDANCIES:
        message = "Invalid value given for parameter requestedBackupStorageRedundancy. Specify a valid parameter value."
        raise invalid("InvalidParameterValue", message)
    return redundancy


def changed_body(database: Resource, place: Place, asked: Body, tags: Body | None) -> Body:
    """The body after a change: what the request leaves out stays."""
    before = database.properties
    if before.get("secondaryType") == "Named":
        asked = {name: value for name, value in asked.items() if name != "requestedBackupStorageRedundancy"}
    stays = place.pool is None or before.get("elasticPoolId") == place.pool.id
    size = asked.get("maxSizeBytes") or (before["maxSizeBytes"] if _keeps_size(before, place) else None)
    redundancy = _redundancy(asked) or before.get("requestedBackupStorageRedundancy")
    if place.is_hyperscale and database.body["sku"]["tier"] == "Hyperscale":
        _check_fixed(before, asked, redundancy)
    properties: dict[str, Any] = {
        **before,
        "maxSizeBytes": max_bytes(place, size),
        "elasticPoolId": place.pool.id if place.pool else None,
        "status": "Online",
        "currentServiceObjectiveName": place.objective,
        "requestedServiceObjectiveName": place.objective,
        "zoneRedundant": bool(asked.get("zoneRedundant", before["zoneRedundant"])),
        **_by_place(place, {"readScale": before.get("readScale") if stays else None, **_given(asked)}),
        "currentBackupStorageRedundancy": redundancy,
        "requestedBackupStorageRedundancy": redundancy,
    }
    kept = {name: value for name, value in properties.items() if value is not None}
    body = {**database.body, "sku": place.sku, "kind": place.kind, "properties": kept}
    return {**body, "tags": tags} if tags is not None else body


def _check_fixed(before: Body, asked: Body, redundancy: str | None) -> None:
    """A Hyperscale database keeps its backup storage and its zones for life."""
    if redundancy != before.get("requestedBackupStorageRedundancy"):
        message = "The backup storage redundancy of a Hyperscale database can be chosen only when it is created."
        raise invalid("UnsupportedBackupStorageRedundancyForEdition", message)
    if bool(asked.get("zoneRedundant", before["zoneRedundant"])) != before["zoneRedundant"]:
        raise invalid("ProvisioningDisabled", ZONE_MESSAGE)


def _given(asked: Body) -> Body:
    return {name: value for name, value in asked.items() if value is not None}


def _keeps_size(before: Body, place: Place) -> bool:
    return before["maxSizeBytes"] > 0 and not place.is_hyperscale


def master_body(subscription_root: str, server: Resource, database_id: str, now: float) -> Body:
    """The body of a server's `master`."""
    sku = {"name": "System", "tier": "System", "capacity": 0}
    id_ = f"{server.id}/databases/master"
    properties = {
        "collation": COLLATION,
        "maxSizeBytes": 50 * GIB,
        "status": "Online",
        "databaseId": database_id,
        "creationDate": iso(now),
        "currentServiceObjectiveName": "System2",
        "requestedServiceObjectiveName": "System2",
        "defaultSecondaryLocation": REGIONS[server.body["location"]].paired,
        "catalogCollation": COLLATION,
        "zoneRedundant": False,
        "readScale": "Disabled",
        "currentSku": sku,
        "currentBackupStorageRedundancy": "Local",
        "requestedBackupStorageRedundancy": "Local",
        "maintenanceConfigurationId": subscription_root + MAINTENANCE,
        "isLedgerOn": False,
        "isInfraEncryptionEnabled": False,
        "availabilityZone": "NoPreference",
    }
    head = {"sku": sku, "kind": "v12.0,system", "managedBy": server.id, "properties": properties}
    return {**head, "location": server.body["location"], "id": id_, "name": "master", "type": TYPE}
