"""Inventory rows of a fleet for `make bench-sample`, and time that passes. Django is set up before this is imported."""

from __future__ import annotations

import uuid

from django.conf import settings
from psycopg import connect

from inventory.models import Database, ElasticPool, Region, SqlServer, Subscription

POOLED, POOLS_A_SERVER, SERVERS_A_SUBSCRIPTION = 50, 10, 20
GIB = 2**30


def a_fleet(*, databases: int) -> None:
    """Ready databases, fifty a pool, ten pools a server, twenty servers a subscription; all in one region."""
    region = Region.objects.create(name="eastus", display_name="East US", geography="United States")
    pools = -(-databases // POOLED)
    servers = [_server(number, region) for number in range(-(-pools // POOLS_A_SERVER))]
    rows = ElasticPool.objects.bulk_create(
        [_pool(number, servers[number // POOLS_A_SERVER]) for number in range(pools)]
    )
    Database.objects.bulk_create(
        [_database(number, rows[number // POOLED], region) for number in range(databases)], batch_size=5000
    )


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
