"""Eight weeks of 2,000 simulated databases: our rebalancing, "over the threshold: move the biggest", and none.

Run `python -m benchmarks.rebalance [--databases N] [--weeks N] [--seed N]`. Each database has a rhythm of day and week, noise
and bursts (the simulator's own workload), growth of its own, and one in twenty is unruly; one in fifty turns five times as
busy on some day. All rules start from the same places, have the same pools (so the same cost) and see the same load, a value
a quarter of an hour; each learns only from hours that are over. Ours waits a day before a move, as owners are told; the
threshold rule does not. Figures first, one JSON line last.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from placement.engine.load import Loads, brought_up_to_date, remembered
from placement.engine.rebalance.hysteresis import Marks, looked_again
from placement.engine.rebalance.relief import Terrain, relieve
from placement.engine.usage import HOURS, Risk, together
from simulator.workload import character_of, wanted_vcores

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

POOL_VCORES, LEVEL, NOMINAL = 8.0, 6.4, 2.0
A_POOL, POOLS_A_SERVER, SLOTS = 37, 9, 4  # together they ask for four fifths of all vCores in the busiest hour
FIRST_MINUTE, UTC_OFFSET = 29_000_160, 5.5  # a Monday; all in one region
NOTICE, SETTLE, COOLDOWN, NO_RETURN = 24, 12, 7 * 24, 56 * 24  # hours
MOVES_AN_HOUR, MOST_MOVES, PLAN_EVERY = 4, 20, 6
RISK, MARKS, HALF_KNOWN = Risk(), Marks(high=1.0, low=0.9), 72.0
TRIGGER = 0.9 * POOL_VCORES


@dataclass
class World:
    """What every rule meets: load by quarter of an hour, places at the start, and which server each pool is on."""

    load: Floats
    start: Ints
    workspace: Ints
    flat: Floats

    @property
    def pools(self) -> int:
        return int(self.start.max()) + 1

    @property
    def hours(self) -> int:
        return self.load.shape[1] // SLOTS

    def hour(self, number: int) -> Floats:
        return self.load[:, number * SLOTS : (number + 1) * SLOTS]


@dataclass
class Record:
    """What happened under one rule."""

    overloaded: int = 0
    moves: int = 0
    reversals: int = 0
    moved_at: dict[int, int] = field(default_factory=dict)
    came_from: dict[tuple[int, int], int] = field(default_factory=dict)

    def move(self, database: int, source: int, target: int, hour: int) -> None:
        self.moves += 1
        left = self.came_from.get((database, target))
        self.reversals += left is not None and hour - left < NO_RETURN
        self.came_from[database, source] = hour
        self.moved_at[database] = hour


Rule = Callable[[World, Record], Callable[[int, Ints], None]]


def main() -> None:
    """Print what was measured."""
    options = _options()
    world = a_world(databases=options.databases, weeks=options.weeks, seed=options.seed)
    asked = world.load.sum(axis=0) / world.pools
    print(
        f"{options.databases} databases in {world.pools} pools, {options.weeks} weeks: a pool is asked for {asked.mean():.2f}"
        f", in the fleet's busiest slot {asked.max():.2f} of {POOL_VCORES:g} vCores"
    )
    figures: dict[str, float] = {"databases": options.databases, "pools": world.pools, "weeks": options.weeks}
    for name, rule in (("none", nothing), ("threshold", threshold), ("ours", ours)):
        began = time.process_time()
        record = lived(world, rule)
        taken = time.process_time() - began
        print(
            f"{name}: {record.overloaded} overloaded pool-hours, {record.moves} moves "
            f"({record.moves / options.databases:.3f} a database), {record.reversals} reversals, {taken:.0f} s CPU"
        )
        figures |= {
            f"{name}_overload_pool_hours": record.overloaded,
            f"{name}_moves_a_database": round(record.moves / options.databases, 4),
            f"{name}_reversals": record.reversals,
            f"{name}_cost_pool_hours": world.pools * world.hours,
        }
    figures["bound_overload_pool_hours"] = bound(world)
    ratio = figures["ours_overload_pool_hours"] / max(figures["threshold_overload_pool_hours"], 1)
    print(json.dumps({"bench": "rebalance", **figures, "ours_over_threshold": round(ratio, 3)}))


def a_world(*, databases: int, weeks: int, seed: int) -> World:
    dice = np.random.default_rng(seed)
    minutes = FIRST_MINUTE + np.arange(weeks * HOURS * SLOTS, dtype=np.int64) * 15
    load = np.empty((databases, len(minutes)), dtype=np.float32)
    for row in range(databases):
        character = character_of(seed, f"d-{row}")
        load[row] = wanted_vcores(character, nominal_vcores=NOMINAL, utc_offset_hours=UTC_OFFSET, minutes=minutes)
    week = np.arange(len(minutes)) / (HOURS * SLOTS)
    load *= np.exp(dice.normal(0.01, 0.03, (databases, 1)) * week)
    for row in np.flatnonzero(dice.random(databases) < 0.02):
        load[row, int(dice.uniform(0.1, 0.9) * len(minutes)) :] *= 5.0
    load = np.minimum(load, NOMINAL)
    pools = POOLS_A_SERVER * max(1, round(databases / A_POOL / POOLS_A_SERVER))
    start = dice.permutation(databases) % pools
    return World(load, start.astype(np.int64), dice.integers(0, databases // 4, databases), np.full(databases, 0.08))


def lived(world: World, rule: Rule) -> Record:
    """Hour after hour: what is overloaded counts, then the rule may move."""
    record, pool = Record(), world.start.copy()
    act = rule(world, record)
    for hour in range(world.hours):
        record.overloaded += int((used(world, pool, hour) > POOL_VCORES).sum())
        act(hour, pool)
    return record


def used(world: World, pool: Ints, hour: int) -> Floats:
    """What each pool is asked for in the mean of an hour."""
    return np.bincount(pool, world.hour(hour).mean(axis=1), world.pools)


def nothing(world: World, record: Record) -> Callable[[int, Ints], None]:
    def act(_hour: int, _pool: Ints) -> None:
        return

    return act


def threshold(world: World, record: Record) -> Callable[[int, Ints], None]:
    """A pool above nine tenths of its size in the last hour sends its biggest database to the emptiest pool of its server."""

    def act(hour: int, pool: Ints) -> None:
        load, mean = world.hour(hour).mean(axis=1), used(world, pool, hour)
        for source in np.flatnonzero(mean > TRIGGER).tolist():
            mates = np.arange(world.pools) // POOLS_A_SERVER == source // POOLS_A_SERVER
            target = int(np.where(mates, mean, np.inf).argmin())
            biggest = int(np.where(pool == source, load, -1.0).argmax())
            if target != source:
                pool[biggest] = target
                mean[[source, target]] += (-load[biggest], load[biggest])
                record.move(biggest, source, target, hour)

    return act


def ours(world: World, record: Record) -> Callable[[int, Ints], None]:
    """Looks every hour, plans every six hours for pools that are hot, tells owners a day before, within the budgets."""
    memory = Memory(world)
    waiting: list[tuple[int, int, int, int]] = []
    settled = np.full(world.pools, -SETTLE)

    def act(hour: int, pool: Ints) -> None:
        memory.learn(hour)
        memory.look(hour, pool)
        due = [move for move in waiting if move[0] <= hour][:MOVES_AN_HOUR]
        for move in due:
            waiting.remove(move)
            _, database, source, target = move
            pool[database] = target
            settled[[source, target]] = hour
            record.move(database, source, target, hour)
        if hour % PLAN_EVERY == 0 and not waiting and memory.hot.any():
            for server in range(world.pools // POOLS_A_SERVER):
                waiting.extend(planned(world, memory, record, pool, settled, hour=hour, server=server))

    return act


def planned(
    world: World, memory: Memory, record: Record, pool: Ints, settled: Ints, *, hour: int, server: int
) -> list[tuple[int, int, int, int]]:
    """The moves of one server's plan: (when, database, source, target)."""
    first = server * POOLS_A_SERVER
    own = np.arange(first, first + POOLS_A_SERVER)
    calm = hour - settled[own] >= SETTLE
    relieve_now = memory.hot[own] & calm
    if not relieve_now.any():
        return []
    rows = np.flatnonzero((pool >= first) & (pool < first + POOLS_A_SERVER))
    loads = memory.loads(hour)
    rested = np.array([hour - record.moved_at.get(row, -COOLDOWN) >= COOLDOWN for row in rows.tolist()])
    allowed = np.array(
        [
            [hour - record.came_from.get((row, target), -NO_RETURN) >= NO_RETURN for target in own.tolist()]
            for row in rows.tolist()
        ]
    )
    terrain = Terrain(
        loads=Loads(loads.mean[rows], loads.variance[rows], loads.profile[rows], loads.workspace[rows]),
        pool=pool[rows] - first,
        sizes=np.ones((len(rows), 1)),
        limits=np.full((POOLS_A_SERVER, 1), 4.0 * A_POOL),
        level=np.full(POOLS_A_SERVER, LEVEL),
        relieve=relieve_now,
        closed=~calm,
        movable=rested,
        allowed=allowed,
        cost=np.ones(len(rows)),
        risk=RISK,
    )
    steps = relieve(terrain, most_moves=MOST_MOVES).steps
    return [(hour + NOTICE, int(rows[one.database]), first + one.source, first + one.target) for one in steps]


class Memory:
    """What is known of the hours that are over: profiles of the week, the last day, and the looks at every pool."""

    def __init__(self, world: World) -> None:
        count = len(world.start)
        self.world, self.weeks = world, np.zeros((4, count, HOURS))
        self.day = np.full((count, 24), np.nan)
        self.hot = np.zeros(world.pools, dtype=np.bool_)
        self._looks = np.zeros(world.pools, dtype=np.int64)

    def learn(self, hour: int) -> None:
        """Moments merged as the product does; a quarter of an hour counts as its three slots."""
        load, at = self.world.hour(hour), hour % HOURS
        n, mean, squares, most = self.weeks[:, :, at]
        new_mean, new_squares = load.mean(axis=1), 3 * load.shape[1] * load.var(axis=1)
        count = n + 3 * SLOTS
        step = new_mean - mean
        self.weeks[:, :, at] = (
            count,
            mean + step * 3 * SLOTS / count,
            squares + new_squares + step**2 * n * 3 * SLOTS / count,
            np.maximum(most, load.max(axis=1)),
        )
        self.day[:, hour % 24] = new_mean

    def loads(self, hour: int) -> Loads:
        """Blended with the flat estimate while little is known, and brought up to date by the last day."""
        own, points = remembered(self.weeks, workspace=self.world.workspace), self.weeks[0].sum(axis=1)
        trust = points / (points + HALF_KNOWN)
        flat = (1 - trust) * self.world.flat
        blended = Loads(
            trust * own.mean + flat, trust * own.variance, trust[:, None] * own.profile + flat[:, None], own.workspace
        )
        if hour < 24:
            return blended
        last = (hour - np.arange(24)) % HOURS
        return brought_up_to_date(blended, seen=self.day.mean(axis=1), expected=blended.profile[:, last].mean(axis=1))

    def look(self, hour: int, pool: Ints) -> None:
        peaks = together(self.loads(hour), pool, pools=self.world.pools, risk=RISK).peaks(RISK)
        self._looks, self.hot = looked_again(self._looks, self.hot, peaks / LEVEL, MARKS)


def bound(world: World) -> int:
    """Pool-hours that nobody could have avoided, whatever was moved: a server as a whole asks for more than it has."""
    found, servers = 0, world.pools // POOLS_A_SERVER
    for hour in range(world.hours):
        load = world.hour(hour)
        total = np.array(
            [load[world.start // POOLS_A_SERVER == server].sum(axis=0).mean() for server in range(servers)]
        )
        found += int((total > POOLS_A_SERVER * POOL_VCORES).sum())
    return found


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--databases", type=int, default=2000, help="some hundreds at least")
    parser.add_argument("--weeks", type=int, default=8)
    parser.add_argument("--seed", type=int, default=1)
    return parser.parse_args()


if __name__ == "__main__":
    main()
