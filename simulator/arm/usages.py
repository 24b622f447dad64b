"""Usages of a server and of a database."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.routing import DATABASE, SERVER, route
from simulator.arm.server_load import used_dtus
from simulator.arm.storage import used_bytes
from simulator.http import Response, answer

ALLOCATED_STEP = 16 * 1024**2


def _usage(id_: str, name: str, display_name: str, unit: str, values: tuple[float, float]) -> dict[str, Any]:
    current, limit = values
    type_ = "Microsoft.Sql/servers/databases/usages" if "/databases/" in id_ else "Microsoft.Sql/servers/usages"
    properties = {"displayName": display_name, "currentValue": current, "limit": limit, "unit": unit}
    return {"properties": properties, "id": f"{id_}/usages/{name}", "name": name, "type": type_}


@route("GET", SERVER + "/usages")
def list_server_usages(call: Call) -> Response:
    """DTUs taken (a vCore counts as 100) and databases."""
    server, resources, quotas = call.server(), call.arm.resources, call.arm.quotas
    dtus = (float(used_dtus(resources, server)), float(quotas.dtus_per_server))
    count = (float(resources.count(server.key, "databases") - 1), float(quotas.databases_per_server))
    value = [
        _usage(server.id, "server_dtu_quota", "Database Throughput Unit Quota", "DTUs", dtus),
        _usage(server.id, "database_count", "Databases", "Count", count),
    ]
    return answer(200, {"value": value})


@route("GET", DATABASE + "/usages")
def list_database_usages(call: Call) -> Response:
    """Data held and allocated: what the metrics say of this minute."""
    database = call.shown(DATABASE)
    used, limit = float(used_bytes(call, database)), float(database.properties["maxSizeBytes"])
    allocated = float(-(-int(used) // ALLOCATED_STEP) * ALLOCATED_STEP)
    value = [
        _usage(database.id, "database_size", "Database Size", "Bytes", (used, limit)),
        _usage(database.id, "database_allocated_size", "Database Allocated Size", "Bytes", (allocated, limit)),
    ]
    return answer(200, {"value": value})
