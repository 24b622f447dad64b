"""The explicit table: every single change of a database that Azure knows, or is often asked for and does not know."""

from __future__ import annotations

from dataclasses import dataclass, fields
from enum import StrEnum

from inventory.transitions.refusals import (
    Circumstances,
    Guard,
    Refusal,
    alone,
    fits,
    fixed_in_hyperscale,
    no_in_memory_objects,
    not_a_secondary,
    not_from_basic,
    not_offered,
    one_secondary,
    replicated_alike,
    same_zones_between_pools,
    within_45_days,
)
from inventory.transitions.state import LOCAL, NOT_HYPERSCALE, PAGES, REMOTE, Home, Replication, State, Tier

REVERSE_DAYS = 45


class StepKind(StrEnum):
    """What is done to the database."""

    MOVE = "move"
    CONVERT_TO_HYPERSCALE = "convert_to_hyperscale"
    CONVERT_BACK = "convert_back"
    CHANGE_BACKUP_REDUNDANCY = "change_backup_redundancy"
    CHANGE_ENCRYPTION = "change_encryption"
    ADD_GEO_REPLICA = "add_geo_replica"
    JOIN_FAILOVER_GROUP = "join_failover_group"
    LEAVE_FAILOVER_GROUP = "leave_failover_group"
    REMOVE_GEO_REPLICA = "remove_geo_replica"


@dataclass(frozen=True, slots=True)
class Row:
    """A lawful single change: from these tiers and homes to those, with only `changes` differing.

    Time: `minutes`, and `minutes_per_gb` where data are copied (upper ends of what the documents call typical). Connections
    drop `drops` times, each for at most `drop_seconds`. `reversible_days`: how long the way back is open (None: for good).
    """

    kind: StepKind
    before: frozenset[Tier]
    after: frozenset[Tier]
    changes: frozenset[str]
    source: str
    minutes: float
    minutes_per_gb: float = 0.0
    drops: int = 0
    drop_seconds: int = 0
    reversible_days: int | None = None
    from_homes: frozenset[Home] = frozenset(Home)
    to_homes: frozenset[Home] = frozenset(Home)
    links: tuple[Replication, Replication] | None = None
    guards: tuple[Guard, ...] = ()

    @property
    def copies(self) -> bool:
        return self.minutes_per_gb > 0

    def leads(self, before: State, after: State) -> bool:
        """Whether this row is about that change, lawful or not."""
        return (
            before.tier in self.before
            and after.tier in self.after
            and before.home in self.from_homes
            and after.home in self.to_homes
            and (self.links is None or (before.replication, after.replication) == self.links)
            and differences(before, after) <= self.changes
        )

    def refusal(self, before: State, after: State, at: Circumstances) -> Refusal | None:
        """The first reason why Azure would not do it; None where it would."""
        found = not_offered(after)
        for guard in self.guards:
            found = found or guard(before, after, at)
        return found

    def expected_minutes(self, gigabytes: float) -> float:
        return self.minutes + self.minutes_per_gb * gigabytes


def differences(before: State, after: State) -> frozenset[str]:
    """Names of the fields in which the two differ."""
    return frozenset(field.name for field in fields(State) if getattr(before, field.name) != getattr(after, field.name))


PLACE = frozenset({"tier", "home"})
PLACE_AND_ZONE = PLACE | {"zone_redundant"}
SCALE = "scale single database resources; scale elastic pool resources"
MOVING = (fits, no_in_memory_objects, replicated_alike)
CONVERTING = (not_from_basic, no_in_memory_objects, same_zones_between_pools, not_a_secondary, one_secondary)
LINK, GROUP, NONE = Replication.LINK, Replication.FAILOVER_GROUP, Replication.NONE
EVERY = NOT_HYPERSCALE | PAGES

TABLE: tuple[Row, ...] = (
    Row(StepKind.MOVE, REMOTE, REMOTE, PLACE, SCALE, minutes=5, drops=1, drop_seconds=30, guards=MOVING),
    Row(
        StepKind.MOVE,
        REMOTE,
        REMOTE,
        PLACE_AND_ZONE,
        "scale single database resources: a change of zones goes by the size of data",
        minutes=5,
        minutes_per_gb=1,
        drops=1,
        drop_seconds=30,
        guards=MOVING,
    ),
    Row(
        StepKind.MOVE, LOCAL, LOCAL, PLACE_AND_ZONE, SCALE, 5, minutes_per_gb=1, drops=1, drop_seconds=30, guards=MOVING
    ),
    Row(
        StepKind.MOVE,
        REMOTE,
        LOCAL,
        PLACE_AND_ZONE,
        SCALE,
        5,
        minutes_per_gb=1,
        drops=1,
        drop_seconds=30,
        guards=MOVING,
    ),
    Row(
        StepKind.MOVE,
        LOCAL,
        REMOTE,
        PLACE_AND_ZONE,
        SCALE,
        5,
        minutes_per_gb=1,
        drops=1,
        drop_seconds=30,
        guards=MOVING,
    ),
    Row(StepKind.MOVE, PAGES, PAGES, frozenset({"home"}), "scale elastic pool resources", 2, drops=1, drop_seconds=30),
    Row(
        StepKind.CONVERT_TO_HYPERSCALE,
        REMOTE,
        PAGES,
        PLACE_AND_ZONE,
        "convert to Hyperscale",
        minutes=10,
        minutes_per_gb=1,
        drops=1,
        drop_seconds=60,
        reversible_days=REVERSE_DAYS,
        guards=CONVERTING,
    ),
    Row(
        StepKind.CONVERT_TO_HYPERSCALE,
        LOCAL,
        PAGES,
        PLACE_AND_ZONE,
        "convert to Hyperscale: Premium and Business Critical lose connections at the start too",
        minutes=10,
        minutes_per_gb=1,
        drops=2,
        drop_seconds=60,
        reversible_days=REVERSE_DAYS,
        guards=CONVERTING,
    ),
    Row(
        StepKind.CONVERT_BACK,
        PAGES,
        frozenset({Tier.GENERAL_PURPOSE}),
        frozenset({"tier"}),
        "reverse migrate from Hyperscale",
        minutes=5,
        minutes_per_gb=1,
        drops=1,
        drop_seconds=300,
        from_homes=frozenset({Home.SINGLE}),
        links=(NONE, NONE),
        guards=(within_45_days, alone, fits),
    ),
    Row(
        StepKind.CHANGE_BACKUP_REDUNDANCY,
        NOT_HYPERSCALE,
        NOT_HYPERSCALE,
        frozenset({"backup"}),
        "automated backups: up to 48 hours, for future backups",
        minutes=48 * 60,
    ),
    Row(
        StepKind.CHANGE_BACKUP_REDUNDANCY,
        PAGES,
        PAGES,
        frozenset({"backup", "zone_redundant"}),
        "automated backups",
        minutes=0,
        guards=(fixed_in_hyperscale,),
    ),
    Row(
        StepKind.CHANGE_ENCRYPTION,
        EVERY,
        EVERY,
        frozenset({"encryption"}),
        "database-level customer-managed keys: only the data encryption key is wrapped anew",
        minutes=1,
    ),
    Row(
        StepKind.ADD_GEO_REPLICA,
        EVERY,
        EVERY,
        frozenset({"replication"}),
        "failover groups: seeding at up to 500 GB an hour",
        minutes=5,
        minutes_per_gb=60 / 500,
        links=(NONE, LINK),
    ),
    Row(
        StepKind.JOIN_FAILOVER_GROUP,
        EVERY,
        EVERY,
        frozenset({"replication"}),
        "failover groups",
        minutes=5,
        links=(LINK, GROUP),
    ),
    Row(
        StepKind.LEAVE_FAILOVER_GROUP,
        EVERY,
        EVERY,
        frozenset({"replication"}),
        "failover groups: the link stays",
        minutes=2,
        links=(GROUP, LINK),
    ),
    Row(
        StepKind.REMOVE_GEO_REPLICA,
        EVERY,
        EVERY,
        frozenset({"replication"}),
        "active geo-replication",
        minutes=2,
        links=(LINK, NONE),
    ),
)
