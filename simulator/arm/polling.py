"""The 202 answer and the two URLs behind it: long, opaque, signed; a changed one is refused."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import ArmError, conflict
from simulator.arm.operations import Operation
from simulator.arm.routing import DATABASE, GROUP, POOL, SUBSCRIPTION, route
from simulator.faults import FaultKind
from simulator.http import Response, answer
from simulator.moments import iso, ticks

CERTIFICATE_CHARACTERS, SIGNATURE_CHARACTERS = 2615, 342
KINDS = (
    "server",
    "elasticPool",
    "database",
    "serverAdministrator",
    "serverAzureADOnlyAuthentication",
    "auditingSettings",
    "extendedAuditingSettings",
    "transparentDataEncryption",
    "shortTermRetentionPolicy",
    "longTermRetentionPolicy",
    "privateEndpointConnection",
    "replicationLinks",
)
FAILURE = {"code": "InternalServerError", "message": "An unexpected error occurred while processing the request."}


def accepted(
    call: Call, *, kind: str, word: str, target: str, seconds: float, retry_after: int = 15, **effect: Any
) -> Response:
    """Start an operation and answer 202 with both poll URLs. Its id is the request's id."""
    now = call.now
    operation = Operation(
        id=call.request_id,
        kind=kind,
        word=word,
        target=target.lower(),
        subscription=call.names["subscription"],
        group=call.names["group"],
        location=call.server_location(),
        started=now,
        due=now + seconds,
        effect=effect,
        retry_after=retry_after,
        method=call.request.method,
    )
    if "fails" in effect:  # accepted all the same: Azure finds out later
        operation = replace(operation, error=effect["fails"])
    call.arm.operations.start(_with_fault(call, operation))
    call.record(word, target)
    headers = {
        "location": _url(call, operation, "OperationResults"),
        "azure-asyncoperation": _url(call, operation, "AzureAsyncOperation"),
        "retry-after": call.arm.retry_after(retry_after),
        "server": "Microsoft-HTTPAPI/2.0",
    }
    return answer(202, {"operation": word, "startTime": iso(now)}, headers)


def _with_fault(call: Call, operation: Operation) -> Operation:
    fault = call.fault
    if fault is None or operation.due is None:
        return operation
    if fault.kind is FaultKind.STUCK_OPERATION:
        return replace(operation, due=None)
    if fault.kind is FaultKind.SLOW_OPERATION:
        return replace(operation, due=operation.due + fault.seconds)
    return replace(operation, error={"code": fault.code, "message": fault.message})


def _url(call: Call, operation: Operation, what: str) -> str:
    path = (
        f"/subscriptions/{operation.subscription}/resourceGroups/{operation.group}/providers/Microsoft.Sql"
        f"/locations/{operation.location}/{operation.kind}{what}/{operation.id}"
    )
    stamp = str(ticks(operation.started))
    certificate, signature, short = _signed(call, path, stamp)
    query = f"api-version={call.api_version}&t={stamp}&c={certificate}&s={signature}&h={short}"
    return f"{call.request.base_url}{path}?{query}"


def _signed(call: Call, path: str, stamp: str) -> tuple[str, str, str]:
    """The `c`, `s` and `h` of a poll URL: as long as Azure's, and bound to path and time by our key."""
    key = call.arm.poll_key
    message = f"{path.lower()}?{stamp}".encode()
    signature = _text(hashlib.shake_256(key + message).digest(257))[:SIGNATURE_CHARACTERS]
    short = _text(hmac.new(key, message, hashlib.sha256).digest())
    return call.arm.poll_certificate, signature, short


def certificate_text(key: bytes) -> str:
    """A stand-in for the certificate that Azure repeats in each URL."""
    return _text(hashlib.shake_256(b"certificate" + key).digest(1962))[:CERTIFICATE_CHARACTERS]


def _text(digest: bytes) -> str:
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _polled(call: Call) -> Operation:
    """The operation of a poll URL that we gave out; 400 for a changed URL, 404 for a forgotten operation."""
    query = call.request.query
    expected = _signed(call, call.request.path, query.get("t", ""))
    given = tuple(query.get(name, "") for name in ("c", "s", "h"))
    if not all(
        hmac.compare_digest(mine.encode(), theirs.encode()) for mine, theirs in zip(expected, given, strict=True)
    ):
        raise ArmError(
            400, "InvalidAsyncOperationUrl", "The URL of the operation is not the one that was given out.", gateway=True
        )
    operation = call.arm.operations.get(call.names["operation"])
    if operation is None:
        raise ArmError(
            404, "OperationIdNotFound", f"The operation with Id: '{call.names['operation']}' does not exist."
        )
    return operation


def poll_status(call: Call) -> Response:
    """Azure-AsyncOperation: name, status, startTime and, when it failed or was cancelled, the error."""
    operation = _polled(call)
    document: dict[str, Any] = {"name": operation.id, "status": operation.status, "startTime": iso(operation.started)}
    if operation.error and operation.status != "InProgress":
        document["error"] = dict(operation.error)
    return answer(200, document, {"retry-after": call.arm.retry_after(_poll_seconds(call, operation))})


def _poll_seconds(call: Call, operation: Operation) -> int:
    """15 s, but for a server: 1 s at first, then 20 s, in the end 15 s, as recorded."""
    age = call.now - operation.started
    if operation.kind != "server" or operation.method == "DELETE" or age >= 60 or operation.status != "InProgress":
        return 15
    return 1 if age < 6 else 20


def poll_result(call: Call) -> Response:
    """Location: 202 without a body until it is over, then the resource, nothing (deleted), or the error."""
    operation = _polled(call)
    if operation.running:
        headers = {"location": _url(call, operation, "OperationResults"), "retry-after": call.arm.retry_after(15)}
        return Response(202, headers)
    if operation.status != "Succeeded":
        error = operation.error or FAILURE
        raise conflict(error["code"], error["message"])
    if operation.effect.get("absent"):
        return Response(204)
    if operation.effect.get("empty"):
        return Response(200)
    shown = operation.effect.get("shown")
    resource = call.arm.resources.get(operation.target)
    if operation.method == "DELETE" or (shown is None and resource is None):
        return Response(200)
    return answer(200, shown or (resource.body if resource else None))


_PLACE = "/providers/Microsoft.Sql/locations/{location}"
for _kind in KINDS:
    for _scope in (SUBSCRIPTION, GROUP):
        route("GET", f"{_scope}{_PLACE}/{_kind}AzureAsyncOperation/{{operation}}")(poll_status)
        route("GET", f"{_scope}{_PLACE}/{_kind}OperationResults/{{operation}}")(poll_result)


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
    return operation.status == "InProgress" and operation.word.startswith("UpdateLogical")


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
    half_time = operation.started + ((operation.due or operation.started + 1e9) - operation.started) / 2
    return 50 if call.now >= half_time else 0


def _friendly(word: str) -> str:
    return {"Create": "CREATE DATABASE", "Update": "ALTER DATABASE", "DropLo": "DROP DATABASE"}.get(word[:6], word)


def _error_of(operation: Operation) -> dict[str, Any]:
    if not operation.error or operation.status == "InProgress":
        return {}
    return {"errorDescription": operation.error["message"], "isUserError": operation.status == "Canceled"}
