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
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
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
    "serverKey",
    "databaseEncryptionProtectorRevalidate",
    "databaseEncryptionProtectorRevert",
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
    return told_again(call, operation)


def told_again(call: Call, operation: Operation) -> Response:
    """The 202 of an operation that runs."""
    headers = {
        "location": _url(call, operation, "OperationResults"),
        "azure-asyncoperation": _url(call, operation, "AzureAsyncOperation"),
        "retry-after": call.arm.retry_after(operation.retry_after),
        "server": "Microsoft-HTTPAPI/2.0",
    }
    return answer(202, {"operation": operation.word, "startTime": iso(operation.started)}, headers)


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
    """15 s; for a server's key 1 s; for a server 1 s at first, then 20 s, in the end 15 s, as recorded."""
    if operation.kind == "serverKey":
        return 1
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
