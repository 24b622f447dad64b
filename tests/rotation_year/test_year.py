"""Months of rotations in minutes: nothing expires, nothing bunches, each is in the audit log."""

from __future__ import annotations

import math

import pytest

from operations.models import AuditEvent
from rotation.orphans import orphaned_versions
from tests.local_azure import LocalAzure
from tests.rotation_year import year

CAP = 20  # rotations at once, the platform's limit


@pytest.mark.parametrize(
    ("databases", "days", "hours"), [(6, 70, 6), pytest.param(500, 365, 1, marks=pytest.mark.full)]
)
def test_a_fleet_is_rotated_again_and_again(azure: LocalAzure, databases: int, days: int, hours: int, record_property):
    """The schedule looks every so many hours."""
    fleet = year.a_fleet_with_credentials(azure, databases)
    ticks = 24 * days // hours
    away = range(ticks // 2, ticks // 2 + 72 // hours)
    books = year.live(azure, ticks=ticks, hours=hours, beat_is_away=away)
    record_property("a year of rotations", books.told())
    assert books.rotations() >= databases * (days // 30)
    assert books.expired == 0
    assert books.oldest_days < 34  # the policy's 30, and the three days without beat
    assert year.unfinished() == []
    assert year.not_audited() == 0
    assert not AuditEvent.objects.filter(action__startswith="credential.expir").exists()
    assert [orphan for database in fleet for orphan in orphaned_versions(database)] == []
    caught_up = range(away.stop, away.stop + 24 // hours)
    assert max(books.begun[tick] for tick in caught_up) <= CAP
    assert max(n for tick, n in books.begun.items() if tick not in caught_up) <= by_chance_at_most(books.mean(), ticks)


def by_chance_at_most(mean: float, ticks: int) -> int:
    """What the fullest tick stays below if all fall evenly, save in one run of a thousand (Poisson)."""
    most, left = 0, 1 - math.exp(-mean)
    while left * ticks > 0.001:
        most += 1
        left -= math.exp(-mean) * mean**most / math.factorial(most)
    return most
