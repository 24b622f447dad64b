"""Inventory rows → engine.Fleet: the only bridge."""

from __future__ import annotations

from collections.abc import Iterable
from functools import reduce
from typing import Any
from uuid import UUID

import numpy as np
from django.conf import settings
from django.db.models import Count

from inventory.models import Database, ElasticPool, Region
from placement.borrowing import Crowd, crowd_of, lenders_in, loads_of
from placement.engine.fleet import Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.policy import Limits, Policy
from placement.engine.usage import HOURS, Measured, OneLoad, Risk, Usage
from placement.models import PoolLoad

PRESENT = (ElasticPool.Status.CREATING, ElasticPool.Status.READY)


def policy() -> Policy:
    """The operators' choices, from the settings."""
    return Policy(
        headroom_storage_fraction=settings.PLACEMENT_HEADROOM_STORAGE,
        headroom_vcores_fraction=settings.PLACEMENT_HEADROOM_VCORES,
        overcommit=settings.PLACEMENT_OVERCOMMIT,
        limits=limits(),
    )


def risk() -> Risk:
    """How sure a pool's peak is to be enough, from the settings."""
    return Risk(z=settings.PLACEMENT_RISK_SIGMAS, correlation=settings.PLACEMENT_WORKSPACE_CORRELATION)


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
    """Every pool of a region that is there or being made. Read as plain columns: a decision is made of hundreds of rows."""
    pools = ElasticPool.objects.filter(server__region=region, status__in=PRESENT)
    return Fleet.of(_pool(row) for row in pools.values_list(*POOL_COLUMNS))


def usage_of(fleet: Fleet, database: Database) -> Usage | None:
    """What the fleet's pools and the database are measured to need; None where no pool was measured yet."""
    measured = measured_of(fleet)
    return measured.asked_by(load_of(database)) if measured.known.any() else None


def measured_of(fleet: Fleet) -> Measured:
    """What each pool of the fleet is measured to need, where it was."""
    rows = PoolLoad.objects.filter(pool__in=[UUID(name) for name in fleet.ids])
    found = list(rows.values_list("pool_id", "mean", "variance", "vcores_counted", "profile"))
    measured = Measured.nothing(len(fleet), risk())
    if not found:
        return measured
    pools, means, variances, counted, profiles = zip(*found, strict=True)
    at = np.array([fleet.index_of[str(pool)] for pool in pools])
    measured.load.profile[at] = np.frombuffer(b"".join(profiles), "<f4").reshape(-1, HOURS)
    measured.load.mean[at], measured.load.variance[at] = means, variances
    measured.counted[at], measured.known[at] = counted, True
    return measured


def load_of(database: Database) -> OneLoad:
    """What one database needs: as measured, as similar ones do, or as it was asked for."""
    found = loads_of(crowd := _crowd_of(database), lenders_in(database.region_id, set(crowd.classes)))
    return OneLoad(found.loads.profile[0], float(found.loads.mean[0]), float(found.loads.variance[0]))


def _crowd_of(database: Database) -> Crowd:
    """It alone. It may be a copy that nobody saved, with the size that it will have."""
    service = database.service
    owner, kind = (service.workspace_id, service.kind) if service else (None, None)
    return crowd_of([(database.pk, database.pool_id, owner, kind, database.size_bytes, database.vcores_demanded)])


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
    seen = _pool(_columns_of(pool))
    return seen._replace(
        committed_vcores=max(0.0, seen.committed_vcores - database.vcores_demanded),
        committed_bytes=seen.committed_bytes - database.size_bytes,
        databases=seen.databases - 1,
        server_databases=seen.server_databases - 1,
    )


def _counts(rows: Iterable[tuple[object, int]]) -> dict[str, int]:
    return {str(key): count for key, count in rows}


POOL_COLUMNS = (
    *("pk", "server_id", "server__region_id", "service_tier", "server__auth_mode", "is_zone_redundant"),
    *("is_cordoned", "server__is_cordoned", "vcores", "max_size_bytes", "max_databases"),
    *("per_database_min_vcores", "per_database_max_vcores"),
    *("vcores_demanded", "bytes_committed", "databases_committed", "server__databases_committed"),
)


def _columns_of(pool: ElasticPool) -> tuple[Any, ...]:
    """The same of a row that was read with its server."""
    return tuple(reduce(getattr, name.split("__"), pool) for name in POOL_COLUMNS)


def _pool(row: tuple[Any, ...]) -> Pool:
    pk, server, region, tier, auth_mode, zoned, cordoned, closed, *sizes = row
    vcores, max_size_bytes, max_databases, least, most, *taken = sizes
    return Pool(
        *(str(pk), str(server), region, tier, auth_mode, zoned, True, cordoned or closed),
        *(vcores, max_size_bytes, max_databases, least, most, settings.SERVER_DATABASES),
        *taken,
    )
