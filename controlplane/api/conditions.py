"""ETags, and requests that hold only while a resource is as the caller has seen it (RFC 9110, section 13)."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from typing import Any

from django.utils.http import parse_etags
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.problems import Problem

ANY = ["*"]


def etag_of(document: Any) -> str:
    """A strong tag of what the caller is shown; it changes whenever that does."""
    return f'"{hashlib.sha256(JSONRenderer().render(document)).hexdigest()[:32]}"'


def is_conditional(request: Request) -> bool:
    return "If-Match" in request.headers or "If-None-Match" in request.headers


def check(request: Request, present: Any | None) -> None:
    """Raise Problem 412 where the resource, None when absent, is not as If-Match and If-None-Match say."""
    tag = etag_of(present) if present is not None else ""
    if "If-Match" in request.headers and not _among(tag, request.headers["If-Match"]):
        raise _failed("If-Match", "The resource is not as you have seen it; read it again.")
    if "If-None-Match" in request.headers and _among(tag, request.headers["If-None-Match"]):
        raise _failed("If-None-Match", "The resource is there already.")


def tagged(request: Request, response: Response, lasting: Callable[[Any], Any]) -> Response:
    """The answer with the tag of what of it lasts; 304 without a body where the caller has it already."""
    if response.status_code not in (200, 201, 202) or response.has_header("ETag"):
        return response
    tag = etag_of(lasting(response.data))
    response["ETag"] = tag
    reading = request.method in ("GET", "HEAD")
    if reading and _among(tag, request.headers.get("If-None-Match", "")):
        response.status_code, response.data = 304, None
    return response


def _among(tag: str, header: str) -> bool:
    given = parse_etags(header)
    return bool(tag) and (given == ANY or tag in [one.removeprefix("W/") for one in given])


def _failed(header: str, message: str) -> Problem:
    return Problem(412, "PreconditionFailed", message, target=header)
