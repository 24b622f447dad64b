"""The whole fleet on one page: a tile for each pool, by region and server, coloured by what is wrong with it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any
from uuid import UUID

from django.core.exceptions import PermissionDenied
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from controlplane.console.display import BAD, BUSY, GOOD, QUIET, WARNING, bar, page_address, row_link, shortened
from controlplane.console.tables import Table
from inventory.models import Database, ElasticPool, SqlServer
from placement.pool_loads import level_of

SEES = "inventory.view_elasticpool"
SHOWN = 12
TIB = 2**40
TONES = (BAD, WARNING, BUSY, QUIET, GOOD)  # worst first
MEANINGS = (
    (BAD, "hot, or failed"),
    (WARNING, "above its level, or nearly full"),
    (BUSY, "being made or changed"),
    (QUIET, "closed to placement, or never measured"),
    (GOOD, "in order"),
)


@dataclass(frozen=True, slots=True)
class Tile:
    """One pool. `filled`: percent of what is scarcest in it, vCores below the level or storage; it may be above 100."""

    pool: ElasticPool
    tone: str
    words: str
    filled: int
    address: str


@dataclass(frozen=True, slots=True)
class ServerTiles:
    """A server's pools, and how many single databases stand beside them."""

    server: SqlServer
    link: object
    tiles: Sequence[Tile]
    singles: int


@dataclass(frozen=True, slots=True)
class RegionTiles:
    """A region: its servers, and sums over all its pools."""

    title: str
    servers: Sequence[ServerTiles]
    figures: Sequence[tuple[str, object]]
    counts: Sequence[tuple[str, int]]


def fleet_page(request: HttpRequest, site: Any) -> HttpResponse:
    """The map. Raises PermissionDenied."""
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    tiles = [tile_of(pool) for pool in _pools()]
    context = {
        **site.each_context(request),
        "title": "Fleet map",
        "worst": _worst(tiles),
        "regions": _regions(tiles),
        "meanings": MEANINGS,
    }
    request.current_app = site.name  # read by the url tag
    return TemplateResponse(request, "console/fleet.html", context)


def tile_of(pool: ElasticPool) -> Tile:
    """How the pool is, at a glance and in words."""
    load, level = getattr(pool, "load", None), level_of(pool)
    need = load.peak if load else pool.vcores_demanded
    storage = pool.bytes_committed / pool.max_size_bytes
    tone, why = _judged(pool, need, level)
    measured = "needs" if load else "promised"
    words = f"{shortened(pool.azure_name)}: {why}; {measured} {need:.1f} of {level:.1f} vCores, storage {storage:.0%}, "
    words += f"{pool.databases_committed} databases"
    scarcest = round(100 * max(need / level if level else 1.0, storage))
    return Tile(pool, tone, words, scarcest, page_address(ElasticPool, "change", pool.pk))


def _judged(pool: ElasticPool, need: float, level: float) -> tuple[str, str]:
    """The worst that can be said of it."""
    load = getattr(pool, "load", None)
    said = (
        (pool.status == ElasticPool.Status.FAILED, BAD, f"failed: {pool.error_code or 'unknown'}"),
        (load is not None and load.is_hot, BAD, "hot"),
        (need > level, WARNING, "above its level"),
        (pool.is_nearly_full, WARNING, "nearly full"),
        (pool.status != ElasticPool.Status.READY, BUSY, str(pool.status)),
        (pool.is_cordoned or pool.server.is_cordoned, QUIET, "closed to placement"),
        (load is None, QUIET, "never measured"),
    )
    return next(((tone, why) for holds, tone, why in said if holds), (GOOD, "in order"))


def _pools() -> QuerySet[ElasticPool]:
    rows = ElasticPool.objects.exclude(status="deleted").select_related("server__region", "load")
    return rows.defer("load__profile").order_by("server__region__display_name", "server__azure_name", "azure_name")


def _worst(tiles: Iterable[Tile]) -> Table:
    """Pools that somebody should look at, worst first."""
    trouble = [tile for tile in tiles if tile.tone in (BAD, WARNING)]
    trouble.sort(key=lambda tile: (TONES.index(tile.tone), tile.pool.status != "failed", -tile.filled))
    headings = ("Pool", "Region", "What", "Of what is scarcest")
    title = f"Look here first: {len(trouble)}" if trouble else "Look here first"
    rows = [_row(tile) for tile in trouble[:SHOWN]]
    return Table(title, headings, rows, "No pool is hot, failed, above its level or nearly full.")


def _row(tile: Tile) -> tuple[object, ...]:
    pool, what = tile.pool, tile.words.partition(": ")[2]
    return row_link(pool), pool.server.region.display_name, what, bar(tile.filled, 100, f"{tile.filled} %")


def _regions(tiles: Sequence[Tile]) -> list[RegionTiles]:
    singles = _singles()
    grouped = groupby(tiles, key=lambda tile: tile.pool.server.region)
    return [_region(region.display_name, list(group), singles) for region, group in grouped]


def _singles() -> dict[UUID, int]:
    alone = Database.objects.filter(pool=None, server__isnull=False).exclude(status="deleted")
    return dict(alone.values_list("server").annotate(n=Count("pk")))


def _region(title: str, tiles: Sequence[Tile], singles: dict[UUID, int]) -> RegionTiles:
    pools = [tile.pool for tile in tiles]
    need = sum(pool.load.peak if hasattr(pool, "load") else pool.vcores_demanded for pool in pools)
    level = sum(level_of(pool) for pool in pools)
    used, limit = (sum(getattr(pool, name) for pool in pools) / TIB for name in ("bytes_committed", "max_size_bytes"))
    counts = Counter(tile.tone for tile in tiles)
    figures = (
        ("Pools", f"{len(pools):,}"),
        ("Databases in them", f"{sum(pool.databases_committed for pool in pools):,}"),
        ("vCores needed, of levels", bar(need, level, f"{need:,.1f} / {level:,.1f}")),
        ("Storage promised", bar(used, limit, f"{used:,.1f} / {limit:,.1f} TiB")),
    )
    servers = groupby(tiles, key=lambda tile: tile.pool.server)
    return RegionTiles(
        title,
        [ServerTiles(one, row_link(one), list(group), singles.get(one.pk, 0)) for one, group in servers],
        figures,
        [(tone, counts[tone]) for tone in TONES if counts[tone]],
    )
