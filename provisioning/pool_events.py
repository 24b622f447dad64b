"""What observers tell of pools: another size, a database that came or went, and that one is nearly full.

Told from what a look at Azure showed, against what the look before showed: so it covers every workflow, and changes that
somebody made outside. Facts are ids, names and numbers.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings

from inventory.models import Database, ElasticPool
from notifications.services import tell

GIB = 2**30


@dataclass(frozen=True, slots=True)
class News:
    """Something to tell, once what it is about is written."""

    kind: str
    target: str
    workspace: str = ""
    facts: Mapping[str, Any] = field(default_factory=dict)

    def tell(self) -> None:
        tell(self.kind, target=self.target, workspace=self.workspace, facts=self.facts)


def news_of_pool(pool: ElasticPool, seen: Mapping[str, Any]) -> Iterator[News]:
    """A size that differs from the one last seen, and fullness that passes a threshold; the first look is no news."""
    if "observed_vcores" not in seen:
        return
    before, after = (
        _size(pool.observed_vcores, pool.observed_max_size_bytes),
        _size(seen["observed_vcores"], seen["observed_max_size_bytes"]),
    )
    if pool.observed_vcores is not None and before != after:
        facts = {"pool": pool.azure_name, "before": before, "after": after}
        yield News("pool.scaled", pool.key, facts=facts)
    if seen["is_nearly_full"] != pool.is_nearly_full:
        kind = "pool.nearly_full" if seen["is_nearly_full"] else "pool.has_room_again"
        yield News(kind, pool.key, facts={"pool": pool.azure_name, "percent": seen["observed_fullness"]})


def news_of_database(database: Database, seen: Mapping[str, Any], *, as_name: str = "") -> Iterator[News]:
    """The pool that it is in now (`as_name`, where it has another name there), and the one that it was in; what stands in for
    another is told when it takes its place."""
    before, after = database.observed_pool_name, seen["observed_pool_name"]
    if before.lower() == after.lower() or database.service is None:
        return
    names = database.azure_name, as_name or database.azure_name
    kinds = ("pool.database_left", "pool.database_joined")
    for kind, pool, name in zip(kinds, (before, after), names, strict=True):
        if pool:
            facts = {"pool": pool, "database": name, "service": database.service.name}
            yield News(kind, database.key, database.service.workspace.name, facts)


def fullness(pool: ElasticPool, *, databases: int, promised_bytes: int, max_bytes: int | None) -> dict[str, Any]:
    """Columns that say how full a pool is, in percent of what is scarcest: room for databases, or storage.

    Nearly full from one threshold on, and until it falls below another: so that one which wavers is told once.
    """
    shares = [databases / pool.max_databases if pool.max_databases else 0.0]
    shares += [promised_bytes / max_bytes] if max_bytes else []
    percent = min(int(100 * max(shares)), 999)
    threshold = settings.POOL_ROOM_AGAIN_PERCENT if pool.is_nearly_full else settings.POOL_NEARLY_FULL_PERCENT
    return {"observed_fullness": percent, "is_nearly_full": percent >= threshold}


def _size(vcores: int | None, max_bytes: int | None) -> str:
    return f"{vcores or 0} vCores and {(max_bytes or 0) // GIB} GiB"
