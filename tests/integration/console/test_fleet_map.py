"""The fleet on one page, and what was used drawn over a week."""

from __future__ import annotations

import re
from datetime import timedelta

import numpy as np
import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from controlplane.console.charts import pool_chart
from controlplane.console.display import row_address
from controlplane.console.fleet_map import tile_of
from inventory.models import ElasticPool
from placement.history import lately
from placement.models import Meter, PoolLoad
from tests.builders import a_pool, a_server
from tests.crowded import Crowded, crowded_rows
from tests.measured_fleet import MONDAY, a_meter, sampled

WEEK = timedelta(days=7)


@pytest.fixture
def crowded(db: None) -> Crowded:
    return crowded_rows()


def fleet(console: Client) -> str:
    answer = console.get(reverse("console:fleet"))
    assert answer.status_code == 200
    return answer.content.decode()


def used(pool: ElasticPool, vcores: np.ndarray) -> None:
    """In the week before Monday, a value each five minutes."""
    sampled(pool, vcores, since=MONDAY - WEEK)
    Meter.objects.filter(resource=pool.pk).update(first_at=MONDAY - WEEK)


def test_each_pool_is_a_tile_that_says_how_it_is(console: Client, crowded: Crowded):
    page = fleet(console)
    tiles = re.findall(r'<a class="c-tile c-(\w+)" href="([^"]+)" title="([^"]+)"', page)
    assert {(tone, address) for tone, address, _ in tiles} == {
        ("warning", row_address(crowded.first)),
        ("good", row_address(crowded.second)),
    }
    (words,) = [words for tone, _, words in tiles if tone == "warning"]
    assert "above its level" in words
    assert "of 6.4 vCores" in words


@pytest.mark.parametrize(
    ("change", "tone", "words"),
    [
        ({"status": "failed", "error_code": "Quota"}, "bad", "failed: Quota"),
        ({"is_nearly_full": True}, "warning", "nearly full"),
        ({"status": "updating"}, "busy", "updating"),
        ({"is_cordoned": True}, "quiet", "closed to placement"),
    ],
)
def test_a_tile_shows_the_worst_that_can_be_said(crowded: Crowded, change: dict[str, object], tone: str, words: str):
    ElasticPool.objects.filter(pk=crowded.second.pk).update(**change)
    tile = tile_of(ElasticPool.objects.select_related("server", "load").get(pk=crowded.second.pk))
    assert (tile.tone, words in tile.words) == (tone, True)


def test_a_hot_pool_stands_first_and_one_that_was_never_measured_is_no_trouble(console: Client, crowded: Crowded):
    PoolLoad.objects.filter(pool=crowded.second).update(is_hot=True)
    stranger = a_pool(crowded.first.server)
    page = fleet(console)
    first = page.index("Look here first: 2")
    assert first < page.index(row_address(crowded.second), first) < page.index(row_address(crowded.first), first)
    assert tile_of(ElasticPool.objects.select_related("server").get(pk=stranger.pk)).tone == "quiet"


def test_the_map_asks_few_questions_however_large_the_fleet_is(console: Client, crowded: Crowded):
    def queries() -> int:
        with CaptureQueriesContext(connection) as asked:
            fleet(console)
        return len(asked)

    few = queries()
    for _ in range(3):
        server = a_server(crowded.first.server.region)
        for _ in range(5):
            a_pool(server)
    assert queries() == few


def test_hours_are_averaged_and_hours_without_samples_stay_empty(crowded: Crowded):
    vcores = np.full(7 * 288, 2.0)
    vcores[:12] = np.arange(12)
    vcores[24:36] = np.nan
    used(crowded.first, vcores)
    hours = lately(crowded.first.pk)
    assert (len(hours), hours[0].at, hours[-1].at) == (168, MONDAY - WEEK, MONDAY - timedelta(hours=1))
    assert (hours[0].mean, hours[0].most) == (5.5, 11.0)
    assert (hours[2].mean, hours[2].most) == (None, None)
    assert hours[3].mean == 2.0


def test_the_chart_says_in_words_what_it_draws(console: Client, crowded: Crowded):
    vcores = np.full(7 * 288, 2.0)
    vcores[:24] = 7.0
    vcores[36:48] = np.nan
    used(crowded.first, vcores)
    chart = pool_chart(crowded.first)
    assert "most 7.00 on Mon 00:00, of 8" in chart.words
    assert "Above the level of 6.4: 2 of 167 hours. Without samples: 1 hours." in chart.words
    page = console.get(row_address(crowded.first)).content.decode()
    assert page.count('class="c-hour c-bad"') == 2
    assert page.count('class="c-gap"') == 1
    assert page.count("<polygon") == 2, "the band is interrupted where nothing was seen"


def test_what_was_never_sampled_says_so(console: Client, crowded: Crowded):
    assert a_meter(crowded.second).first_at is None
    page = console.get(row_address(crowded.second)).content.decode()
    assert "Nothing was sampled yet." in page
    assert '<svg class="c-chart"' not in page
