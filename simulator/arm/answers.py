"""Answers that many handlers share: pages, standard headers, the resource's own 404."""

from __future__ import annotations

import base64
from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import quote, urlencode

from simulator.arm.call import Call
from simulator.arm.errors import invalid
from simulator.arm.resources import Body, Resource
from simulator.arm.versions import shown
from simulator.http import Response, answer
from simulator.moments import compact, http_date


def show(call: Call, resource: Resource) -> Response:
    """200 with the resource as the api-version asked for shows it."""
    return answer(200, shown(resource, call.api_version, call.now))


def page(call: Call, resources: Sequence[Resource], show_one: Callable[[Resource], Body] | None = None) -> Response:
    """One page in order of creation; `nextLink` leads to the next. Changes between pages skip and double nothing."""
    show_one = show_one or (lambda resource: shown(resource, call.api_version, call.now))
    ordered = sorted(resources, key=lambda resource: resource.order)
    after = _position(call)
    rest = [resource for resource in ordered if resource.order > after] if after else ordered
    first = rest[: _size(call)]
    document: dict[str, Any] = {"value": [show_one(resource) for resource in first]}
    if len(rest) > len(first):
        document["nextLink"] = _next_link(call, first[-1].order)
    return answer(200, document)


def _size(call: Call) -> int:
    """`$top` asks for a smaller page; what is no number is passed over."""
    top = call.request.query.get("$top", "")
    return min(int(top), call.arm.page_size) if top.isdecimal() and int(top) else call.arm.page_size


def _position(call: Call) -> int:
    token = call.request.query.get("$skipToken") or call.request.query.get("$skiptoken")
    if not token:
        return 0
    try:
        return int(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
    except ValueError as error:
        raise invalid("InvalidSkipToken", "The skip token is not one that was given out.") from error


def _next_link(call: Call, position: int) -> str:
    token = base64.urlsafe_b64encode(str(position).encode()).decode().rstrip("=")
    kept = {name: value for name, value in call.request.query.items() if name.lower() != "$skiptoken"}
    query = urlencode({**kept, "$skipToken": token}, safe="$", quote_via=quote)
    return f"{call.request.base_url}{quote(call.request.path)}?{query}"


def standard_headers(response: Response, *, request_id: str, correlation_id: str, location: str, now: float) -> None:
    """Add what every answer of ARM carries."""
    headers = response.headers
    if response.status not in (204, 304):
        headers.setdefault("content-length", str(len(response.body)))
    headers.setdefault("cache-control", "no-cache")
    headers.setdefault("pragma", "no-cache")
    headers.setdefault("expires", "-1")
    headers["date"] = http_date(now)
    headers["strict-transport-security"] = "max-age=31536000; includeSubDomains"
    headers["x-content-type-options"] = "nosniff"
    headers["x-ms-request-id"] = request_id
    headers["x-ms-correlation-request-id"] = correlation_id
    headers["x-ms-routing-request-id"] = f"{location.upper()}:{compact(now)}:{correlation_id}"
