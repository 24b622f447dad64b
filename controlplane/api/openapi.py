"""What the OpenAPI document says of our routes beyond what their shapes say."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from drf_spectacular.extensions import (
    OpenApiAuthenticationExtension,
    OpenApiSerializerExtension,
    OpenApiSerializerFieldExtension,
)
from drf_spectacular.utils import OpenApiParameter, OpenApiResponse, extend_schema
from rest_framework import serializers

from controlplane.api.plans import PlanDocument
from controlplane.api.shapes import Shape

View = TypeVar("View", bound=Callable[..., Any])
Answers = Mapping[int, type[serializers.Serializer[Any]] | serializers.Serializer[Any] | None]

ALWAYS = (400, 401, 403, 405, 406, 413, 415, 429, 500, 503)
MEANING = {
    200: "As it is.",
    201: "Made.",
    202: "Accepted: an operation works on it, see Operation-Location.",
    304: "It is as the caller's If-None-Match says.",
    204: "It is not there, or no longer.",
    400: "The request is wrong; nothing has changed.",
    401: "The token is missing, wrong, expired or of another directory.",
    403: "The token has no role that may do this.",
    404: "It does not exist, or the caller may not know of it.",
    405: "The address does not know this method.",
    406: "Answers are JSON.",
    409: "It conflicts with what is there; nothing has changed.",
    412: "The resource is not as If-Match or If-None-Match says; nothing has changed.",
    413: "The request is too large.",
    415: "Requests are JSON.",
    429: "Too many requests; see Retry-After.",
    500: "A fault of ours; it is in our log under the request id.",
    503: "Not now; see Retry-After.",
}
HEADERS = {
    "x-ms-request-id": ("Our id of this request, in every answer, log line and audit event.", None),
    "api-supported-versions": ("The versions of the API that answer, see info.x-api-versions.", None),
    "x-ms-error-code": ("The error's code.", [status for status in MEANING if status >= 400]),
    "Operation-Location": ("Absolute address of the operation that works on it.", [202]),
    "Location": ("Absolute address of the resource, or of the operation where it will be gone.", [201, 202]),
    "ETag": ("Changes whenever what is shown does; for If-Match and If-None-Match.", [304]),
    "Retry-After": ("Seconds until asking again makes sense.", [202, 429, 503]),
}
SENT = {
    "x-ms-client-request-id": "The caller's own id, given back.",
    "Idempotency-Key": "1 to 200 visible ASCII characters; the same request gets the same answer for 24 hours.",
    "Repeatability-Request-ID": "Another name of Idempotency-Key.",
    "If-Match": "ETags that the resource must have; * stands for any.",
    "If-None-Match": "ETags that it must not have; * on a PUT: only make it new.",
}


class ErrorDetailDocument(serializers.Serializer[Any]):
    code = serializers.CharField()
    target = serializers.CharField()
    message = serializers.CharField()


class ErrorBody(serializers.Serializer[Any]):
    code = serializers.CharField(help_text="Stable; the same as in x-ms-error-code.")
    message = serializers.CharField()
    target = serializers.CharField(required=False)
    details = ErrorDetailDocument(many=True, required=False)
    plan = PlanDocument(required=False, help_text="With DisruptionNotAccepted, PlanChanged and refused changes.")


class ErrorDocument(serializers.Serializer[Any]):
    error = ErrorBody()


class BearerScheme(OpenApiAuthenticationExtension):  # type: ignore[no-untyped-call]  # the package carries no types
    """How callers sign in, for the document and the page."""

    target_class = "controlplane.api.auth.EntraTokens"
    name = "entra"

    def get_security_definition(self, auto_schema: Any) -> dict[str, str]:
        text = "Access token of Microsoft Entra ID (v2.0) for this API's audience, with one of its app roles."
        return {"type": "http", "scheme": "bearer", "bearerFormat": "JWT", "description": text}


class StrictShape(OpenApiSerializerExtension):  # type: ignore[no-untyped-call]  # the package carries no types
    """Requests take no unknown fields."""

    target_class = "controlplane.api.shapes.Shape"
    match_subclasses = True

    def map_serializer(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer(self.target, direction, bypass_extensions=True)
        return {**schema, "additionalProperties": False} if direction == "request" else schema


class PatternedText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]  # the package carries no types
    """Texts tell their pattern."""

    target_class = "controlplane.api.shapes.Text"
    match_subclasses = True

    def map_serializer_field(self, auto_schema: Any, direction: str) -> dict[str, Any]:
        schema: dict[str, Any] = auto_schema._map_serializer_field(self.target, direction, bypass_extensions=True)
        return {**schema, "pattern": self.target.pattern} if self.target.pattern else schema


def documented(
    operation_id: str,
    *,
    answers: Answers,
    body: type[Shape] | serializers.BaseSerializer[Any] | None = None,
    query: type[Shape] | None = None,
    errors: Sequence[int] = (),
    writes: bool = False,
) -> Callable[[View], View]:
    """Describe one method: its answers, its own errors and those that every route may give.

    `writes`: it takes an idempotency key, and refuses (409) one that was sent with another request.
    """
    refusals = dict.fromkeys((*ALWAYS, *errors, *((409,) if writes else ())))
    responses = {
        **{status: OpenApiResponse(shape, description=MEANING[status]) for status, shape in answers.items()},
        **{status: OpenApiResponse(ErrorDocument, description=MEANING[status]) for status in refusals},
    }
    statuses = list(responses)
    headers = [
        OpenApiParameter(name, str, OpenApiParameter.HEADER, description=text, response=_some(only, statuses))
        for name, (text, only) in HEADERS.items()
        if _some(only, statuses)
    ]
    parameters: list[Any] = [*headers, *_sent(statuses, writes=writes), *([query] if query else [])]
    described: Callable[[View], View] = extend_schema(
        operation_id=operation_id, request=body, responses=responses, parameters=parameters
    )
    return described


def _sent(statuses: list[int], *, writes: bool) -> list[OpenApiParameter]:
    """Headers that the caller may send."""
    names = ["x-ms-client-request-id"]
    names += ["Idempotency-Key", "Repeatability-Request-ID"] if writes else []
    names += ["If-None-Match"] if 304 in statuses or 412 in statuses else []
    names += ["If-Match"] if 412 in statuses else []
    return [OpenApiParameter(name, str, OpenApiParameter.HEADER, description=SENT[name]) for name in names]


def _some(only: Sequence[int] | None, statuses: list[int]) -> list[int]:
    return [status for status in statuses if only is None or status in only]
