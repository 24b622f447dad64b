"""How full a pool is, as bars and as an order."""

from __future__ import annotations

from django.db.models import F, FloatField, QuerySet
from django.db.models.functions import Cast
from django.utils.safestring import SafeString

from controlplane.console.display import bar
from inventory.models import ElasticPool

GIB = 2**30
FULLNESS = Cast(F("bytes_committed"), FloatField()) / F("max_size_bytes")


def by_fullness(rows: QuerySet[ElasticPool]) -> QuerySet[ElasticPool]:
    """Fullest first, by storage promised against the limit."""
    return rows.order_by(FULLNESS.desc(), "pk")


def storage_bar(pool: ElasticPool) -> SafeString:
    used, limit = pool.bytes_committed / GIB, pool.max_size_bytes / GIB
    return bar(used, limit, f"{used:,.0f} / {limit:,.0f} GiB")


def databases_bar(pool: ElasticPool) -> SafeString:
    return bar(pool.databases_committed, pool.max_databases, f"{pool.databases_committed} / {pool.max_databases}")


def vcores_bar(pool: ElasticPool) -> SafeString:
    return bar(pool.vcores_demanded, pool.vcores, f"{pool.vcores_demanded:.3g} / {pool.vcores}")
