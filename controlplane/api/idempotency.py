"""A request with a key has its effect once, and the same answer each time, for 24 hours.

The answer is kept in the transaction of the effect itself: there is never one without the other. Twins that come at the
same time stand in line. Answers that say "not now" (429, 503) are not kept: the same key may try again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from django.db import transaction
from django.http import Http404
from rest_framework.exceptions import APIException
from rest_framework.renderers import JSONRenderer
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.access import principal_of
from controlplane.api.problems import Problem
from inventory.states import IllegalMove
from notifications.errors import NotificationRefused
from operations.clock import database_now
from operations.errors import OperationRefused
from operations.models import IdempotencyKey
from operations.services import serialise
from provisioning.errors import WishRefused

HEADERS = ("Idempotency-Key", "Repeatability-Request-ID")
KEY = re.compile(r"[\x21-\x7e]{1,200}")
NOT_NOW = (429, 500, 503)
REFUSALS = (APIException, Http404, IllegalMove, NotificationRefused, OperationRefused, Problem, WishRefused)
GIVEN_BACK = ("Operation-Location", "Location", "Retry-After", "ETag", "x-ms-error-code")


class Repeatable(Protocol):
    """What a view offers so that its answers can be kept."""

    kwargs: dict[str, Any]

    def handle_exception(self, exc: Exception) -> Response: ...

    def check_still_known(self) -> None:
        """Raise Problem 404 where the caller may not know of the target any more."""


@dataclass(frozen=True, slots=True)
class Key:
    """A caller's key in its scope, and what it was first sent with."""

    principal: str
    scope: str
    key: str
    request_hash: str

    @property
    def place(self) -> dict[str, str]:
        return {"principal": self.principal, "scope": self.scope, "key": self.key}


def key_of(request: Request, kwargs: dict[str, Any]) -> Key | None:
    """The key of this request, None without one. Raises Problem 400 for what cannot be one."""
    given = {request.headers[name] for name in HEADERS if name in request.headers}
    if not given:
        return None
    text = given.pop()
    if given or not KEY.fullmatch(text):
        message = "It must be 1 to 200 visible ASCII characters, and one alone."
        raise Problem(400, "InvalidIdempotencyKey", message, target=HEADERS[0])
    match = request.resolver_match
    scope = f"{kwargs.get('workspace', '')} {request.method} {match.url_name if match else ''}"
    return Key(principal_of(request).actor, scope, text, _hash(request))


def once(view: Repeatable, key: Key, handler: Callable[[], Response]) -> Response:
    """The answer of the handler, kept; or the one that was kept. Raises Problem 409 for a key of another request."""
    with transaction.atomic():
        serialise(f"idempotency:{key.principal}:{key.scope}:{key.key}")
        kept = _kept(key)
        if kept is not None:
            return _again(view, kept, key)
        response = _answered(view, handler)
        if response.status_code not in NOT_NOW:
            _keep(key, response)
        return response


def _answered(view: Repeatable, handler: Callable[[], Response]) -> Response:
    try:
        with transaction.atomic():
            return handler()
    except REFUSALS as error:
        return view.handle_exception(error)


def _kept(key: Key) -> IdempotencyKey | None:
    row = IdempotencyKey.objects.filter(**key.place).first()
    if row is not None and row.created_at <= database_now() - IdempotencyKey.KEPT:
        row.delete()
        return None
    return row


def _again(view: Repeatable, kept: IdempotencyKey, key: Key) -> Response:
    if kept.request_hash != key.request_hash:
        message = "This key was sent with another request; use a new one."
        raise Problem(409, "IdempotencyKeyReused", message, target=HEADERS[0])
    view.check_still_known()
    return Response(json.loads(kept.body["text"]), status=kept.status, headers=kept.headers)


def _keep(key: Key, response: Response) -> None:
    text = JSONRenderer().render(response.data) or b"null"
    IdempotencyKey.objects.create(
        **key.place,
        request_hash=key.request_hash,
        status=response.status_code,
        headers={name: response[name] for name in GIVEN_BACK if response.has_header(name)},
        body={"text": text.decode()},  # as text: PostgreSQL would order its fields anew
    )


def _hash(request: Request) -> str:
    """Of all that makes it this request: address, query, conditions and body, byte by byte."""
    parts = [request.get_full_path(), *(request.headers.get(name, "") for name in ("If-Match", "If-None-Match"))]
    return hashlib.sha256("\n".join(parts).encode() + b"\n" + request.body).hexdigest()
