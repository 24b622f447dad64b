"""Long-term backup retention of a database: how long weekly, monthly and yearly backups are kept."""

from __future__ import annotations

import re
from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.database_changes import check_idle
from simulator.arm.errors import conflict, invalid, not_found
from simulator.arm.names import check_not_reserved
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource, Resources
from simulator.arm.routing import DATABASE, route
from simulator.http import Response, answer

TYPE = "Microsoft.Sql/servers/databases/backupLongTermRetentionPolicies"
KIND, WORD = "longTermRetentionPolicy", "UpsertLongTermRetentionPolicy"
POLICY = DATABASE + "/backupLongTermRetentionPolicies/{policy}"
NONE: Body = {"weeklyRetention": "PT0S", "monthlyRetention": "PT0S", "yearlyRetention": "PT0S", "weekOfYear": 0}
LONGEST_DAYS = 3660
_DURATION = re.compile(r"P(\d+)([DWMY])|PT0S")
_DAYS = {"D": 1, "W": 7, "M": 30, "Y": 365}


def _body(database: Resource, policy: Body) -> dict[str, Any]:
    id_ = f"{database.id}/backupLongTermRetentionPolicies/default"
    return {"properties": policy, "id": id_, "name": "default", "type": TYPE}


def _present(database: Resource) -> dict[str, Any]:
    return _body(database, database.inner.get("long_term") or NONE)


@route("GET", POLICY)
def get_policy(call: Call) -> Response:
    database = call.shown(DATABASE)
    _check_name(call)
    return answer(200, _present(database))


@route("GET", DATABASE + "/backupLongTermRetentionPolicies")
def list_policies(call: Call) -> Response:
    return answer(200, {"value": [_present(call.shown(DATABASE))]})


@route("PUT", POLICY)
def put_policy(call: Call) -> Response:
    """202. Times as ISO 8601 durations of days, weeks, months or years, up to ten years."""
    database = call.existing(DATABASE)
    _check_name(call)
    check_not_reserved(database.name)
    asked = properties_of(call.body())
    policy = {**NONE, **{name: asked[name] for name in NONE if asked.get(name) is not None}}
    _check(policy)
    check_idle(call, database)
    target = f"{database.id}/backupLongTermRetentionPolicies/default"
    if call.arm.operations.running_on(target):
        message = f"There is already some operation on the retention policy of '{database.name}'."
        raise conflict("ConflictingDatabaseOperation", message)
    effect: Body = {"policy": policy, "database": database.key, "shown": _body(database, policy)}
    return accepted(call, kind=KIND, word=WORD, target=target, seconds=call.arm.seconds(2, 12), **effect)


def _check_name(call: Call) -> None:
    if call.names["policy"].lower() != "default":
        raise not_found(TYPE, call.names["policy"])


def _check(policy: Body) -> None:
    for name in ("weeklyRetention", "monthlyRetention", "yearlyRetention"):
        found = _DURATION.fullmatch(str(policy[name]))
        if found is None or (found[1] and int(found[1]) * _DAYS[found[2]] > LONGEST_DAYS):
            raise _invalid(name)
    week = policy["weekOfYear"]
    yearly = policy["yearlyRetention"] != "PT0S"
    if not isinstance(week, int) or not (1 if yearly else 0) <= week <= 52:
        raise _invalid("weekOfYear")


def _invalid(name: str) -> Exception:
    return invalid(
        "InvalidParameterValue", f"Invalid value given for parameter {name}. Specify a valid parameter value."
    )


def finish_long_term(resources: Resources, operation: Operation) -> None:
    database = resources.get(operation.effect["database"])
    if database:
        resources.put(database.changed(inner={"long_term": operation.effect["policy"]}))
