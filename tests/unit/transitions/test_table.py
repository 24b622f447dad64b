"""The law of changes: what is done how, what is refused and why, and that every pair of states has an answer."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from inventory.transitions import (
    Backup,
    Circumstances,
    Encryption,
    Home,
    Replication,
    State,
    StepKind,
    Tier,
    route,
    way_back,
)
from inventory.transitions.refusals import GIB, not_offered
from inventory.transitions.table import differences

NOW = datetime(2026, 3, 1, tzinfo=UTC)
CONVERTED = Circumstances(used_bytes=GIB, reversible_until=NOW + timedelta(days=3), now=NOW)
MOVE, CONVERT, BACK = StepKind.MOVE, StepKind.CONVERT_TO_HYPERSCALE, StepKind.CONVERT_BACK
BACKUP, KEYS = StepKind.CHANGE_BACKUP_REDUNDANCY, StepKind.CHANGE_ENCRYPTION
STATES = [
    state for state in (State(*one) for one in product(Tier, Home, (False, True), Backup)) if not_offered(state) is None
]


def gp(home: Home = Home.POOL, **others: object) -> State:
    return State(Tier.GENERAL_PURPOSE, home, **others)


def bc(home: Home = Home.POOL, **others: object) -> State:
    return State(Tier.BUSINESS_CRITICAL, home, **others)


def hs(home: Home = Home.SINGLE, **others: object) -> State:
    return State(Tier.HYPERSCALE, home, **others)


def small(gigabytes: float = 1, **others: object) -> Circumstances:
    return Circumstances(used_bytes=int(gigabytes * GIB), now=NOW, **others)


WAYS = [
    (gp(), gp(), small(), ()),
    (gp(), hs(), small(), (CONVERT,)),
    (gp(), hs(Home.POOL), small(), (CONVERT,)),
    (gp(zone_redundant=True), hs(Home.POOL), small(), (CONVERT, MOVE)),
    (gp(zone_redundant=True), hs(), small(), (CONVERT,)),
    (State(Tier.BASIC, Home.POOL), hs(), small(), (MOVE, CONVERT)),
    (gp(), hs(zone_redundant=True, backup=Backup.ZONE), small(), (BACKUP, CONVERT)),
    (hs(), gp(Home.SINGLE), CONVERTED, (BACK,)),
    (hs(Home.POOL), gp(), CONVERTED, (MOVE, BACK, MOVE)),
    (hs(), bc(Home.SINGLE), CONVERTED, (BACK, MOVE)),
    (hs(), hs(backup=Backup.ZONE), CONVERTED, (BACK, BACKUP, CONVERT)),
    (hs(), hs(Home.POOL), small(), (MOVE,)),
    (gp(), gp(zone_redundant=True), small(), (MOVE,)),
    (gp(), bc(zone_redundant=True), small(), (MOVE,)),
    (gp(), gp(backup=Backup.GEO_ZONE), small(), (BACKUP,)),
    (gp(), gp(encryption=Encryption.CUSTOMER_MANAGED), small(), (KEYS,)),
    (hs(), hs(replication=Replication.FAILOVER_GROUP), small(), ("add_geo_replica", "join_failover_group")),
    (
        gp(replication=Replication.LINK),
        hs(replication=Replication.LINK),
        small(geo_secondaries=1),
        (CONVERT,),
    ),
    (bc(), hs(), small(has_in_memory_objects=False), (CONVERT,)),
]

REFUSALS = [
    (hs(), gp(Home.SINGLE), small(), "NeverConverted"),
    (hs(), gp(Home.SINGLE), small(reversible_until=NOW - timedelta(days=1)), "ReverseDeadlinePassed"),
    (hs(), gp(Home.SINGLE), Circumstances(5000 * GIB, False, NOW + timedelta(days=1), NOW), "DataTooLarge"),
    (hs(), hs(backup=Backup.ZONE), small(), "BackupRedundancyFixed"),
    (hs(backup=Backup.ZONE), hs(backup=Backup.ZONE, zone_redundant=True), small(), "ZoneRedundancyFixed"),
    (bc(), hs(), small(has_in_memory_objects=True), "InMemoryObjects"),
    (bc(), gp(), small(has_in_memory_objects=True), "InMemoryObjects"),
    (gp(), hs(), small(is_geo_secondary=True), "IsGeoSecondary"),
    (
        gp(replication=Replication.LINK),
        hs(replication=Replication.LINK),
        small(geo_secondaries=2),
        "TooManyGeoSecondaries",
    ),
    (gp(replication=Replication.LINK), bc(replication=Replication.LINK), small(), "GeoReplicated"),
    (hs(), gp(Home.SINGLE), Circumstances(GIB, False, NOW + timedelta(days=1), NOW, named_replicas=1), "NamedReplicas"),
    (gp(), State(Tier.BASIC, Home.SINGLE), small(10), "DataTooLarge"),
    (gp(), State(Tier.BASIC, Home.SINGLE, zone_redundant=True), small(), "ZoneRedundancyNotOffered"),
    (gp(), hs(zone_redundant=True), small(), "ZonalBackupsNeeded"),
    (gp(), bc(Home.SERVERLESS), small(), "ServerlessNotOffered"),
]


@pytest.mark.parametrize(("before", "after", "at", "kinds"), WAYS)
def test_the_shortest_way_is_found(before: State, after: State, at: Circumstances, kinds: tuple[str, ...]) -> None:
    found = route(before, after, at)
    assert (found.refusal, tuple(step.kind for step in found.steps)) == (None, kinds)


@pytest.mark.parametrize(("before", "after", "at", "code"), REFUSALS)
def test_what_azure_does_not_do_is_refused_with_its_reason(
    before: State, after: State, at: Circumstances, code: str
) -> None:
    found = route(before, after, at)
    assert found.steps == ()
    assert found.refusal is not None
    assert found.refusal.code == code
    assert found.refusal.message.endswith(".")
    assert found.refusal.source


@pytest.mark.parametrize("at", [small(), small(3000), CONVERTED], ids=["small", "3 TB", "converted"])
@pytest.mark.parametrize("tier", Tier)
def test_every_pair_has_a_lawful_way_or_a_reason(tier: Tier, at: Circumstances) -> None:
    for before, after in product([state for state in STATES if state.tier is tier], STATES):
        found = route(before, after, at)
        if found.refusal is not None:
            assert found.refusal.code != "NoLawfulRoute", (before, after)
            continue
        here = before
        for step in found.steps:
            assert step.before == here
            assert step.row.leads(here, step.after)
            assert step.row.refusal(here, step.after, at) is None
            assert differences(here, step.after)
            here = step.after
        assert here == after


def test_a_conversion_can_be_taken_back_for_45_days() -> None:
    there = route(gp(), hs(), small(100))
    back, days = way_back(there.steps, small(100))
    assert [step.kind for step in back.steps] == [BACK, MOVE]
    assert days == 45


def test_a_move_can_be_taken_back_for_good() -> None:
    back, days = way_back(route(gp(), gp(Home.SINGLE), small()).steps, small())
    assert ([step.kind for step in back.steps], days) == ([MOVE], None)


def test_a_conversion_is_planned_by_the_size_of_the_data() -> None:
    thousand = route(gp(), hs(), small(1000))
    assert thousand.expected_minutes(1000 * GIB) == 1010
    assert thousand.drops == 1
    assert route(bc(), hs(), small()).drops == 2


def test_replicas_and_keys_are_never_lost_on_the_way_to_something_else() -> None:
    protected = gp(replication=Replication.LINK, encryption=Encryption.CUSTOMER_MANAGED)
    found = route(
        protected, hs(Home.POOL, replication=Replication.LINK, encryption=Encryption.CUSTOMER_MANAGED), small()
    )
    for step in found.steps:
        assert step.after.replication is Replication.LINK
        assert step.after.encryption is Encryption.CUSTOMER_MANAGED
