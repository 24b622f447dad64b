"""Inventory rows → engine.Fleet: the only bridge."""

from __future__ import annotations

from collections.abc import Iterable

from django.conf import settings
from django.db.models import Count

from inventory.models import Database, ElasticPool, Region
from placement.engine.fleet import Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.policy import Limits, Policy

PRESENT = (ElasticPool.Status.CREATING, ElasticPool.Status.READY)


def policy() -> Policy:
    """The operators' choices, from the settings."""
    return Policy(
        headroom_storage_fraction=settings.PLACEMENT_HEADROOM_STORAGE,
        headroom_vcores_fraction=settings.PLACEMENT_HEADROOM_VCORES,
        limits=limits(),
    )


def limits() -> Limits:
    """The largest databases that pools and Hyperscale take here, in bytes."""
    return Limits(
        elastic_pool_bytes=settings.ELASTIC_POOL_DATABASE_BYTES, hyperscale_bytes=settings.HYPERSCALE_DATABASE_BYTES
    )


def demand_of(database: Database) -> Demand:
    """What a database asks of a pool; one that stands in a pool with zones needs another with zones."""
    service, pool = database.service, database.pool
    return Demand(
        region=database.region_id,
        service_tier=database.service_tier,
        storage_bytes=database.size_bytes,
        vcores=database.vcores_demanded,
        auth_mode=service.workspace.auth_mode if service else "sql",
        workspace_id=str(service.workspace_id) if service else "",
        zone_redundant=pool is not None and pool.is_zone_redundant,
    )


def fleet_in(region: Region) -> Fleet:
    """Every pool of a region that is there or being made."""
    pools = ElasticPool.objects.filter(server__region=region, status__in=PRESENT).select_related("server")
    return Fleet.of(_pool(pool) for pool in pools)


def neighbours_of(fleet: Fleet, database: Database) -> WorkspaceCounts:
    """Where the other databases of its workspace stand."""
    if database.service is None:
        return WorkspaceCounts.none(fleet)
    siblings = Database.objects.filter(service__workspace_id=database.service.workspace_id, holds_room=True)
    return WorkspaceCounts.of(
        fleet,
        by_pool=_counts(siblings.filter(pool__isnull=False).values_list("pool_id").annotate(n=Count("pk"))),
        by_server=_counts(siblings.values_list("server_id").annotate(n=Count("pk"))),
    )


def without(database: Database, pool: ElasticPool) -> Pool:
    """The pool as it would be if the database did not stand in it."""
    seen = _pool(pool)
    return seen._replace(
        committed_vcores=max(0.0, seen.committed_vcores - database.vcores_demanded),
        committed_bytes=seen.committed_bytes - database.size_bytes,
        databases=seen.databases - 1,
        server_databases=seen.server_databases - 1,
    )


def _counts(rows: Iterable[tuple[object, int]]) -> dict[str, int]:
    return {str(key): count for key, count in rows}


def _pool(pool: ElasticPool) -> Pool:
    server = pool.server
    return Pool(
        pool_id=str(pool.pk),
        server_id=str(server.pk),
        region=server.region_id,
        service_tier=pool.service_tier,
        auth_mode=server.auth_mode,
        zone_redundant=pool.is_zone_redundant,
        usable=True,
        cordoned=pool.is_cordoned or server.is_cordoned,
        vcores=pool.vcores,
        storage_limit_bytes=pool.max_size_bytes,
        max_databases=pool.max_databases,
        per_database_min_vcores=pool.per_database_min_vcores,
        per_database_max_vcores=pool.per_database_max_vcores,
        server_max_databases=settings.SERVER_DATABASES,
        committed_vcores=pool.vcores_demanded,
        committed_bytes=pool.bytes_committed,
        databases=pool.databases_committed,
        server_databases=server.databases_committed,
    )
