"""Choosing a pool: hard rules first, then preferences in order, ties by pool id. Same question, same answer."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from placement.engine.constraints import (
    CONSTRAINTS,
    TOLERANCE,
    Question,
    database_slots,
    promise_ceiling,
    shortfalls,
    storage_ceiling,
)
from placement.engine.decision import Candidate, Ceilings, Decision, Refusal, Shortfall
from placement.engine.fleet import Demand, Fleet, Floats, Ints, Mask, WorkspaceCounts
from placement.engine.policy import TEBIBYTE, Policy
from placement.engine.scores import TERMS
from placement.engine.usage import Usage


def place(
    fleet: Fleet,
    demand: Demand,
    policy: Policy,
    exclude: Collection[str] = (),
    *,
    workspace_counts: WorkspaceCounts | None = None,
    usage: Usage | None = None,
) -> Decision:
    """Choose a pool for one database, or none, and say why. The order of pools in the fleet does not matter.

    `usage` says what pools and the database are measured to need; without it, what was promised counts.
    """
    counts = workspace_counts or WorkspaceCounts.none(fleet)
    return _decide(_question(fleet, demand, policy, _mask_of(fleet, exclude), counts=counts, usage=usage))


def why_not(
    fleet: Fleet,
    demand: Demand,
    policy: Policy,
    pool_id: str,
    *,
    workspace_counts: WorkspaceCounts | None = None,
    usage: Usage | None = None,
) -> tuple[Shortfall, ...]:
    """What this pool lacks for the demand, rule by rule; nothing where it could take it. Raises KeyError for a pool that the
    fleet does not hold."""
    counts = workspace_counts or WorkspaceCounts.none(fleet)
    missing = shortfalls(_question(fleet, demand, policy, _mask_of(fleet, ()), counts=counts, usage=usage))
    lacks = missing[:, fleet.index_of[pool_id]]
    found = zip(CONSTRAINTS, lacks.tolist(), strict=True)
    return tuple(Shortfall(rule.name, float(lack), rule.unit) for rule, lack in found if lack > TOLERANCE)


def place_many(
    fleet: Fleet,
    demands: Sequence[Demand],
    policy: Policy,
    exclude: Collection[str] = (),
    *,
    workspace_counts: Mapping[str, WorkspaceCounts] | None = None,
) -> list[Decision]:
    """Choose pools for all, each counting on what those before it took. Answers stand in the order of the demands.

    The largest go first, while there is room for them, so the order of the demands does not matter either. Counts are
    by workspace id; the fleet and the counts handed in stay as they are.
    """
    working, excluded = fleet.with_own_counters(), _mask_of(fleet, exclude)
    counts = {workspace: given.copy() for workspace, given in (workspace_counts or {}).items()}
    decisions: dict[int, Decision] = {}
    for position in sorted(range(len(demands)), key=lambda position: largest_first(demands[position])):
        demand = demands[position]
        if demand.workspace_id not in counts:
            counts[demand.workspace_id] = WorkspaceCounts.none(fleet)
        neighbours = counts[demand.workspace_id]
        decision = _decide(_question(working, demand, policy, excluded, counts=neighbours))
        decisions[position] = decision
        if decision.pool_id is not None:
            index = fleet.index_of[decision.pool_id]
            working.take_room(index, demand)
            if demand.workspace_id:
                neighbours.add(fleet, index)
    return [decisions[position] for position in range(len(demands))]


def largest_first(demand: Demand) -> tuple[float | str | bool, ...]:
    """A key for sorting: by what it takes of a common pool (2 TB, 8 vCores); the rest only makes the order independent of
    the input's."""
    share = max(demand.countable_bytes / (2 * TEBIBYTE), demand.vcores / 8)
    dwelling = (demand.region, demand.service_tier, demand.auth_mode, demand.zone_redundant)
    return (-share, -demand.vcores, -demand.storage_bytes, *dwelling, demand.workspace_id)


def _question(
    fleet: Fleet,
    demand: Demand,
    policy: Policy,
    excluded: Mask,
    *,
    counts: WorkspaceCounts,
    usage: Usage | None = None,
) -> Question:
    now, then = fleet.committed_vcores, fleet.committed_vcores + demand.vcores
    if usage is not None:
        now, then = usage.needed(fleet, demand, counts)
    return Question(fleet, demand, policy, excluded, counts, now, then)


def _decide(asked: Question) -> Decision:
    missing = shortfalls(asked)
    fails = missing > TOLERANCE
    failed = fails.sum(axis=0, dtype=np.int8)
    feasible = np.flatnonzero(failed == 0)
    candidates = _best(asked, feasible)
    return Decision(
        demand=asked.demand,
        pools=len(asked.fleet),
        feasible=len(feasible),
        candidates=candidates,
        ceilings=_ceilings(asked, candidates[0]) if candidates else None,
        refusals=tuple(
            _refusal(asked.fleet, row, missing=missing, fails=fails, failed=failed)
            for row in np.flatnonzero(fails.any(axis=1)).tolist()
        ),
    )


def _best(asked: Question, feasible: Ints) -> tuple[Candidate, ...]:
    """The chosen pool and its runners-up, each the best of those left."""
    terms = {name: TERMS[name](asked, feasible) for name in asked.policy.terms}
    keys: list[Floats | Ints] = [*terms.values(), asked.fleet.id_rank[feasible]]
    left, candidates = np.arange(len(feasible)), []
    for _ in range(min(len(feasible), 1 + asked.policy.runners_up)):
        best = _first(left, keys)
        scores = tuple((name, float(values[best])) for name, values in terms.items())
        candidates.append(Candidate(asked.fleet.ids[feasible[best]], scores))
        left = left[left != best]
    return tuple(candidates)


def _ceilings(asked: Question, chosen: Candidate) -> Ceilings:
    index = asked.fleet.index_of[chosen.pool_id]
    return Ceilings(
        committed_bytes=int(storage_ceiling(asked)[index]),
        committed_vcores=float(promise_ceiling(asked)[index]),
        databases=int(database_slots(asked)[index]),
    )


def _refusal(fleet: Fleet, row: int, *, missing: Floats, fails: Mask, failed: Ints) -> Refusal:
    refused = np.flatnonzero(fails[row])
    nearest = _first(refused, [failed, missing[row], fleet.id_rank])
    others = np.flatnonzero(fails[:, nearest])
    return Refusal(
        constraint=CONSTRAINTS[row].name,
        refused=len(refused),
        alone=int((failed[refused] == 1).sum()),
        nearest_pool_id=fleet.ids[nearest],
        missing=float(missing[row, nearest]),
        unit=CONSTRAINTS[row].unit,
        also_refused_by=tuple(CONSTRAINTS[other].name for other in others.tolist() if other != row),
    )


def _first(indices: Ints, keys: Sequence[Floats | Ints]) -> int:
    """The lexicographic minimum, narrowing key by key: cheaper than sorting when only the first is wanted."""
    for key in keys:
        if len(indices) == 1:
            break
        values = key[indices]
        indices = indices[values == values.min()]
    return int(indices[0])


def _mask_of(fleet: Fleet, pool_ids: Collection[str]) -> Mask:
    mask = np.zeros(len(fleet), dtype=np.bool_)
    for pool_id in pool_ids:
        if pool_id in fleet.index_of:
            mask[fleet.index_of[pool_id]] = True
    return mask
