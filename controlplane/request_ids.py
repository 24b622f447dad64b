"""An id for every request: in its answer, in every log line, in audit events and on operations that it starts."""

from __future__ import annotations

import re
from collections.abc import Callable
from uuid import uuid4

import structlog
from django.http import HttpRequest, HttpResponseBase

from operations import audit

OURS = "x-ms-request-id"
CALLERS = "x-ms-client-request-id"
HARMLESS = re.compile(r"[A-Za-z0-9._-]{1,64}")


class RequestIds:
    """Makes an id, and gives the caller's own back beside it; what is no plain id is left out."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        ids = {"request_id": str(uuid4())}
        callers = request.headers.get(CALLERS, "")
        if HARMLESS.fullmatch(callers):
            ids["client_request_id"] = callers
        token = audit.request_id.set(ids["request_id"])
        try:
            with structlog.contextvars.bound_contextvars(**ids):
                response = self.get_response(request)
        finally:
            audit.request_id.reset(token)
        response.headers[OURS] = ids["request_id"]
        if "client_request_id" in ids:
            response.headers[CALLERS] = ids["client_request_id"]
        return response
