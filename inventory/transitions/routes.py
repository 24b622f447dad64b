"""The shortest lawful way from one state to another: fewest dropped connections first, then time."""

from __future__ import annotations

import heapq
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import cache, lru_cache
from itertools import count, product

from inventory.transitions.refusals import GIB, Circumstances, Refusal, not_offered
from inventory.transitions.state import Backup, Encryption, Home, Replication, State, Tier
from inventory.transitions.table import REVERSE_DAYS, TABLE, Row, StepKind

LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
Weight = tuple[int, float, int]


@dataclass(frozen=True, slots=True)
class Step:
    """One change of one row of the table."""

    row: Row
    before: State
    after: State

    @property
    def kind(self) -> StepKind:
        return self.row.kind


@dataclass(frozen=True, slots=True)
class Route:
    """Steps in order, none where nothing differs; or the `refusal` why there is no way."""

    steps: tuple[Step, ...] = ()
    refusal: Refusal | None = None

    @property
    def drops(self) -> int:
        """How often connections drop on it."""
        return sum(step.row.drops for step in self.steps)

    def expected_minutes(self, used_bytes: int) -> float:
        return sum(step.row.expected_minutes(used_bytes / GIB) for step in self.steps)


def route(before: State, after: State, at: Circumstances) -> Route:
    """The way on which connections drop least often, of these the quickest; or why Azure allows none."""
    unsold = not_offered(after)
    if unsold is not None:
        return Route(refusal=unsold)
    held = _held(before, after)
    found = _ways_from(before, at, held, lawful=True).get(after)
    if found is not None:
        return Route(found)
    wished = _ways_from(before, at, held, lawful=False).get(after, ())
    return Route(refusal=_first_refusal(wished, at))


def way_back(steps: tuple[Step, ...], at: Circumstances) -> tuple[Route, int | None]:
    """The way from the end of `steps` to their beginning, and for how many days it stays open (None: for good)."""
    if not steps:
        return Route(), None
    days = min((s.row.reversible_days for s in steps if s.row.reversible_days is not None), default=None)
    now = at.now or LONG_AGO
    until = now + timedelta(days=REVERSE_DAYS) if days else at.reversible_until
    after = replace(at, now=now, reversible_until=until, geo_secondaries=0)
    return route(steps[-1].after, steps[0].before, after), days


@lru_cache(maxsize=256)
def _ways_from(
    before: State, at: Circumstances, held: tuple[str, ...], *, lawful: bool
) -> dict[State, tuple[Step, ...]]:
    """Dijkstra to everything that Azure sells; without `lawful` what the rows refuse counts as passable, but dear."""
    turn = count()
    queue: list[tuple[Weight, int, State, tuple[Step, ...]]] = [((0, 0.0, 0), next(turn), before, ())]
    found: dict[State, tuple[Step, ...]] = {}
    while queue:
        weight, _, here, steps = heapq.heappop(queue)
        if here in found:
            continue
        found[here] = steps
        for step in _steps_from(here, held):
            refused = step.row.refusal(here, step.after, at) is not None
            if step.after not in found and not (refused and lawful):
                total = _plus(weight, step.row, at, refused=refused)
                heapq.heappush(queue, (total, next(turn), step.after, (*steps, step)))
    return found


def _plus(weight: Weight, row: Row, at: Circumstances, *, refused: bool) -> Weight:
    drops, minutes, steps = weight
    return (drops + row.drops + 100 * refused, minutes + row.expected_minutes(at.used_bytes / GIB), steps + 1)


def _first_refusal(steps: tuple[Step, ...], at: Circumstances) -> Refusal:
    refused = (step.row.refusal(step.before, step.after, at) for step in steps)
    default = Refusal("NoLawfulRoute", "Azure knows no way from what it is to what it should become.", "ours")
    return next((found for found in refused if found is not None), default)


def _held(before: State, after: State) -> tuple[str, ...]:
    """What the way has no business with: nobody loses a replica, or a key, on the way to something else."""
    return tuple(name for name in ("encryption", "replication") if getattr(before, name) is getattr(after, name))


@cache
def _steps_from(here: State, held: tuple[str, ...]) -> tuple[Step, ...]:
    """Every change that a row is about; the first row of the table wins, so that none is counted dearer than it is."""
    steps = []
    for after in _states():
        if after != here and all(getattr(after, name) is getattr(here, name) for name in held):
            row = next((row for row in TABLE if row.leads(here, after)), None)
            if row is not None:
                steps.append(Step(row, here, after))
    return tuple(steps)


@cache
def _states() -> tuple[State, ...]:
    """Everything that Azure sells."""
    values = product(Tier, Home, (False, True), Backup, Encryption, Replication)
    return tuple(state for state in (State(*one) for one in values) if not_offered(state) is None)
