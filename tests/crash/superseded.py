"""Passwords that must not work any more, because another was published or nobody is to sign in."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from cloud.sql_failures import SqlFailure
from tests.crash.world import World


def superseded_users(world: World, versions: list[dict[str, Any]]) -> Iterator[str]:
    """Whatever was ever published but not last signs nobody in."""
    documents = [json.loads(version["value"]) for version in versions]
    newest = documents[-1]["password"]
    yield from still_working(world, [document for document in documents if document["password"] != newest])


def still_working(world: World, documents: list[dict[str, str]]) -> Iterator[str]:
    """Those of them that a sign-in accepts."""
    for document in documents:
        try:
            world.local.session(document).close()
        except SqlFailure:
            continue
        yield f"{document['database']}: a password of {document['user']} still works"
