"""Every size of pool that Azure's tables list: what it allows is granted, one more is refused with the documented code."""

from __future__ import annotations

import json
import os
from functools import cache
from pathlib import Path
from typing import Any

import orjson
import pytest

from simulator.arm.limits import BASIC_BYTES, GIB, pool_size
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_database, a_pool, a_server, ask, begin_database, settle, whole_id

ROOT = Path(__file__).parents[2]
TABLES = Path(os.environ.get("SHARED_DIR", ROOT.parent / "shared")) / "azure" / "limits.json"
OURS = ROOT / "simulator" / "data" / "elastic_pool_limits.json"
PREFIX = {"GeneralPurpose": "GP", "BusinessCritical": "BC", "Hyperscale": "HS"}
FAMILY = {"PremiumSeries (8IM)": "PRMS", "PremiumSeriesMemoryOptimized (8IH)": "MOPRMS"}


@cache
def sizes() -> list[dict[str, Any]]:
    """The rows of the tables, read from the documents where they are at hand, else from our own copy."""
    if not TABLES.exists():
        return json.loads(OURS.read_text())["sizes"]
    rows = json.loads(TABLES.read_text())
    return [
        {
            **row,
            "sku": f"{PREFIX[row['tier']]}_{FAMILY.get(row['family'], row['family'])}"
            if row["family"]
            else f"{row['tier']}Pool",
            "per_database_max_choices": row["per_db_max_choices"],
            "per_database_min_choices": row["per_db_min_choices"],
        }
        for row in rows
    ]


def offered() -> list[dict[str, Any]]:
    """Without hardware that is retired."""
    return [{**row, "max_databases": row["max_databases"] or 25} for row in sizes() if row["family"] != "Fsv2"]


def named(row: dict[str, Any]) -> str:
    return f"{row['sku']}_{row['capacity']}"


def code(response: Response) -> tuple[int, str]:
    return response.status, orjson.loads(response.body)["error"]["code"]


@pytest.fixture(scope="module")
def server() -> tuple[Azure, str]:
    azure = Azure(real=lambda: 0.0, throttled=False)
    azure.arm.quotas.dtus_per_server = azure.arm.quotas.vcores_per_region = 10**9
    return azure, a_server(azure)


def wish(row: dict[str, Any], **properties: Any) -> dict[str, Any]:
    return {"location": "eastus", "sku": {"name": row["sku"], "capacity": row["capacity"]}, "properties": properties}


def test_our_tables_are_the_documented_ones():
    if not TABLES.exists():
        pytest.skip(f"the documented tables are not here ({TABLES})")
    ours = {(row["sku"], row["capacity"]): row for row in json.loads(OURS.read_text())["sizes"]}
    assert len(ours) == len(sizes())
    for row in sizes():
        known = ours[row["sku"], row["capacity"]]
        for name in ("max_storage_gb", "max_databases", "max_storage_per_database_gb", "per_database_max_choices"):
            assert known.get(name) == row.get(name), (row["sku"], row["capacity"], name)


def test_retired_hardware_is_not_offered(azure):
    path = f"{a_server(azure)}/elasticPools/p1"
    assert code(ask(azure, "PUT", path, wish({"sku": "GP_Fsv2", "capacity": 8}))) == (400, "InvalidSkuName")


@pytest.mark.parametrize("row", offered(), ids=named)
def test_a_pool_is_as_large_as_the_tables_say_and_no_larger(server, row):
    azure, where = server
    path = f"{where}/elasticPools/{named(row)}"
    size = pool_size({"name": row["sku"], "capacity": row["capacity"]})
    assert size.max_databases == row["max_databases"]
    if row["tier"] != "Hyperscale":
        largest = row["capacity"] * BASIC_BYTES if row["tier"] == "Basic" else row["max_storage_gb"] * GIB
        above = ask(azure, "PUT", path, wish(row, maxSizeBytes=largest + GIB))
        assert code(above) == (400, "ElasticPoolStorageAboveLimitGB")
        assert ask(azure, "PUT", path, wish(row, maxSizeBytes=largest)).status == 202
    choices = row["per_database_max_choices"] or [row["capacity"]]
    for limits, expected in (
        ({"maxCapacity": max(choices) * 2}, "ElasticPoolDbDtuMaxAboveLimit"),
        ({"maxCapacity": min(choices) / 2}, "ElasticPoolDbDtuMaxBelowLimit"),
        ({"maxCapacity": min(choices) + 0.05 if len(choices) > 1 else min(choices) / 2}, "ElasticPoolDbDtuMax"),
        ({"minCapacity": max(choices) * 2}, "ElasticPoolDbDtuMinAboveLimit"),
        ({"minCapacity": min(choices) / 3}, "InvalidInputValueForDatabaseDtuMin"),
    ):
        refused = ask(azure, "PUT", f"{path}-other", wish(row, perDatabaseSettings=limits))
        assert refused.status == 400
        assert code(refused)[1].startswith((expected, "InvalidInputValueForDatabaseDtu")), limits
    settle(azure)


@pytest.mark.parametrize(
    "row", [row for row in offered() if row["max_databases"] <= 25 or row["capacity"] in (2, 50, 125)], ids=named
)
def test_a_pool_holds_as_many_databases_as_the_tables_say(row):
    azure = Azure(real=lambda: 0.0, throttled=False)
    where = a_server(azure)
    pool = f"{where}/elasticPools/p1"
    assert ask(azure, "PUT", pool, wish(row)).status == 202
    settle(azure)
    for number in range(row["max_databases"]):
        assert begin_database(azure, f"{where}/databases/d{number}", pool).status == 202
    refused = begin_database(azure, f"{where}/databases/more", pool)
    assert code(refused) == (400, "ElasticPoolDatabaseCountOverLimit")
    assert ask(azure, "GET", f"{where}/databases/more").status == 404


@pytest.mark.parametrize(
    ("sku", "capacity", "lowest", "expected"),
    [
        ("GP_Gen5", 4, 2, "ElasticPoolInconsistentVcoreGuaranteeSettings"),
        ("StandardPool", 100, 50, "ElasticPoolInconsistentDtuGuaranteeSettings"),
    ],
)
def test_what_is_guaranteed_to_databases_fits_into_the_pool(azure, sku, capacity, lowest, expected):
    where = a_server(azure)
    pool = f"{where}/elasticPools/p1"
    limits = {"minCapacity": lowest, "maxCapacity": lowest}
    assert ask(azure, "PUT", pool, wish({"sku": sku, "capacity": capacity}, perDatabaseSettings=limits)).status == 202
    settle(azure)
    for name in ("a", "b"):
        a_database(azure, where, name, pool)
    assert code(begin_database(azure, f"{where}/databases/c", pool)) == (400, expected)


def stored(azure: Azure, database: str, gigabytes: float) -> None:
    """Let a database hold so much data from now on."""
    body = orjson.dumps({"database": whole_id(azure, database), "storage_gb": gigabytes})
    assert azure.handle(Request("POST", "localhost", 443, "/_sim/workload", {}, {}, body)).status == 201


def test_a_full_pool_takes_no_more_data_and_does_not_shrink_below_it(azure):
    where = a_server(azure)
    pool = a_pool(azure, where, maxSizeBytes=100 * GIB)
    for name, gigabytes, place in (("a", 80, pool), ("b", 30, None)):
        path = a_database(azure, where, name, place)
        assert ask(azure, "PATCH", path, {"properties": {"maxSizeBytes": 100 * GIB}}).status == 202
        settle(azure)
        stored(azure, path, gigabytes)
    move = {"properties": {"elasticPoolId": whole_id(azure, pool)}}
    assert code(ask(azure, "PATCH", f"{where}/databases/b", move)) == (400, "ElasticPoolOverStorageUsage")
    shrink = {"properties": {"maxSizeBytes": 50 * GIB}}
    assert code(ask(azure, "PATCH", pool, shrink)) == (400, "ElasticPoolDecreaseStorageLimitBelowUsage")
    assert ask(azure, "PATCH", pool, {"properties": {"maxSizeBytes": 200 * GIB}}).status == 202
    settle(azure)
    assert ask(azure, "PATCH", f"{where}/databases/b", move).status == 202


@pytest.mark.parametrize(
    ("objective", "gigabytes"),
    [("Basic", 2), ("S0", 250), ("S3", 1024), ("P1", 1024), ("P11", 4096), ("GP_Gen5_2", 4096)],
)
def test_a_single_database_is_as_large_as_its_tier_allows(azure, objective, gigabytes):
    path = f"{a_server(azure)}/databases/d1"
    document = {"location": "eastus", "sku": {"name": objective}}
    above = {**document, "properties": {"maxSizeBytes": (gigabytes + 1) * GIB}}
    assert code(ask(azure, "PUT", path, above)) == (400, "InvalidMaxSizeTierCombination")
    assert ask(azure, "PUT", path, {**document, "properties": {"maxSizeBytes": gigabytes * GIB}}).status == 202


def test_a_database_does_not_shrink_below_what_it_holds(azure):
    path = a_database(azure, a_server(azure))
    stored(azure, path, 20)
    small = {"properties": {"maxSizeBytes": 10 * GIB}}
    assert code(ask(azure, "PATCH", path, small)) == (400, "CurrentDatabaseSizeExceedsMaxSize")
    smaller = {"sku": {"name": "Basic"}, "properties": {"maxSizeBytes": 2 * GIB}}
    assert code(ask(azure, "PATCH", path, smaller)) == (400, "CurrentDatabaseSizeExceedsMaxSize")


def test_a_server_holds_so_many_databases(azure):
    where = a_server(azure)
    azure.arm.quotas.databases_per_server = 2
    for name in ("a", "b"):
        a_database(azure, where, name)
    refused = begin_database(azure, f"{where}/databases/c")
    assert code(refused) == (400, "DatabaseNumberLimitReached")


def test_a_region_gives_a_subscription_so_many_vcores(azure):
    azure.arm.quotas.vcores_per_region = 8
    one = a_server(azure)
    a_pool(azure, one, capacity=4)
    a_database(azure, one)
    refused = ask(azure, "PUT", f"{one}/elasticPools/p2", wish({"sku": "GP_Gen5", "capacity": 4}))
    assert code(refused) == (400, "ProvisioningDisabled")
    usage = "/providers/Microsoft.Sql/locations/eastus/usages/RegionalVCoreQuotaForSQLDBAndDW"
    assert orjson.loads(ask(azure, "GET", usage).body)["properties"]["currentValue"] == 6.0
    assert ask(azure, "DELETE", f"{one}/databases/d1").status == 202
    settle(azure)
    assert ask(azure, "PUT", f"{one}/elasticPools/p2", wish({"sku": "GP_Gen5", "capacity": 4})).status == 202


def test_totals_are_the_same_after_a_restart(tmp_path):
    azure = Azure(tmp_path, real=lambda: 0.0)
    where = a_server(azure)
    a_pool(azure, where, capacity=4)
    a_database(azure, where)
    assert ask(azure, "PATCH", f"{where}/databases/d1", {"sku": {"name": "GP_Gen5_4"}}).status == 202
    settle(azure)
    before = dict(azure.arm.resources.totals)
    azure.close()
    assert dict(Azure(tmp_path, real=lambda: 0.0).arm.resources.totals) == before
    assert set(before.values()) == {800}


def test_hyperscale_is_entered_by_conversion_and_left_within_45_days(azure):
    where = a_server(azure)
    path = a_database(azure, where)
    assert ask(azure, "PATCH", path, {"sku": {"name": "HS_Gen5_2"}}).status == 202
    settle(azure)
    shown = orjson.loads(ask(azure, "GET", path).body)["properties"]
    assert (shown["maxSizeBytes"], shown["highAvailabilityReplicaCount"]) == (-1, 1)
    backup = {"properties": {"requestedBackupStorageRedundancy": "Local"}}
    assert code(ask(azure, "PATCH", path, backup)) == (400, "UnsupportedBackupStorageRedundancyForEdition")
    refused = ask(azure, "PATCH", path, {"sku": {"name": "BC_Gen5_2"}})
    assert code(refused) == (400, "HyperscaleReverseMigrationNotSupported")
    assert ask(azure, "PATCH", path, {"sku": {"name": "GP_Gen5_2"}}).status == 202
    settle(azure)
    born = ask(azure, "PUT", f"{where}/databases/d2", {"location": "eastus", "sku": {"name": "HS_Gen5_2"}})
    assert born.status == 202
    settle(azure)
    refused = ask(azure, "PATCH", f"{where}/databases/d2", {"sku": {"name": "GP_Gen5_2"}})
    assert code(refused) == (400, "HyperscaleReverseMigrationNotSupported")


def test_a_change_shows_what_was_asked_for_first_and_what_is_when_done(azure):
    path = a_database(azure, a_server(azure))
    assert ask(azure, "PATCH", path, {"sku": {"name": "GP_Gen5_4"}, "tags": {"a": "b"}}).status == 202
    shown = orjson.loads(ask(azure, "GET", path).body)
    objectives = [shown["properties"][f"{name}ServiceObjectiveName"] for name in ("requested", "current")]
    assert (objectives, "tags" in shown) == (["GP_Gen5_4", "GP_Gen5_2"], False)
    assert code(ask(azure, "PATCH", path, {"tags": {}})) == (409, "ConflictingDatabaseOperation")
    settle(azure)
    shown = orjson.loads(ask(azure, "GET", path).body)
    assert (shown["properties"]["currentServiceObjectiveName"], shown["tags"]) == ("GP_Gen5_4", {"a": "b"})
