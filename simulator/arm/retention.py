"""Short-term backup retention of a database: 1 to 35 days (Basic: 7), 7 from the start."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.database_changes import check_idle
from simulator.arm.errors import conflict, invalid, not_found
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import DATABASE, route
from simulator.http import Response, answer

TYPE = "Microsoft.Sql/servers/databases/backupShortTermRetentionPolicies"
KIND, WORD = "shortTermRetentionPolicy", "UpdateBackupShortTermRetentionPolicy"
POLICY = DATABASE + "/backupShortTermRetentionPolicies/{policy}"
LONGEST_DAYS, LONGEST_DAYS_OF_BASIC = 35, 7


def _body(database: Resource, days: int, hours: int) -> dict[str, Any]:
    properties: Body = {"retentionDays": days}
    if database.body["sku"]["tier"] != "Hyperscale":
        properties["diffBackupIntervalInHours"] = hours
    id_ = f"{database.id}/backupShortTermRetentionPolicies/default"
    return {"properties": properties, "id": id_, "name": "default", "type": TYPE}


def _present(database: Resource) -> dict[str, Any]:
    return _body(database, database.inner["retention_days"], database.inner["diff_hours"])


@route("GET", POLICY)
def get_policy(call: Call) -> Response:
    database = call.shown(DATABASE)
    _check_name(call)
    return answer(200, _present(database))


@route("GET", DATABASE + "/backupShortTermRetentionPolicies")
def list_policies(call: Call) -> Response:
    return answer(200, {"value": [_present(call.shown(DATABASE))]})


@route("PUT", POLICY)
@route("PATCH", POLICY)
def put_policy(call: Call) -> Response:
    """200 when nothing changes, else 202."""
    database = call.existing(DATABASE)
    _check_name(call)
    properties = properties_of(call.body())
    days: Any = properties.get("retentionDays", database.inner["retention_days"])
    hours = properties.get("diffBackupIntervalInHours") or database.inner["diff_hours"]
    _check(database, days, hours)
    check_idle(call, database)
    if call.arm.operations.running_on(_target(database)):
        message = f"There is already some operation on the retention policy of '{database.name}'."
        raise conflict("ConflictingDatabaseOperation", message)
    shown = _body(database, days, hours)
    if shown == _present(database):
        return answer(200, shown)
    effect: Body = {"days": days, "hours": hours, "database": database.key, "shown": shown}
    return accepted(call, kind=KIND, word=WORD, target=_target(database), seconds=call.arm.seconds(2, 12), **effect)


def _target(database: Resource) -> str:
    return f"{database.id}/backupShortTermRetentionPolicies/default"


def _check_name(call: Call) -> None:
    if call.names["policy"].lower() != "default":
        raise not_found(TYPE, call.names["policy"])


def _check(database: Resource, days: Any, hours: Any) -> None:
    longest = LONGEST_DAYS_OF_BASIC if database.body["sku"]["tier"] == "Basic" else LONGEST_DAYS
    if not isinstance(days, int) or isinstance(days, bool) or not 1 <= days <= longest:
        message = (
            f"The retention days of {days} is not a valid configuration. "
            f"Valid backup retention in days must be between 1 and {longest}"
        )
        raise invalid("InvalidBackupRetentionPeriod", message)
    if hours not in (12, 24):
        message = "Invalid value given for parameter diffBackupIntervalInHours. Specify a valid parameter value."
        raise invalid("InvalidParameterValue", message)


def finish_retention(resources: Resources, operation: Operation) -> None:
    effect = operation.effect
    database = resources.get(effect["database"])
    if database:
        resources.put(database.changed(inner={"retention_days": effect["days"], "diff_hours": effect["hours"]}))
