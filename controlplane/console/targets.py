"""From keys such as `database:<id>`, which operations and audit events carry, to links that people can read."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.utils.safestring import SafeString

from controlplane.console.display import NOTHING, copyable, link, row_address, shortened
from inventory.models import Database, ElasticPool, ServiceInstance, SqlServer, Workspace

MODELS: dict[str, tuple[Any, tuple[str, ...]]] = {
    "database": (Database, ("service__workspace",)),
    "credential": (Database, ("service__workspace",)),
    "sessions": (Database, ("service__workspace",)),
    "server-admin": (SqlServer, ()),
    "pool": (ElasticPool, ("server",)),
    "server": (SqlServer, ()),
    "workspace": (Workspace, ()),
    "service": (ServiceInstance, ("workspace",)),
}


class Targets:
    """The rows behind a page's keys, read with one query a kind."""

    def __init__(self, keys: Iterable[str]) -> None:
        self._rows: dict[str, Any] = {}
        wanted: dict[str, set[UUID]] = {}
        for kind, row_id in filter(None, map(_parsed, keys)):
            wanted.setdefault(kind, set()).add(row_id)
        for kind, ids in wanted.items():
            model, related = MODELS[kind]
            found = model.objects.select_related(*related).in_bulk(ids)
            self._rows |= {f"{kind}:{pk}": row for pk, row in found.items()}

    def link(self, key: str) -> SafeString:
        """A link to the row, named as people name it; the bare key where there is no such row."""
        row = self._rows.get(key)
        if row is None:
            return copyable(key) if key else NOTHING
        return link(row_address(row), name_of(row), title=f"{key} · {row}")


def name_of(row: Any) -> str:
    """What people call it: a database by its service, others by their own name."""
    if isinstance(row, Database):
        return str(row.service) if row.service_id else shortened(row.azure_name)
    kind = "pool " if isinstance(row, ElasticPool) else ""
    return kind + shortened(str(row)) if kind else str(row)


def _parsed(key: str) -> tuple[str, UUID] | None:
    kind, _, row_id = key.partition(":")
    try:
        return (kind, UUID(row_id)) if kind in MODELS else None
    except ValueError:
        return None
