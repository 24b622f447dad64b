"""Inventory rows of a fleet, with loads that are known, and time that passes. Django is set up before this is imported."""

from __future__ import annotations

import uuid
from datetime import UTC, datetime

import numpy as np
from django.conf import settings
from psycopg import connect

from inventory.models import Database, ElasticPool, Region, SqlServer, Subscription
from placement.models import FoldMark, Meter, Profile
from placement.sampling import meters
from placement.sampling.reading import CHUNK, pack

POOLED, POOLS_A_SERVER, SERVERS_A_SUBSCRIPTION = 50, 10, 20
GIB = 2**30
MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


def a_fleet(*, databases: int, region_name: str = "eastus") -> None:
    """Ready databases, fifty a pool, ten pools a server, twenty servers a subscription; all in one region."""
    region = Region.objects.create(name=region_name, display_name=region_name, geography="United States")
    pools = -(-databases // POOLED)
    servers = [_server(number, region) for number in range(-(-pools // POOLS_A_SERVER))]
    rows = ElasticPool.objects.bulk_create(
        [_pool(number, servers[number // POOLS_A_SERVER]) for number in range(pools)]
    )
    Database.objects.bulk_create(
        [_database(number, rows[number // POOLED], region) for number in range(databases)], batch_size=5000
    )


def a_measured_fleet(*, pools: int, region_name: str = "eastus") -> None:
    """Full pools whose databases' profiles are known; their sums are still to be made."""
    a_fleet(databases=POOLED * pools, region_name=region_name)
    Database.objects.update(holds_room=True, vcores_demanded=0.05)
    ElasticPool.objects.update(databases_committed=POOLED, bytes_committed=POOLED * 32 * GIB, vcores_demanded=2.5)
    meters.tend(MONDAY)
    dice, last = np.random.default_rng(1), Meter.objects.order_by("-pk").values_list("pk", flat=True)[0]
    rows = []
    for chunk in range(last // CHUNK + 1):
        level = dice.gamma(2.0, 0.02, CHUNK)
        for hour in range(168):
            mean = level * (1 + 0.5 * np.sin(hour / 24 * 2 * np.pi))
            moments = np.stack((np.full(CHUNK, 96.0), mean, 96 * (0.3 * mean) ** 2, 2 * mean))
            rows.append(Profile(metric=0, chunk=chunk, week_hour=hour, packed=pack(moments)))
    Profile.objects.bulk_create(rows, batch_size=500)
    FoldMark.objects.create(until=MONDAY)


def _server(number: int, region: Region) -> SqlServer:
    subscription, _ = Subscription.objects.get_or_create(
        subscription_id=str(uuid.UUID(int=1 + number // SERVERS_A_SUBSCRIPTION)), defaults={"name": "bench"}
    )
    return SqlServer.objects.create(
        subscription=subscription,
        region=region,
        resource_group="bench",
        azure_name=f"bench-{number:05}",
        status="ready",
    )


def _pool(number: int, server: SqlServer) -> ElasticPool:
    size = {"vcores": 16, "max_size_bytes": 2048 * GIB, "max_databases": 500, "per_database_max_vcores": 4}
    what = {"sku_name": "GP_Gen5", "service_tier": "GeneralPurpose", "status": "ready"}
    return ElasticPool(server=server, azure_name=f"p-{number:06}", **what, **size)


def _database(number: int, pool: ElasticPool, region: Region) -> Database:
    return Database(
        region=region,
        service_tier="GeneralPurpose",
        size_bytes=32 * GIB,
        azure_name=f"d-{number:06}",
        server=pool.server,
        pool=pool,
        status="ready",
    )


def pass_minutes(minutes: float) -> None:
    """The clock belongs to the owner's role."""
    with connect(settings.OWNER_ADDRESS.url().reveal(), autocommit=True) as owner:
        owner.execute(
            "UPDATE operations_clock SET lease_offset = lease_offset + make_interval(secs => %s)", [60 * minutes]
        )
