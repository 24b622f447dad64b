"""What to create for a size: tier, pool, compute."""

import json
import os
from pathlib import Path

import pytest

from placement.engine.catalogue import pool_sizes, sizes_of
from placement.engine.fleet import Fleet
from placement.engine.place import place
from placement.engine.policy import GIBIBYTE, TEBIBYTE, Limits, Policy, PoolPlan
from placement.engine.sizing import (
    NoPoolSize,
    PoolShape,
    SizeRefused,
    Tier,
    pool_shape_for,
    tier_for,
    vcores_for_hyperscale,
)
from tests.unit.placement.builders import a_demand, a_pool

POLICY = Policy()
SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / ".." / "shared"))


@pytest.mark.parametrize(
    ("size_bytes", "tier"),
    [
        (1, Tier.ELASTIC_POOL),
        (4 * TEBIBYTE, Tier.ELASTIC_POOL),
        (4 * TEBIBYTE + 1, Tier.HYPERSCALE),
        (100 * TEBIBYTE, Tier.HYPERSCALE),
    ],
)
def test_size_decides_the_tier(size_bytes: int, tier: Tier):
    assert tier_for(size_bytes, Limits()) is tier


@pytest.mark.parametrize("size_bytes", [100 * TEBIBYTE + 1, 150 * TEBIBYTE, 10**400, 0, -1])
def test_sizes_beyond_every_tier_are_refused(size_bytes: int):
    with pytest.raises(SizeRefused):
        tier_for(size_bytes, Limits())


def test_the_limits_are_configuration():
    assert tier_for(3 * TEBIBYTE, Limits(elastic_pool_bytes=2 * TEBIBYTE)) is Tier.HYPERSCALE
    assert tier_for(128 * TEBIBYTE, Limits(hyperscale_bytes=128 * TEBIBYTE)) is Tier.HYPERSCALE


def test_larger_hyperscale_databases_get_more_vcores():
    sizes = [vcores_for_hyperscale(size * TEBIBYTE, POLICY) for size in (4, 5, 6, 20, 50, 100)]
    assert sizes == [4, 4, 8, 16, 32, 80]
    with pytest.raises(SizeRefused):
        vcores_for_hyperscale(101 * TEBIBYTE, POLICY)


def test_a_small_demand_gets_a_pool_that_others_can_share():
    assert pool_shape_for(a_demand(), POLICY) == PoolShape(
        sku_name="GP_Gen5",
        service_tier="GeneralPurpose",
        family="Gen5",
        vcores=8,
        max_size_bytes=2048 * GIBIBYTE,
        max_databases=500,
        per_database_min_vcores=0.0,
        per_database_max_vcores=4.0,
        zone_redundant=False,
    )


def test_a_demand_of_four_terabytes_gets_a_pool_that_it_fills():
    shape = pool_shape_for(a_demand(storage_bytes=4 * TEBIBYTE), POLICY)
    assert (shape.vcores, shape.max_size_bytes) == (32, 4 * TEBIBYTE)


@pytest.mark.parametrize("changes", [{"storage_bytes": 5 * TEBIBYTE}, {"vcores": 129.0}, {"service_tier": "Standard"}])
def test_a_demand_that_no_pool_can_hold_is_refused(changes: dict):
    with pytest.raises(NoPoolSize):
        pool_shape_for(a_demand(**changes), POLICY)


def test_per_database_settings_are_steps_that_azure_sells():
    plan = PoolPlan(per_database_min_vcores=0.3, per_database_max_vcores=5.0)
    shape = pool_shape_for(a_demand(), Policy(new_pool=plan))
    assert (shape.per_database_min_vcores, shape.per_database_max_vcores) == (0.25, 6.0)


@pytest.mark.parametrize("storage_gb", [1, 100, 1843, 1844, 2048, 2049, 3500, 4096])
@pytest.mark.parametrize("vcores", [0.0, 0.5, 6.4, 6.5, 30.0, 128.0])
@pytest.mark.parametrize("service_tier", ["GeneralPurpose", "BusinessCritical"])
def test_the_pool_made_for_a_demand_takes_it(storage_gb: int, vcores: float, service_tier: str):
    demand = a_demand(storage_bytes=storage_gb * GIBIBYTE, vcores=vcores, service_tier=service_tier)
    shape = pool_shape_for(demand, POLICY)
    pool = a_pool(
        "p-new",
        service_tier=shape.service_tier,
        vcores=float(shape.vcores),
        storage_limit_bytes=shape.max_size_bytes,
        max_databases=shape.max_databases,
        per_database_min_vcores=shape.per_database_min_vcores,
        per_database_max_vcores=shape.per_database_max_vcores,
    )
    assert place(Fleet.of([pool]), demand, POLICY).pool_id == "p-new"


def test_the_catalogue_lists_each_size_once_smallest_first():
    general_purpose = [size.vcores for size in sizes_of("GeneralPurpose", "Gen5")]
    assert general_purpose == [2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 24, 32, 40, 80, 128]
    assert len({(size.sku_name, size.vcores) for size in pool_sizes()}) == len(pool_sizes())


def test_the_catalogue_agrees_with_the_platforms_published_limits():
    published = SHARED / "azure" / "limits.json"
    if not published.exists():
        pytest.skip(f"the published limits are not here: {published}")
    rows = {row["slo_label"]: row for row in json.loads(published.read_text())}
    for size in pool_sizes():
        row = rows[f"{size.sku_name}_{size.vcores}"]
        assert size.service_tier == row["tier"]
        assert size.max_storage_bytes == row["max_storage_gb"] * GIBIBYTE
        assert (size.max_databases, size.max_workers) == (row["max_databases"], row["max_concurrent_workers"])
        assert (size.max_sessions, size.max_log_mbps) == (row["max_sessions"], row["max_log_mbps"])
        assert list(size.per_database_vcores) == row["per_db_max_choices"]
