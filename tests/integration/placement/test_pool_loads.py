"""Measured loads decide where databases go: pools' loads are made once a fold, newcomers borrow, forecasts are judged."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest

from inventory.models import Database, ElasticPool
from placement import load_forecasts, pool_loads
from placement.borrowing import HALF_LENT, unpacked
from placement.models import LoadClass, LoadForecast, PoolLoad
from placement.services import choose_pool
from placement.snapshot import load_of
from tests.builders import GIB, a_database, a_pool, a_region, a_server, a_service, a_workspace
from tests.measured_fleet import MONDAY, folded, measured, sampled

pytestmark = pytest.mark.django_db


def stands(pool: ElasticPool, number: int, *, workspace: str = "cigna", vcores: float = 0.5) -> Database:
    service = a_service(a_workspace(workspace, pool.server.region), f"service-{number}")
    row = a_database(
        service, server=pool.server, pool=pool, holds_room=True, status="ready", size_bytes=GIB, vcores_demanded=vcores
    )
    ElasticPool.objects.filter(pk=pool.pk).update(
        vcores_demanded=pool.vcores_demanded + vcores, databases_committed=pool.databases_committed + 1
    )
    pool.refresh_from_db()
    return row


def newcomer(number: int = 99, *, kind: str = "fhir", vcores: float = 0.5) -> Database:
    service = a_service(a_workspace("novo"), f"service-{number}", kind)
    return a_database(service, size_bytes=GIB, vcores_demanded=vcores)


def test_a_busy_pool_is_passed_over_although_little_was_promised_in_it():
    server = a_server(a_region())
    busy, calm = a_pool(server), a_pool(server)
    noisy, quiet = stands(busy, 1, vcores=0.5), stands(calm, 2, vcores=3.0)
    assert choose_pool(newcomer()).pool_id is not None
    measured({noisy: 6.3, quiet: 0.2})
    folded()
    assert pool_loads.refresh_all() == 2
    decision = choose_pool(newcomer(98))
    assert decision.pool_id == str(calm.pk)
    assert {one.nearest_pool_id for one in decision.refusals if one.constraint == "has_free_vcores"} == {str(busy.pk)}


def test_loads_are_made_anew_once_a_fold():
    pool = a_pool(a_server(a_region()))
    measured({stands(pool, 1): 1.0})
    folded()
    assert pool_loads.refresh_all() == 1
    assert pool_loads.refresh_all() == 0
    folded(MONDAY + timedelta(hours=1))
    assert pool_loads.refresh_all() == 1


def test_a_pools_load_is_the_sum_over_its_databases_whatever_is_known_of_them():
    pool = a_pool(a_server(a_region()))
    day = np.tile(np.linspace(0.0, 1.0, 24), 7)
    rows = {stands(pool, 1): day, stands(pool, 2): 2.0}
    unknown = stands(pool, 3, vcores=0.75)
    measured(rows)
    folded()
    expected = sum(load_of(row).profile for row in (*rows, unknown))
    pool_loads.refresh_all()
    load = PoolLoad.objects.get(pool=pool)
    assert load.databases == 3
    assert np.allclose(unpacked(load.profile), expected, atol=1e-4)
    assert load.peak >= load.mean


def test_a_newcomer_borrows_from_its_kind_and_size_and_falls_back_on_the_estimate():
    pool = a_pool(a_server(a_region()))
    measured({stands(pool, number): 2.0 for number in range(8)})
    folded()
    pool_loads.refresh_all()
    lender = LoadClass.objects.get(kind="fhir")
    assert lender.databases == pytest.approx(8, abs=0.1)
    weight = lender.databases / (lender.databases + HALF_LENT)
    assert load_of(newcomer(vcores=0.5)).mean == pytest.approx(weight * 2.0 + (1 - weight) * 0.5, rel=1e-3)
    assert load_of(newcomer(97, kind="dicom", vcores=0.5)).mean == pytest.approx(0.5)


def test_what_is_known_from_little_is_drawn_towards_the_estimate():
    pool = a_pool(a_server(a_region()))
    seldom, long = stands(pool, 1), stands(pool, 2)
    measured({seldom: 4.0}, points=0.1)
    measured({long: 4.0})
    assert load_of(long).mean == pytest.approx(4.0, rel=0.02)
    assert load_of(seldom).mean < 2.0


def test_a_pool_is_hot_when_the_week_and_the_last_day_agree_often_enough():
    pool = a_pool(a_server(a_region()))
    measured({stands(pool, 1): 7.0})
    sampled(pool, np.full(288 * 2, 7.0), since=MONDAY - timedelta(days=1))
    for hour in range(4):
        folded(MONDAY + timedelta(hours=hour))
        assert not PoolLoad.objects.filter(is_hot=True).exists()
        pool_loads.refresh_all()
    assert PoolLoad.objects.get().is_hot


def test_a_pool_that_was_calm_of_late_is_not_hot_whatever_the_week_says():
    pool = a_pool(a_server(a_region()))
    measured({stands(pool, 1): 7.0})
    sampled(pool, np.full(288 * 2, 2.0), since=MONDAY - timedelta(days=1))
    for hour in range(8):
        folded(MONDAY + timedelta(hours=hour))
        pool_loads.refresh_all()
    assert not PoolLoad.objects.get().is_hot


def test_forecasts_are_kept_and_judged_by_what_came():
    pool = a_pool(a_server(a_region()))
    measured({stands(pool, 1): np.tile(np.repeat([2.0, 7.0], 12), 7)}, points=9_000)
    folded()
    pool_loads.refresh_all()
    load_forecasts.keep()
    told = LoadForecast.objects.get()
    assert told.day == (MONDAY + timedelta(days=1)).date()
    assert told.predicted_share == pytest.approx(0.5, abs=0.01)
    sampled(pool, np.repeat([2.0, 7.0, 2.0], [144, 108, 36]), since=MONDAY + timedelta(days=1))
    assert load_forecasts.observe(MONDAY + timedelta(days=2)) == 1
    told.refresh_from_db()
    assert (told.slots, told.observed_share) == (288, 108 / 288)
    (band,) = load_forecasts.calibration()
    assert (band.days, band.predicted, band.observed) == (1, pytest.approx(0.5, abs=0.01), pytest.approx(0.375))


def test_a_pool_that_turned_busier_is_expected_to_stay_so_until_somebody_leaves():
    pool = a_pool(a_server(a_region()))
    rows = [stands(pool, 1), stands(pool, 2)]
    measured(dict.fromkeys(rows, 1.0))
    sampled(pool, np.full(288, 5.0), since=MONDAY - timedelta(days=1))
    folded(MONDAY)
    pool_loads.refresh_all()
    assert PoolLoad.objects.get().peak > 4.0
    Database.objects.filter(pk=rows[0].pk).update(holds_room=False)
    folded(MONDAY + timedelta(hours=1))
    pool_loads.refresh_all()
    load = PoolLoad.objects.get()
    assert (load.recent, load.same_since) == (None, MONDAY + timedelta(hours=1))
    assert load.peak < 1.5, "what it used before says nothing of those who are left"
