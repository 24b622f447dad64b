"""What would be if: computed as in earnest, on a copy."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from django.db import InternalError

from inventory.models import ElasticPool, Region
from placement.models import RebalancePlan, RebalancingRules
from provisioning.what_if.answering import answer
from provisioning.what_if.question import Arrivals, Loss, Question, QuestionRefused
from tests.acceptance.tables import contents
from tests.crowded import Crowded, crowded_rows
from tests.prices import prices_of

pytestmark = pytest.mark.django_db

GIB = 2**30
TIB = 2**40


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


@pytest.fixture
def elsewhere(db: None) -> Region:
    return Region.objects.create(name="westus3", display_name="West US 3", geography="United States")


def arrivals(crowded: Crowded, *, count: int, size_bytes: int = 100 * GIB, zone_redundant: bool = False) -> Question:
    return Question(arrivals=(Arrivals(crowded.region, "fhir", size_bytes, count, zone_redundant),))


def test_without_any_change_now_and_then_are_alike(crowded: Crowded):
    (told,) = answer(Question()).regions
    assert told.region == crowded.region
    assert told.now == told.then
    assert (told.now.databases, told.now.pools, told.now.pools_above) == (4, 2, 1)
    assert (told.moves.count, told.moves.overage_after) == (1, 0.0), "the crowded pool can be relieved by one move"


def test_arrivals_fill_the_room_there_is_and_then_pools_are_made(crowded: Crowded):
    (few,) = answer(arrivals(crowded, count=1)).regions
    (many,) = answer(arrivals(crowded, count=300)).regions
    assert (few.new_pools, few.then.databases) == ((), 5)
    assert many.then.databases == 304
    made = sum(one.count for one in many.new_pools)
    assert many.then.pools == 2 + made > 2
    assert many.then.pools_above <= many.now.pools_above, "newcomers go where they bring no pool above its level"
    assert many.unplaced == ()


def test_arrivals_that_need_zones_get_pools_with_zones(crowded: Crowded):
    (told,) = answer(arrivals(crowded, count=1, zone_redundant=True)).regions
    ((shape, count),) = [(one.shape, one.count) for one in told.new_pools]
    assert (shape.zone_redundant, count) == (True, 1)


def test_arrivals_beyond_any_pool_are_single_databases(crowded: Crowded):
    (told,) = answer(arrivals(crowded, count=2, size_bytes=50 * TIB)).regions
    assert (told.then.databases, told.new_pools) == (6, ())
    assert told.then.vcores == told.now.vcores + 64, "32 for each, by the table of Hyperscale sizes"


def test_another_headroom_changes_who_is_above_the_level_and_what_has_to_move(crowded: Crowded):
    (lax,) = answer(Question(headroom_vcores=0.0)).regions
    (strict,) = answer(Question(headroom_vcores=0.6)).regions
    assert (lax.then.pools_above, lax.moves.count) == (0, 0)
    assert strict.moves.count >= 1
    assert strict.moves.overage_after >= strict.moves.bound > 0, (
        "both pools together have too few vCores below that level"
    )


def test_a_headroom_of_storage_makes_more_pools(crowded: Crowded):
    wish = arrivals(crowded, count=40, size_bytes=400 * GIB)
    (usual,), (careful,) = answer(wish).regions, answer(replace(wish, headroom_storage=0.5)).regions
    assert careful.then.pools > usual.then.pools


def test_what_a_lost_region_held_comes_to_the_other_with_its_measured_load(crowded: Crowded, elsewhere: Region):
    lost, taken = answer(Question(loss=Loss(crowded.region, "westus3"))).regions
    assert (lost.region, lost.now.databases, lost.then.databases, lost.then.pools) == (crowded.region, 4, 0, 0)
    assert (taken.now.databases, taken.then.databases, taken.now.pools) == (0, 4, 0)
    assert taken.then.pools == sum(one.count for one in taken.new_pools) >= 1
    assert taken.then.vcores >= 8


def test_prices_rise_by_percent_where_they_are_known_and_stay_unknown_elsewhere(
    crowded: Crowded, elsewhere: Region, settings, tmp_path: Path
):
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    ElasticPool.objects.update(is_cordoned=True)
    more = (Arrivals("westus3", "fhir", 100 * GIB, 1), Arrivals(crowded.region, "fhir", 100 * GIB, 1))
    unknown, plain = answer(Question(arrivals=more)).regions
    _, dearer = answer(Question(arrivals=more, price_percent=10.0)).regions
    assert (unknown.cost.before, unknown.cost.after) == (None, None)
    assert (plain.cost.before, plain.cost.after) == (0, pytest.approx(dearer.cost.after / 1.1, abs=0.01))
    assert dearer.cost.after > 0


@pytest.mark.parametrize(
    ("question", "words"),
    [
        (Question(arrivals=(Arrivals("atlantis", "fhir", GIB, 1),)), "no region atlantis"),
        (Question(arrivals=(Arrivals("eastus", "pacs", GIB, 1),)), "no kind of service pacs"),
        (Question(arrivals=(Arrivals("eastus", "fhir", GIB, 0),)), "At least one"),
        (Question(arrivals=(Arrivals("eastus", "fhir", 0, 1),)), "cannot be planned"),
        (Question(arrivals=(Arrivals("eastus", "fhir", 101 * TIB, 1),)), "102,400 GB"),
        (Question(arrivals=(Arrivals("eastus", "fhir", GIB, 5_001),)), "at most 5,000"),
        (Question(loss=Loss("eastus", "eastus")), "same region"),
        (Question((Arrivals("eastus", "fhir", GIB, 1),), Loss("eastus", "westus3")), "supposed to be gone"),
    ],
)
def test_what_cannot_be_supposed_is_refused_in_words(
    crowded: Crowded, elsewhere: Region, question: Question, words: str
):
    with pytest.raises(QuestionRefused, match=words):
        answer(question)


def test_nothing_is_touched_not_even_rules_of_a_region_that_has_none(crowded: Crowded, elsewhere: Region):
    RebalancingRules.objects.all().delete()
    before = contents()
    answer(Question(arrivals=arrivals(crowded, count=30).arrivals, headroom_vcores=0.5))
    answer(Question(loss=Loss(crowded.region, "westus3"), price_percent=5.0))
    assert contents() == before
    assert not RebalancePlan.objects.exists()


def test_answers_are_computed_where_the_database_refuses_writes(crowded: Crowded, monkeypatch: pytest.MonkeyPatch):
    def write(*_: object, **__: object) -> list[object]:
        Region.objects.update(display_name="touched")
        return []

    monkeypatch.setattr("provisioning.what_if.answering.grounds", write)
    with pytest.raises(InternalError, match="read-only transaction"):
        answer(Question())
