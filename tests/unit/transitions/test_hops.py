"""The way between any two states that databases are kept in: hops that each end in such a state, or a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from inventory.transitions import Backup, Circumstances, Home, State, StepKind, Tier
from inventory.transitions.refusals import GIB
from provisioning.changes.hops import as_columns, from_columns, is_kept, way_to
from tests.kept_states import KEPT

NOW = datetime(2026, 3, 1, tzinfo=UTC)
NEVER = Circumstances(used_bytes=GIB, now=NOW)
CONVERTED = Circumstances(used_bytes=GIB, reversible_until=NOW + timedelta(days=3), now=NOW)
POOL = State(Tier.GENERAL_PURPOSE, Home.POOL)
ZONES = State(Tier.GENERAL_PURPOSE, Home.POOL, zone_redundant=True)
ALONE = State(Tier.HYPERSCALE, Home.SINGLE)
HS_POOL = State(Tier.HYPERSCALE, Home.POOL)
MOVE, CONVERT, BACK, STORAGE = "move_database", "convert_to_hyperscale", "convert_back", "change_backup_storage"
WAYS = [
    (POOL, POOL, NEVER, []),
    (ZONES, HS_POOL, NEVER, [CONVERT, MOVE]),
    (POOL, State(Tier.HYPERSCALE, Home.POOL, True, Backup.ZONE), NEVER, [STORAGE, CONVERT]),
    (HS_POOL, ALONE, NEVER, [MOVE]),
    (HS_POOL, ZONES, CONVERTED, [BACK]),
    (ALONE, State(Tier.HYPERSCALE, Home.SINGLE, False, Backup.ZONE), CONVERTED, [BACK, STORAGE, CONVERT]),
]
ELSEWHERE = [
    State(Tier.BASIC, Home.SINGLE),
    State(Tier.BUSINESS_CRITICAL, Home.POOL),
    State(Tier.HYPERSCALE, Home.SINGLE, True, Backup.ZONE),
]


@pytest.mark.parametrize(("before", "after", "at", "kinds"), WAYS)
def test_hops_are_few(before: State, after: State, at: Circumstances, kinds: list[str]):
    way = way_to(before, after, at)
    assert (way.refusal, [hop.kind for hop in way.hops]) == (None, kinds)


@pytest.mark.parametrize("at", [NEVER, CONVERTED], ids=["never converted", "converted"])
def test_every_hop_begins_where_the_last_has_ended_in_a_state_that_is_kept(at: Circumstances):
    for before, after in product(KEPT, KEPT):
        way, here = way_to(before, after, at), before
        if way.refusal is not None:
            assert way.refusal.code != "NoLawfulRoute", (before, after)
            assert way.refusal.message.endswith(".")
            continue
        for hop in way.hops:
            assert (hop.before, is_kept(hop.after)) == (here, True)
            here = hop.after
        for step, following in zip(way.steps, way.steps[1:], strict=False):
            assert following.before == step.after
        assert here == after


def test_nothing_but_what_azure_forbids_is_refused_between_them():
    codes = {way_to(before, after, CONVERTED).refusal for before, after in product(KEPT, KEPT)} - {None}
    assert {refusal.code for refusal in codes if refusal} <= {"ZonalBackupsNeeded"}


@pytest.mark.parametrize("after", ELSEWHERE)
def test_what_is_not_kept_here_is_refused(after: State):
    refusal = way_to(POOL, after, NEVER).refusal
    assert refusal is not None
    assert refusal.code == "ChangeNotSupported"


def test_a_state_is_kept_with_an_operation_as_it_is():
    assert [from_columns(as_columns(state)) for state in KEPT] == KEPT


def test_the_way_back_counts_its_drops():
    way = way_to(HS_POOL, POOL, CONVERTED)
    assert [step.kind for step in way.steps] == [StepKind.MOVE, StepKind.CONVERT_BACK, StepKind.MOVE]
    assert sum(step.row.drops for step in way.steps) == 3
