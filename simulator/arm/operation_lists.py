"""Operations of a database or a pool that are remembered, and how one is cancelled."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import ArmError, conflict
from simulator.arm.operations import Operation
from simulator.arm.routing import DATABASE, POOL, route
from simulator.http import Response, answer
from simulator.moments import iso

FIRST_PHASE, SWITCH = "LogTransitionInProgress", "CutoverInProgress"


@route("GET", DATABASE + "/operations")
def list_database_operations(call: Call) -> Response:
    """Operations of a database that are remembered, oldest first."""
    database = call.existing(DATABASE)
    return answer(200, {"value": [_database_operation(call, one) for one in _listed(call, database.key)]})


def _listed(call: Call, key: str) -> list[Operation]:
    """What was done to a resource since it came to be: its creation is not among it, as recorded of both kinds."""
    return [one for one in call.arm.operations.of_target(key) if not one.word.startswith("CreateLogical")]


def _database_operation(call: Call, operation: Operation) -> dict[str, Any]:
    properties = {
        "databaseName": call.names["database"],
        "operation": operation.word,
        "operationFriendlyName": _friendly(operation.word),
        "percentComplete": _percent(call, operation),
        "serverName": call.names["server"],
        "startTime": iso(operation.started),
        "state": {"Canceled": "Cancelled"}.get(operation.status, operation.status),
        "isCancellable": _cancellable(operation),
        **_phase_of(operation),
        **_error_of(operation),
    }
    id_ = f"{call.id(DATABASE)}/operations/{operation.id}"
    return {
        "properties": properties,
        "id": id_,
        "name": operation.id,
        "type": "Microsoft.Sql/servers/databases/operations",
    }


@route("GET", POOL + "/operations")
def list_pool_operations(call: Call) -> Response:
    """Operations of a pool: word and state are spelt otherwise than a database's, and none says that it can be cancelled."""
    pool = call.existing(POOL)
    return answer(200, {"value": [_pool_operation(call, one) for one in _listed(call, pool.key)]})


def _pool_operation(call: Call, operation: Operation) -> dict[str, Any]:
    states = {"InProgress": "IN_PROGRESS", "Succeeded": "COMPLETED", "Failed": "FAILED", "Canceled": "CANCELLED"}
    word = operation.word.removesuffix("LogicalElasticPool").upper()
    properties = {
        "elasticPoolName": call.names["pool"],
        "operation": word,
        "operationFriendlyName": word,
        "percentComplete": _percent(call, operation),
        "serverName": call.names["server"],
        "startTime": iso(operation.started),
        "state": states.get(operation.status, "CANCEL_IN_PROGRESS"),
        **_expected_end(operation),
        "description": f"'{operation.word}' on pool '{call.names['pool']}'{_target(operation)}.",
        "isCancellable": False,  # as recorded, of one that was then cancelled
        **_error_of(operation),
    }
    id_ = f"{call.id(POOL)}/operations/{operation.id}"
    return {
        "properties": properties,
        "id": id_,
        "name": operation.id,
        "type": "Microsoft.Sql/servers/elasticPools/operations",
    }


@route("POST", DATABASE + "/operations/{operation}/cancel")
@route("POST", POOL + "/operations/{operation}/cancel")
def cancel(call: Call) -> Response:
    """200 without a body; 409 when the operation is over or of a kind that cannot be cancelled."""
    template = POOL if "pool" in call.names else DATABASE
    target = call.existing(template)
    operation = call.arm.operations.get(call.names["operation"])
    if operation is None or operation.target != target.key:
        raise ArmError(
            404, "OperationIdNotFound", f"The operation with Id: '{call.names['operation']}' does not exist."
        )
    if not _cancellable(operation):
        raise conflict("CannotCancelOperation", "The management operation is in a state that cannot be cancelled.")
    call.arm.operations.cancel(operation)
    call.record("Cancel", target.id)
    return Response(200)


def _cancellable(operation: Operation) -> bool:
    """Until it is switched over."""
    is_change = operation.word.startswith("UpdateLogical") and operation.effect.get("stage") != SWITCH
    return operation.status == "InProgress" and is_change


def _phase_of(operation: Operation) -> dict[str, Any]:
    """Of a conversion to Hyperscale, while it runs."""
    if not operation.running or not operation.effect.get("phased"):
        return {}
    return {"operationPhaseDetails": {"phase": operation.effect["stage"]}}


def _target(operation: Operation) -> str:
    sku = operation.effect.get("body", {}).get("sku")
    if not sku:
        return ""
    unit = "vCores" if "family" in sku else "DTU"
    return f", target Edition '{sku['tier']}', target pool {unit} '{sku['capacity']}'"


def _expected_end(operation: Operation) -> dict[str, Any]:
    return {"estimatedCompletionTime": iso(operation.due)} if operation.running and operation.due else {}


def _percent(call: Call, operation: Operation) -> int:
    """Only 0, 50 and 100 are ever told."""
    if not operation.running:
        return 100 if operation.status == "Succeeded" else 0
    if operation.effect.get("phased"):
        return 0 if operation.effect["stage"] == FIRST_PHASE else 50
    half_time = operation.started + ((operation.due or operation.started + 1e9) - operation.started) / 2
    return 50 if call.now >= half_time else 0


def _friendly(word: str) -> str:
    return {"Create": "CREATE DATABASE", "Update": "ALTER DATABASE", "DropLo": "DROP DATABASE"}.get(word[:6], word)


def _error_of(operation: Operation) -> dict[str, Any]:
    if not operation.error or operation.status == "InProgress":
        return {}
    return {"errorDescription": operation.error["message"], "isUserError": operation.status == "Canceled"}
