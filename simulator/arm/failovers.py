"""Failing a database or a pool over to another replica by hand: its sessions end, once a quarter of an hour."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.errors import conflict, invalid
from simulator.arm.names import check_not_reserved
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Resource, Resources
from simulator.arm.routing import DATABASE, POOL, route
from simulator.http import Response
from simulator.tds.contents import DatabaseContents

WORD = "FailoverDatabaseOrElasticPoolAsync"
PAUSE_SECONDS = 900.0


@route("POST", DATABASE + "/failover")
def fail_database_over(call: Call) -> Response:
    """202. `replicaType=ReadableSecondary` takes a tier that has readable secondaries."""
    database = call.existing(DATABASE)
    check_not_reserved(database.name)
    readable = call.request.query.get("replicaType", "Primary") == "ReadableSecondary"
    if readable and database.body["sku"]["tier"] not in ("Premium", "BusinessCritical"):
        message = "This type of customer initiated failover is not supported on the given SKU."
        raise invalid("DatabaseFailoverNotSupportedOnSKU", message)
    if database.properties["status"] != "Online":
        message = "The database is currently in a state such that failover cannot be issued."
        raise conflict("DatabaseNotInStateToFailover", message)
    pool = call.arm.resources.get(database.properties.get("elasticPoolId") or "")
    if _is_recent(call, database) or (pool and _is_recent(call, pool)):
        message = "There was a recent failover on the database or pool if database belongs in an elastic pool."
        raise invalid("DatabaseFailoverThrottled", message)
    return _begin(call, database, "database")


@route("POST", POOL + "/failover")
def fail_pool_over(call: Call) -> Response:
    pool = call.existing(POOL)
    if pool.properties["state"] != "Ready":
        message = "The elastic pool is currently in a state such that failover cannot be issued."
        raise conflict("ElasticPoolNotInStateToFailover", message)
    if _is_recent(call, pool):
        raise invalid("ElasticPoolFailoverThrottled", "There was a recent failover on the elastic pool.")
    return _begin(call, pool, "elasticPool")


def _is_recent(call: Call, resource: Resource) -> bool:
    return bool(call.now < resource.inner.get("failed_over_at", -PAUSE_SECONDS) + PAUSE_SECONDS)


def _begin(call: Call, resource: Resource, kind: str) -> Response:
    if call.arm.operations.running_on(resource.key):
        message = f"Database '{resource.name}' is busy with another operation. Please try your operation later."
        raise conflict("ManagementServiceDatabaseBusy", message)
    call.arm.resources.put(resource.changed(inner={"failed_over_at": call.now}))
    return accepted(call, kind=kind, word=WORD, target=resource.id, seconds=call.arm.seconds(8, 15), empty=True)


def finish_failover(resources: Resources, contents: DatabaseContents, operation: Operation) -> None:
    """The switch: every session ends."""
    target = resources.get(operation.target)
    if target is None:
        return
    members = [target] if target.type == "databases" else resources.children(target.key, "databases")
    for database in members:
        contents.close(database.properties["databaseId"])
