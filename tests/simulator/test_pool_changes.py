"""What an elastic pool may become, when, how long it takes, and which databases a zone-redundant one admits."""

from __future__ import annotations

import orjson
import pytest

from simulator.arm.pool_changes import RESIZE_SECONDS
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_database, a_pool, a_server, ask, settle, whole_id
from tests.simulator.test_links import begin_secondary, code

GIB = 1024**3
GP8 = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 8}
BC8 = {"name": "BC_Gen5", "tier": "BusinessCritical", "family": "Gen5", "capacity": 8}
HYPERSCALE = {"name": "HS_Gen5", "tier": "Hyperscale", "family": "Gen5", "capacity": 4}
REFUSED = (400, "ProvisioningDisabled")


def holding(azure: Azure, database: str, gigabytes: float) -> None:
    body = orjson.dumps({"database": whole_id(azure, database), "storage_gb": gigabytes})
    azure.control.handle(Request("POST", "localhost", 443, "/_sim/workload", {}, {}, body))


def seconds_of(azure: Azure, pool: str, **change: object) -> float:
    """How long this change of the pool takes."""
    began = azure.clock.now()
    answer = ask(azure, "PATCH", pool, change)
    assert answer.status == 202, answer.body
    settle(azure)
    return azure.clock.now() - began


def a_pool_with(azure: Azure, gigabytes: float) -> str:
    server = a_server(azure)
    pool = a_pool(azure, server, capacity=8, maxSizeBytes=500 * GIB)
    holding(azure, a_database(azure, server, pool=pool), gigabytes)
    return pool


def a_hyperscale_pool(azure: Azure, name: str = "h1", **properties: object) -> str:
    path = f"{a_server(azure)}/elasticPools/{name}"
    document = {"location": "eastus", "sku": HYPERSCALE, "properties": properties}
    assert ask(azure, "PUT", path, document).status == 202
    settle(azure)
    return path


def put_into(azure: Azure, pool: str, **properties: object) -> Response:
    database = f"{pool.rpartition('/elasticPools/')[0]}/databases/d1"
    return ask(
        azure,
        "PUT",
        database,
        {"location": "eastus", "properties": {"elasticPoolId": whole_id(azure, pool), **properties}},
    )


def test_more_vcores_take_minutes_whatever_the_pool_holds(azure):
    pool = a_pool_with(azure, 20)
    assert seconds_of(azure, pool, sku={**GP8, "capacity": 10}) <= RESIZE_SECONDS[1] + 1


def test_another_storage_or_zones_take_as_long_as_the_data_are_large(azure):
    pool = a_pool_with(azure, 20)
    assert seconds_of(azure, pool, properties={"zoneRedundant": True}) > 20 * 25
    assert seconds_of(azure, pool, sku=BC8) > 20 * 25
    assert seconds_of(azure, pool, properties={"zoneRedundant": False}) <= RESIZE_SECONDS[1] + 1


def test_a_pool_does_not_become_smaller_than_what_it_holds(azure):
    pool = a_pool_with(azure, 20)
    refused = ask(azure, "PATCH", pool, {"properties": {"maxSizeBytes": 10 * GIB}})
    assert code(refused) == (400, "ElasticPoolDecreaseStorageLimitBelowUsage")


def test_a_pool_keeps_the_vcores_that_its_databases_were_promised(azure):
    pool = a_pool(azure, a_server(azure), capacity=8, perDatabaseSettings={"minCapacity": 0, "maxCapacity": 8})
    refused = ask(azure, "PATCH", pool, {"sku": {**GP8, "capacity": 4}})
    assert code(refused) == (400, "ElasticPoolDbDtuMaxAboveLimit")


def test_a_pool_waits_until_its_links_are_in_step(azure):
    server = a_server(azure)
    pool = a_pool(azure, server)
    begin_secondary(azure, a_database(azure, server, pool=pool), "two")
    refused = ask(azure, "PATCH", pool, {"sku": GP8})
    assert code(refused)[0] == 409
    assert code(refused)[1] == "ElasticPoolUpdateLinksNotInCatchup"
    settle(azure)
    assert ask(azure, "PATCH", pool, {"sku": GP8}).status == 202


def test_the_zones_of_a_hyperscale_pool_are_chosen_once(azure):
    pool = a_hyperscale_pool(azure)
    assert code(ask(azure, "PATCH", pool, {"properties": {"zoneRedundant": True}})) == REFUSED
    assert ask(azure, "PATCH", pool, {"properties": {"highAvailabilityReplicaCount": 2}}).status == 202


def test_zone_redundancy_of_a_hyperscale_pool_takes_a_replica(azure):
    path = f"{a_server(azure)}/elasticPools/h1"
    properties = {"zoneRedundant": True, "highAvailabilityReplicaCount": 0}
    assert code(ask(azure, "PUT", path, {"location": "eastus", "sku": HYPERSCALE, "properties": properties})) == REFUSED


@pytest.mark.parametrize(
    ("zoned", "storage", "status"),
    [(True, "Zone", 202), (True, "GeoZone", 202), (True, "Geo", 400), (None, None, 400), (False, "Zone", 400)],
)
def test_a_zone_redundant_hyperscale_pool_takes_its_own_kind_only(azure, zoned, storage, status):
    pool = a_hyperscale_pool(azure, zoneRedundant=True)
    wish = {"zoneRedundant": zoned, "requestedBackupStorageRedundancy": storage}
    answer = put_into(azure, pool, **{name: value for name, value in wish.items() if value is not None})
    assert answer.status == status
    if status == 400:
        assert code(answer) == REFUSED


def test_a_database_goes_to_a_hyperscale_pool_of_the_same_zones_alone(azure):
    plain, other, zoned = (a_hyperscale_pool(azure, name) for name in ("h1", "h2", "h3"))
    assert ask(azure, "DELETE", zoned).status == 204
    zoned = a_hyperscale_pool(azure, "h3", zoneRedundant=True)
    assert put_into(azure, plain).status == 202
    settle(azure)
    assert code(put_into(azure, zoned)) == REFUSED
    assert put_into(azure, other).status == 202
