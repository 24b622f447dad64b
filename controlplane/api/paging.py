"""Pages by key: stable while rows come and go, and as quick for the last page as for the first."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request

from controlplane.api.problems import Problem
from controlplane.api.shapes import Shape, Text

MOST_PER_PAGE = 200
USUAL_PER_PAGE = 50


class PageQuery(Shape):
    """The part of a query that every list understands."""

    maxpagesize = serializers.IntegerField(min_value=1, max_value=MOST_PER_PAGE, default=USUAL_PER_PAGE)
    continuationToken = Text(required=False, max_length=400)


def page_document(
    request: Request, query: Mapping[str, Any], rows: Sequence[dict[str, Any]], last: Sequence[str] | None
) -> dict[str, Any]:
    """A page as {value, nextLink}; `last` is the key of its last row where another page may follow, else None."""
    document: dict[str, Any] = {"value": list(rows)}
    if last is not None:
        asked = {name: value for name, value in query.items() if name != "continuationToken"}
        link = urlencode({**asked, "continuationToken": _token(last)})
        document["nextLink"] = request.build_absolute_uri(f"{request.path}?{link}")
    return document


def continued_after(query: Mapping[str, Any], *, parts: int) -> list[str] | None:
    """The key after which the page starts; None: from the beginning. Raises Problem 400 for a token that is not ours."""
    token = query.get("continuationToken")
    if token is None:
        return None
    try:
        key = json.loads(base64.urlsafe_b64decode(token.encode("ascii")))
    except (ValueError, RecursionError):
        key = None
    if not isinstance(key, list) or len(key) != parts or not all(isinstance(part, str) for part in key):
        raise wrong_token()
    if any("\x00" in part for part in key):
        raise wrong_token()
    return key


def moment_after(query: Mapping[str, Any]) -> tuple[datetime, UUID] | None:
    """The same for lists from new to old: moment and id of the row after which the page starts."""
    key = continued_after(query, parts=2)
    if key is None:
        return None
    try:
        at, row_id = datetime.fromisoformat(key[0]), UUID(key[1])
    except ValueError as error:
        raise wrong_token() from error
    if at.tzinfo is None:
        raise wrong_token()
    return at, row_id


def wrong_token() -> Problem:
    return Problem(400, "InvalidContinuationToken", "It must come from a nextLink.", target="continuationToken")


def _token(key: Sequence[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(list(key)).encode()).decode()
