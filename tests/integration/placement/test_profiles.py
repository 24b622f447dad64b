"""Folded profiles are what plain statistics over all samples would be, whatever came late or twice."""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime

import numpy as np
import pytest
from django.db import transaction

from placement.models import FoldMark, LateSample, Meter, Sample
from placement.sampling import fold_lock, partitions, profiles
from placement.sampling.copying import Samples, store
from placement.sampling.loads import known_loads
from placement.sampling.moments import M2, MEAN, MOST, N
from placement.sampling.quantities import QUANTITIES
from placement.sampling.reading import weeks_of
from placement.sampling.slots import slot_of, start_of
from tests.builders import a_database, a_service
from tests.sampled import a_sampled_fleet, lagging, meter_of

MONDAY = datetime(2026, 11, 16, tzinfo=UTC)


@pytest.fixture
def meters(db: None) -> list[Meter]:
    """Five, far apart in number, asked for two weeks."""
    partitions.ensure(MONDAY)
    partitions.ensure(start_of(slot_of(MONDAY) + 8 * 288))
    return [a_meter(number) for number in (1, 255, 256, 300, 20_000)]


def a_meter(number: int) -> Meter:
    row = a_database(a_service(name=f"service-{number}"))
    limits = {"service_tier": "GeneralPurpose", "family": "Gen5", "vcores": 8, "share": 0.5}
    where = {"subscription_id": "s", "region": "eastus", "arm_id": f"/{number}"}
    times = {"sampled_until": start_of(slot_of(MONDAY) + 14 * 288), "due_at": MONDAY}
    return Meter.objects.create(pk=number, kind="database", resource=row.pk, **limits, **where, **times)


def some_samples(meters: list[Meter], *, hours: int, first_hour: int = 0, seed: int = 1) -> Samples:
    """Every slot of these hours, one in ten a gap, one in ten without its log rate."""
    dice = np.random.default_rng(seed)
    slots = slot_of(MONDAY) + 12 * first_hour + np.arange(12 * hours)
    slot, meter = (grid.ravel() for grid in np.meshgrid(slots, [one.pk for one in meters]))
    values = dice.lognormal(0, 1, (len(slot), len(QUANTITIES)))
    values[dice.random(len(slot)) < 0.1, QUANTITIES.index("log_mbps")] = np.nan
    values[dice.random(len(slot)) < 0.1] = np.nan
    return Samples(slot, meter, values.astype(np.float32).astype(np.float64))


@transaction.atomic
def take_in(samples: Samples) -> int:
    return store(samples, folded_until=fold_lock.shared())


def plain(quantity: str) -> dict[tuple[int, int], list[float]]:
    """All values by meter and hour of the week, read row by row."""
    found = defaultdict(list)
    for sample in Sample.objects.exclude(**{quantity: None}):
        found[sample.meter_id, sample.slot.weekday() * 24 + sample.slot.hour].append(getattr(sample, quantity))
    return found


def check(meters: list[Meter], quantity: str) -> int:
    weeks, expected = weeks_of([one.pk for one in meters], quantity), plain(quantity)
    for row, meter in enumerate(meters):
        for hour in range(168):
            values = np.array(expected.get((meter.pk, hour), []))
            n, mean, squares, most = weeks[:, row, hour]
            assert n == len(values)
            if len(values):
                assert mean == pytest.approx(values.mean(), rel=1e-5)
                assert squares == pytest.approx(((values - values.mean()) ** 2).sum(), rel=1e-4, abs=1e-4)
                assert most == pytest.approx(values.max(), rel=1e-6)
    return len(expected)


def fold_all() -> int:
    folded = 0
    while now := profiles.fold_closed_hours():
        folded += now
    return folded


def test_a_fold_is_what_plain_statistics_say(meters):
    take_in(some_samples(meters, hours=30))
    take_in(some_samples(meters, hours=20, first_hour=168, seed=2))
    assert fold_all() == 30 + 20
    assert check(meters, "vcores") == len(meters) * 30
    assert check(meters, "log_mbps") > 0
    assert fold_all() == 0
    check(meters, "vcores")


def test_a_point_that_comes_after_the_fold_counts_once(meters):
    everything = some_samples(meters, hours=10)
    early = np.arange(len(everything)) % 3 > 0
    take_in(everything.where(early))
    fold_all()
    assert take_in(everything) > 0
    assert take_in(everything) == 0
    assert LateSample.objects.count() > 0
    profiles.fold_closed_hours()
    assert LateSample.objects.count() == 0
    check(meters, "vcores")
    profiles.fold_closed_hours()
    check(meters, "vcores")


def test_an_hour_stays_open_while_a_meter_was_not_asked_for_all_of_it(meters):
    take_in(some_samples(meters, hours=5))
    Meter.objects.update(sampled_until=start_of(slot_of(MONDAY) + 5 * 12))
    Meter.objects.filter(pk=1).update(sampled_until=start_of(slot_of(MONDAY) + 2 * 12 + 7))
    assert fold_all() == 2
    assert FoldMark.objects.get().until == start_of(slot_of(MONDAY) + 2 * 12)
    Meter.objects.exclude(pk=1).update(sampled_until=start_of(slot_of(MONDAY) + 40 * 12))
    assert fold_all() == 3  # nobody is waited for longer than a day


def test_profiles_feed_the_engine_by_the_hours_of_the_week(meters):
    take_in(some_samples(meters, hours=48))
    fold_all()
    known = known_loads([one.resource for one in meters])
    values = np.array([row.vcores for row in Sample.objects.filter(meter=meters[0], vcores__isnull=False)])
    assert known.loads.mean[0] == pytest.approx(values.mean(), rel=1e-5)
    assert known.points[0] == len(values)
    assert known.loads.profile.shape == (5, 168)
    assert known.loads.variance[0] <= values.var() * 1.001
    assert known.loads.profile[0, 130] == pytest.approx(values.mean(), rel=1e-5)


def test_what_the_simulator_measures_arrives_in_the_profiles(azure):
    fleet = a_sampled_fleet(azure)
    monitor = lagging(azure)
    fleet.sample_for(hours=3)
    monitor.hide(minutes=20)
    fleet.sample_for(hours=4, every_minutes=10)
    profiles.fold_closed_hours()
    monitor.hidden = None
    fleet.sample_for(hours=5, every_minutes=10)
    fold_all()
    rows = [meter_of(row) for row in (fleet.pool, *fleet.databases)]
    until = FoldMark.objects.get().until
    assert Sample.objects.filter(slot__lt=until).count() == sum(weeks_of([one.pk for one in rows], "vcores")[N].ravel())
    weeks = weeks_of([one.pk for one in rows], "vcores")
    pool, *databases = weeks[MEAN][:, (weeks[N] == 12).all(axis=0)]
    assert len(pool) > 6
    assert np.allclose(pool, sum(databases), atol=2e-4)
    assert (weeks_of([rows[0].pk], "vcores")[[M2, MOST]] >= 0).all()
