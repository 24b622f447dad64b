"""Every exception a view may raise → Azure's error document, with its code in x-ms-error-code, and an audit event."""

from __future__ import annotations

from typing import Any

import structlog
from django.conf import settings
from django.db import DatabaseError, InterfaceError, InternalError, OperationalError, transaction
from django.http import Http404
from psycopg.errors import ReadOnlySqlTransaction
from rest_framework import exceptions
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.views import set_rollback

from controlplane.api import refusals
from controlplane.api.access import viewer_of
from controlplane.api.links import operation_url
from controlplane.api.plans import plan_document
from controlplane.api.problems import Problem
from inventory.states import IllegalMove
from notifications.errors import AddressNotPossible, NotificationRefused
from operations.errors import OperationInProgress, OperationRefused
from operations.models import Operation
from provisioning.changes.consent import PlanInTheWay
from provisioning.errors import (
    CastNotSupported,
    IdentityNeeded,
    IdentityNotUsed,
    KeyNotAllowed,
    MaintenanceNotPossible,
    PointInTimeOutOfRange,
    RotationPolicyNotPossible,
    SizeNotSupported,
    TooManyOperations,
    UnknownRegion,
    UnknownService,
    UnsupportedServiceKind,
    WishRefused,
    WorkspaceGone,
)

log = structlog.get_logger(__name__)

# The request itself is wrong; other wishes that are refused are conflicts.
BAD_WISHES = (
    UnsupportedServiceKind,
    CastNotSupported,
    SizeNotSupported,
    UnknownRegion,
    PointInTimeOutOfRange,
    RotationPolicyNotPossible,
    MaintenanceNotPossible,
    AddressNotPossible,
    IdentityNeeded,
    IdentityNotUsed,
    KeyNotAllowed,
)  # the request itself is wrong; others: conflicts
FRAMEWORK: dict[type[Exception], tuple[int, str]] = {
    exceptions.ParseError: (400, "InvalidJson"),
    exceptions.AuthenticationFailed: (401, "AuthenticationFailed"),
    exceptions.NotAuthenticated: (401, "AuthenticationFailed"),
    exceptions.PermissionDenied: (403, "AuthorizationFailed"),
    exceptions.NotFound: (404, "RouteNotFound"),
    Http404: (404, "RouteNotFound"),
    exceptions.MethodNotAllowed: (405, "MethodNotAllowed"),
    exceptions.NotAcceptable: (406, "NotAcceptable"),
    exceptions.UnsupportedMediaType: (415, "UnsupportedMediaType"),
    exceptions.Throttled: (429, "TooManyRequests"),
}


def answer_error(error: Exception, context: dict[str, Any]) -> Response | None:
    """The answer to a refusal; None for what nobody foresaw, which Django logs and answers with 500."""
    problem = problem_of(error, context["request"])
    if problem is None:
        return None
    set_rollback()
    if problem.status < 500:
        problem = _audited(problem, error, context)
    return answer(problem)


def answer(problem: Problem) -> Response:
    headers = {**problem.headers, "x-ms-error-code": problem.code}
    return Response(problem.document(), status=problem.status, headers=headers)


def problem_of(error: Exception, request: Request) -> Problem | None:
    """What an exception means to the caller; None: a bug of ours."""
    match error:
        case Problem():
            return error
        case PlanInTheWay():
            plan = plan_document(error.plan, viewer_of(request))
            return Problem(409, error.code, str(error), plan=plan)
        case WishRefused() | NotificationRefused():
            return Problem(_status_of(error), error.code, str(error), headers=_retry_after(error))
        case OperationRefused() | IllegalMove():
            return _conflict(error, request)
        case OperationalError() | InterfaceError() | InternalError() if _is_unavailable(error):
            log.warning("api.database_unavailable", exc_info=error)
            return _unavailable()
    return _of_framework(error)


def _is_unavailable(error: Exception) -> bool:
    """Also a server that takes no writes now: a standby before it is promoted. Other internal errors are ours."""
    return not isinstance(error, InternalError) or isinstance(error.__cause__, ReadOnlySqlTransaction)


def _conflict(error: OperationRefused | IllegalMove, request: Request) -> Problem:
    """409, with the address of the operation that is in the way where one is known."""
    operation = getattr(error, "operation", None)
    headers = {"Operation-Location": operation_url(request, operation.pk)} if operation else {}
    details = [_in_the_way(operation, headers["Operation-Location"])] if operation else []
    if isinstance(error, IllegalMove):
        return Problem(409, OperationInProgress.code, "The resource is being changed.")
    return Problem(409, error.code, str(error), details=details, headers=headers)


def _in_the_way(operation: Operation, url: str) -> dict[str, str]:
    return {"code": "Operation", "target": url, "message": f"{operation.kind} is at {operation.step}."}


def _of_framework(error: Exception) -> Problem | None:
    if type(error) not in FRAMEWORK:
        return None
    status, code = FRAMEWORK[type(error)]
    headers = {}
    if isinstance(error, exceptions.Throttled):
        headers["Retry-After"] = str(int(vars(error).get("wait") or 0) + 1)
    if getattr(error, "auth_header", None):
        headers["WWW-Authenticate"] = str(vars(error)["auth_header"])
    return Problem(status, code, str(getattr(error, "detail", "There is nothing at this address.")), headers=headers)


def _status_of(error: WishRefused | NotificationRefused) -> int:
    if isinstance(error, WorkspaceGone | UnknownService):
        return 404
    if isinstance(error, TooManyOperations):
        return 429
    return 400 if isinstance(error, BAD_WISHES) else 409


def _retry_after(error: Exception) -> dict[str, str]:
    return {"Retry-After": str(settings.API_RETRY_AFTER_SECONDS)} if isinstance(error, TooManyOperations) else {}


def _audited(problem: Problem, error: Exception, context: dict[str, Any]) -> Problem:
    """The problem once its audit event stands, and who must hear of it is told; without the log there is no answer but
    503."""
    try:
        with transaction.atomic():
            refusals.record(problem, context)
            refusals.tell(error, problem, context)
    except DatabaseError:
        log.warning("api.refusal_not_recorded", code=problem.code, exc_info=True)
        return _unavailable()
    return problem


def _unavailable() -> Problem:
    message = "The service cannot answer now; try again."
    return Problem(503, "ServiceUnavailable", message, headers={"Retry-After": "5"})
