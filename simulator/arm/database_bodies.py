"""What a GET of a database shows."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.collations import check_collation
from simulator.arm.database_sizes import Place, largest_bytes, max_bytes
from simulator.arm.errors import conflict, invalid
from simulator.arm.limits import GIB
from simulator.arm.maintenance import NAME, default_id, maintenance_id
from simulator.arm.pool_settings import ZONE_MESSAGE, check_license, check_zone_of_pool, check_zones, replica_count
from simulator.arm.resources import Body, Resource
from simulator.moments import iso
from simulator.regions import REGIONS

TYPE = "Microsoft.Sql/servers/databases"
COLLATION = "SQL_Latin1_General_CP1_CI_AS"
VCORE_LOG_BYTES = 180 * GIB
REDUNDANCIES = ("Local", "Zone", "Geo", "GeoZone")


def new_body(call: Call, server: Resource, place: Place, asked: Body, *, tags: Body | None, status: str) -> Body:
    """The body of a database that is being created, with the properties asked for (or handed on by its source)."""
    redundancy = None if asked.get("secondaryType") == "Named" else _redundancy(asked) or "Geo"
    asked = {**_of_the_pool(place), **asked}
    properties = {
        "collation": _collation(asked),
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
        NAME: _maintenance(call, place, asked, location=server.body["location"]),
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


def _collation(asked: Body) -> str:
    check_collation(asked.get("collation"))
    return str(asked.get("collation") or COLLATION)


def _of_the_pool(place: Place) -> Body:
    """A Hyperscale pool hands its zones on."""
    return {"zoneRedundant": place.pool.properties["zoneRedundant"]} if place.is_hyperscale and place.pool else {}


def _maintenance(call: Call, place: Place, asked: Body, *, location: str, now: str | None = None) -> str:
    """Its own window, or its pool's: 409 for another one than that."""
    if place.pool is None:
        return maintenance_id(call, asked, location=location, now=now)
    of_the_pool = str(place.pool.properties[NAME])
    if maintenance_id(call, asked, location=location, now=of_the_pool) != of_the_pool:
        message = "The maintenance configuration of the database is not that of its elastic pool."
        raise conflict("DatabaseElasticPoolMaintenanceConflict", message)
    return of_the_pool


def _by_place(place: Place, asked: Body) -> Body:
    """Properties that follow from tier and purchasing model; None where there is no such property."""
    scale = "Enabled" if _is_readable(place) else "Disabled"
    _check_read_scale(asked.get("readScale"), readable=_is_readable(place))
    zoned = bool(asked.get("zoneRedundant"))
    check_license(asked.get("licenseType"))
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


def _is_readable(place: Place) -> bool:
    return place.tier in ("Premium", "BusinessCritical", "Hyperscale")


def _check_read_scale(asked: str | None, *, readable: bool) -> None:
    if asked not in (None, "Enabled", "Disabled"):
        raise invalid("InvalidReadScaleUnits", f"The read scale value '{asked}' is not supported.")
    if asked == "Enabled" and not readable:
        raise invalid("InvalidReadScaleEdition", "Read scale is not supported on a database of this tier.")


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


def changed_body(call: Call, database: Resource, place: Place, asked: Body, tags: Body | None) -> Body:
    """The body after a change: what the request leaves out stays."""
    before = database.properties
    if before.get("secondaryType") == "Named":
        asked = {name: value for name, value in asked.items() if name != "requestedBackupStorageRedundancy"}
    stays = place.pool is None or before.get("elasticPoolId") == place.pool.id
    size = asked.get("maxSizeBytes") or _size_without_wish(before, place)
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
        **_by_place(place, {**_kept(before, place, stays=stays), **_given(asked)}),
        NAME: _maintenance(call, place, asked, location=database.body["location"], now=before.get(NAME)),
        "currentBackupStorageRedundancy": redundancy,
        "requestedBackupStorageRedundancy": redundancy,
    }
    check_zone_of_pool(place.pool, properties)
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


def _kept(before: Body, place: Place, *, stays: bool) -> Body:
    """What a request that leaves it out does not change."""
    names = ["readScale"] if stays and (before.get("readScale") != "Enabled" or _is_readable(place)) else []
    names += ["highAvailabilityReplicaCount"] if place.is_hyperscale else []
    names += ["autoPauseDelay", "minCapacity"] if place.is_serverless else []
    return {name: before[name] for name in names if name in before}


def _given(asked: Body) -> Body:
    return {name: value for name, value in asked.items() if value is not None}


def _size_without_wish(before: Body, place: Place) -> int | None:
    """What it had; out of Hyperscale, which has none, the largest that the new size takes; None: Azure's default."""
    if place.is_hyperscale:
        return None
    return int(before["maxSizeBytes"]) if before["maxSizeBytes"] > 0 else largest_bytes(place)


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
        NAME: default_id(subscription_root),
        "isLedgerOn": False,
        "isInfraEncryptionEnabled": False,
        "availabilityZone": "NoPreference",
    }
    head = {"sku": sku, "kind": "v12.0,system", "managedBy": server.id, "properties": properties}
    return {**head, "location": server.body["location"], "id": id_, "name": "master", "type": TYPE}
