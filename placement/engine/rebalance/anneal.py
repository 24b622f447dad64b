"""Compiled: the search. Proposals follow the shape of the problem; worse ones pass while it is hot."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from placement.engine.compiled import borrowed, compiled, inlined
from placement.engine.rebalance.chains import Chain, chain_change, do_if_worth
from placement.engine.rebalance.moves import put, recost
from placement.engine.rebalance.problem import Ints
from placement.engine.rebalance.rules import NO_ROOM, NOBODY, broken_rules, value_of
from placement.engine.rebalance.state import AWAY, Best, Fixed, State

STEP = 1000
"""Trials at one temperature."""
PATIENCE = 300
"""Steps without an allowed state after which the search goes back to the best."""


class Stretch(NamedTuple):
    """One stretch of the search: temperatures at its ends, and within what the price of a broken rule may float."""

    trials: int
    hot: float
    cold: float
    least_penalty: float
    most_penalty: float
    shares: tuple[float, float, float, float, float]
    alike: float


@inlined
def below(state: State, limit: int) -> int:
    """A whole number from 0 to `limit` - 1 (xorshift: the same on every machine)."""
    drawn = state.random[0]
    drawn ^= drawn << np.uint64(13)
    drawn ^= drawn >> np.uint64(7)
    drawn ^= drawn << np.uint64(17)
    state.random[0] = drawn
    return int(np.int64(((drawn >> np.uint64(33)) * np.uint64(limit)) >> np.uint64(31)))


@inlined
def share(state: State) -> float:
    """A number above 0 and at most 1."""
    return (below(state, 1 << 31) + 1) / 2147483648.0


@compiled
def start_costs(fixed: Fixed, state: State) -> None:
    """Every pool's cost, once, after the state was made."""
    fixed, state = borrowed(fixed), borrowed(state)
    for pool in range(len(state.cost)):
        recost(fixed, state, pool)


@compiled
def sample(fixed: Fixed, state: State, changes: Ints) -> None:
    """Fill with the sizes of changes that single moves would make; 0 where there is no room."""
    fixed, state = borrowed(fixed), borrowed(state)
    for position in range(len(changes)):
        database = fixed.movable[below(state, len(fixed.movable))]
        pool = below(state, len(state.cost))
        if pool != state.pool[database]:
            change = chain_change(fixed, state, (database, NOBODY, NOBODY), (pool, NOBODY, NOBODY))
            changes[position] = 0 if change == NO_ROOM else abs(change)


@compiled
def anneal(fixed: Fixed, state: State, best: Best, stretch: Stretch, penalty: float) -> float:
    """Try so many chains while cooling. Returns the price of a broken rule at the end.

    The price rises while rules stay broken and falls while none is, so that the search crosses forbidden ground.
    """
    fixed, state, best = borrowed(fixed), borrowed(state), borrowed(best)
    cooling = (stretch.cold / stretch.hot) ** (STEP / max(stretch.trials, STEP))
    temperature, fewest, patience = stretch.hot, broken_rules(state), 0
    for trial in range(stretch.trials):
        if trial % STEP == STEP - 1:
            temperature *= cooling
            allowed = fewest <= best.marks[1]
            penalty = (
                max(penalty / 1.02, stretch.least_penalty) if allowed else min(penalty * 1.02, stretch.most_penalty)
            )
            patience = 0 if allowed else patience + 1
            fewest = broken_rules(state)
            if patience > PATIENCE:
                go_back(fixed, state, best)
                patience = 0
        chain, ends = propose(fixed, state, stretch)
        limit = -temperature * np.log(share(state))
        if chain[0] != NOBODY and do_if_worth(fixed, state, chain, ends, (limit, penalty)):
            remember(fixed, state, best, chain)
            fewest = min(fewest, broken_rules(state))
    return penalty


@inlined
def propose(fixed: Fixed, state: State, stretch: Stretch) -> tuple[Chain, Chain]:
    """A shift, a return home, a swap, a chain of two, one that makes room at home, or a chain of three."""
    kind, shares, pools = share(state), stretch.shares, len(state.cost)
    first = fixed.movable[below(state, len(fixed.movable))]
    going_home = kind < shares[0] or shares[2] <= kind < shares[3]
    if going_home and state.sums[AWAY] > 0:
        first = state.gone[below(state, state.sums[AWAY])]
    origin = state.pool[first]
    if kind < shares[1]:
        target = fixed.home[first] if going_home else below(state, pools)
        return checked(state, (first, NOBODY, NOBODY), (target, NOBODY, NOBODY), origin)
    second = one_inside(state, fixed.home[first]) if going_home else partner(fixed, state, first, stretch)
    if second == NOBODY:
        return (NOBODY, NOBODY, NOBODY), (NOBODY, NOBODY, NOBODY)
    middle = state.pool[second]
    if kind < shares[2]:
        return checked(state, (first, second, NOBODY), (middle, origin, NOBODY), origin)
    target = fixed.home[second] if going_home and fixed.home[second] != middle else below(state, pools)
    if kind < shares[4]:
        return checked(state, (first, second, NOBODY), (middle, target, NOBODY), origin)
    third = one_inside(state, target)
    last = origin if share(state) < 0.5 else below(state, pools)
    return checked(state, (first, second, third), (middle, target, last), origin)


@inlined
def partner(fixed: Fixed, state: State, database: int, stretch: Stretch) -> int:
    """Any database, or in some share of cases one of about the same size: where pools are full, those can change places."""
    count = len(fixed.by_size)
    rank = below(state, count)
    if share(state) <= stretch.alike:
        window = max(4, count // 50)
        near = fixed.size_rank[database] + below(state, 2 * window + 1) - window
        rank = min(max(near, 0), count - 1)
    other: int = fixed.by_size[rank]
    return other


@inlined
def one_inside(state: State, pool: int) -> int:
    """Any database in the pool, NOBODY if it is empty."""
    count = state.inside_count[pool]
    inside: int = state.inside[pool, below(state, count)] if count > 0 else NOBODY
    return inside


@inlined
def checked(state: State, chain: Chain, ends: Chain, origin: int) -> tuple[Chain, Chain]:
    """The chain, or none if two of its pools are the same; only the last may be where the first began."""
    good = ends[0] != origin
    if chain[1] != NOBODY:
        good = good and ends[1] != ends[0] and (chain[2] == NOBODY or ends[1] != origin)
    if chain[2] != NOBODY:
        good = good and ends[2] != ends[1] and ends[2] != ends[0]
    if good:
        return chain, ends
    return (NOBODY, NOBODY, NOBODY), ends


@inlined
def remember(fixed: Fixed, state: State, best: Best, chain: Chain) -> None:
    """Note who has moved since the best, and make this the best if it is."""
    for link in range(3):
        if chain[link] != NOBODY and best.marks[2] < len(best.touched):
            best.touched[best.marks[2]] = chain[link]
            best.marks[2] += 1
    broken, value = broken_rules(state), value_of(fixed, state)
    if broken > best.marks[1] or (broken == best.marks[1] and value >= best.marks[0]):
        return
    if best.marks[2] == len(best.touched):
        best.pool[:] = state.pool
    for position in range(best.marks[2]):
        best.pool[best.touched[position]] = state.pool[best.touched[position]]
    best.marks[0], best.marks[1], best.marks[2] = value, broken, 0


@compiled
def go_back(fixed: Fixed, state: State, best: Best) -> None:
    """Everybody to the best places seen."""
    for database in range(len(state.pool)):
        now = state.pool[database]
        if now != best.pool[database]:
            put(fixed, state, database, best.pool[database])
            recost(fixed, state, now)
            recost(fixed, state, best.pool[database])
    best.marks[2] = 0
