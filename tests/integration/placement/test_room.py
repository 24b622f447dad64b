"""Room is taken once, by any number at the same time, and counted exactly."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.db import connection, transaction
from django.db.models import Count, Sum

from inventory.models import Database, ElasticPool, SqlServer
from operations.models import Operation
from operations.services import submit
from placement.services import give_room_back
from provisioning.places import settle_in_pool
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_subscription, a_workspace

THREADS = 12


def recounted() -> dict[object, tuple[int, int]]:
    """What the databases say that each pool holds."""
    rows = Database.objects.filter(holds_room=True).values("pool").annotate(n=Count("pk"), size=Sum("size_bytes"))
    return {row["pool"]: (row["n"], row["size"]) for row in rows}


def counters() -> dict[object, tuple[int, int]]:
    rows = ElasticPool.objects.filter(databases_committed__gt=0)
    return {pool.pk: (pool.databases_committed, pool.bytes_committed) for pool in rows}


def test_five_hundred_at_once_into_room_for_three_hundred(committed_db: None):
    region = a_region()
    a_subscription(is_open=False)
    servers = [a_server(region, vcores_committed=540) for _ in range(3)]
    for n in range(6):
        a_pool(servers[n % 3], max_databases=50, per_database_max_vcores=1, vcores=80)
    workspaces = [a_workspace(f"workspace-{n}", region) for n in range(25)]
    databases = [
        a_database(a_service(workspaces[n % 25], f"s-{n}"), size_bytes=GIB, vcores_demanded=0.1) for n in range(500)
    ]

    def place(database: Database) -> str:
        try:
            with transaction.atomic():
                operation = Operation(kind="create_database", target_key=database.key, actor="t", step="place")
                settle_in_pool(operation, database)
            return "placed"
        except Exception as error:
            return type(error).__name__
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        results = Counter(pool.map(place, databases))

    assert results["placed"] == 300, results
    assert set(results) <= {"placed", "QuotaExhausted", "NoPlace"}, "no deadlock, no other error"
    assert counters() == recounted()
    assert sum(count for count, _ in counters().values()) == 300
    assert SqlServer.objects.aggregate(n=Sum("databases_committed"))["n"] == 300


def test_room_is_given_back_once_however_often_it_is_returned(committed_db: None):
    pool = a_pool(a_server(databases_committed=1), databases_committed=1, bytes_committed=GIB, vcores_demanded=0.25)
    database = a_database(size_bytes=GIB, server=pool.server, pool=pool, holds_room=True)
    for _ in range(3):
        give_room_back(Database.objects.get(pk=database.pk))
    pool.refresh_from_db()
    pool.server.refresh_from_db()
    assert (pool.databases_committed, pool.bytes_committed, pool.vcores_demanded) == (0, 0, 0)
    assert pool.server.databases_committed == 0


def test_a_crowd_that_finds_an_empty_region_makes_only_the_pools_it_needs(committed_db: None):
    region = a_region()
    a_subscription()
    databases = [
        a_database(a_service(a_workspace(region=region), f"s-{n}"), size_bytes=100 * GIB, vcores_demanded=0.2)
        for n in range(24)
    ]

    def place(database: Database) -> None:
        try:
            with transaction.atomic():
                operation = submit("create_database", target=database.key, actor="t")
                settle_in_pool(operation, database)
        finally:
            connection.close()

    with ThreadPoolExecutor(THREADS) as pool:
        list(pool.map(place, databases))

    assert SqlServer.objects.count() == 1
    assert ElasticPool.objects.count() == 2, "1.8 TiB of 2 TiB each, for 2.3 TiB"
    assert Operation.objects.filter(kind="create_server").count() == 1
    assert Operation.objects.filter(kind="create_pool").count() == 2
    assert counters() == recounted()


def test_a_server_full_of_databases_gets_no_pool_for_another(committed_db: None, settings: Any):
    settings.SERVER_DATABASES = 3
    region = a_region()
    a_subscription(is_open=True)
    workspace = a_workspace("cigna", region)

    for n in range(4):
        database = a_database(a_service(workspace, f"s-{n}"), size_bytes=GIB, vcores_demanded=5)  # one a pool
        with transaction.atomic():
            settle_in_pool(submit("create_database", target=database.key, actor="t"), database)

    filled = SqlServer.objects.order_by("created_at").values_list("databases_committed", flat=True)
    assert list(filled) == [3, 1]
