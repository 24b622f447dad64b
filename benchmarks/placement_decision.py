"""How long one placement takes at 10,000 pools, and how many placed at once compare with first fit falling.

Run `python -m benchmarks.placement_decision`. Figures first, one JSON line last. Fleets and demands are drawn from a
fixed seed; both rules place the same demands into the same empty pools under the same limits and headroom.
"""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TypeVar

import numpy as np

from placement.engine.decision import Decision
from placement.engine.fleet import Demand, Fleet, Pool, WorkspaceCounts
from placement.engine.place import place, place_many
from placement.engine.policy import GIBIBYTE, TEBIBYTE, Policy

T = TypeVar("T")
REGIONS = ("eastus", "westus", "centralindia")
POLICY = Policy()
NO_SPREAD = replace(POLICY, terms=("matching_room", "leftover_room"))


def main() -> None:
    """Print what was measured."""
    figures = {**decision_figures(pools=10_000, decisions=2_000), **batch_figures(pools=200, demands=20_000)}
    print(json.dumps({"bench": "placement_decision", **figures}))


def decision_figures(*, pools: int, decisions: int) -> dict[str, float]:
    """Milliseconds for one explained decision: mostly possible demands, and ones that every pool refuses."""
    random = np.random.default_rng(1)
    rows = [_used_pool(random, index) for index in range(pools)]
    fleet, build_ms = _timed(lambda: Fleet.of(rows))
    counts = WorkspaceCounts.of(fleet, by_pool={f"p-{index:05}": 1 for index in range(0, pools, 7)}, by_server={})
    possible = [_demand(random, region=str(random.choice(REGIONS))) for _ in range(decisions)]
    impossible = [replace(demand, storage_bytes=3 * TEBIBYTE, auth_mode="entra_only") for demand in possible]
    figures = {"pools": float(pools), "fleet_build_ms": round(build_ms, 2)}
    for kind, demands in (("possible", possible), ("impossible", impossible)):
        taken = [_timed(partial(place, fleet, demand, POLICY, workspace_counts=counts))[1] for demand in demands]
        for percent in (50, 99):
            figures[f"{kind}_p{percent}_ms"] = round(float(np.percentile(taken, percent)), 3)
        print(f"{kind} demand, {pools} pools: p50 {figures[f'{kind}_p50_ms']} ms, p99 {figures[f'{kind}_p99_ms']} ms")
    return figures


def batch_figures(*, pools: int, demands: int) -> dict[str, float]:
    """Many demands into empty pools: seconds, how many were placed, in how many pools, how crowded."""
    random = np.random.default_rng(2)
    rows = [_empty_pool(index) for index in range(pools)]
    wishes = [_small_demand(random) for _ in range(demands)]
    fleet = Fleet.of(rows)
    figures: dict[str, float] = {"batch_pools": pools, "batch_demands": demands, "bound_pools": _volume_bound(wishes)}
    rules: dict[str, Callable[[], Sequence[str | None]]] = {
        "place_many": lambda: _pool_ids(place_many(fleet, wishes, POLICY)),
        "place_many_no_spread": lambda: _pool_ids(place_many(fleet, wishes, NO_SPREAD)),
        "first_fit_falling": lambda: first_fit_falling(rows, wishes),
    }
    for name, rule in rules.items():
        chosen, took_ms = _timed(rule)
        figures |= {f"{name}_{key}": value for key, value in _quality(chosen, wishes).items()}
        figures[f"{name}_s"] = round(took_ms / 1000, 3)
        print(f"{name}: " + ", ".join(f"{key} {value}" for key, value in figures.items() if key.startswith(f"{name}_")))
    return figures


def first_fit_falling(rows: Sequence[Pool], wishes: Sequence[Demand]) -> list[str | None]:
    """The textbook rule in plain Python: largest share first, into the first pool with room under the same ceilings."""
    storage_kept, vcores_kept = POLICY.headroom_storage_fraction, POLICY.headroom_vcores_fraction
    room = [
        [row.storage_limit_bytes * (1 - storage_kept), row.vcores * (1 - vcores_kept), row.max_databases]
        for row in rows
    ]
    chosen: list[str | None] = [None] * len(wishes)
    for position in sorted(range(len(wishes)), key=lambda position: -_share(wishes[position])):
        wish = wishes[position]
        for row, free in zip(rows, room, strict=True):
            if wish.storage_bytes <= free[0] and wish.vcores <= free[1] and free[2] >= 1:
                free[0] -= wish.storage_bytes
                free[1] -= wish.vcores
                free[2] -= 1
                chosen[position] = row.pool_id
                break
    return chosen


def _quality(chosen: Sequence[str | None], wishes: Sequence[Demand]) -> dict[str, float]:
    """`crowded` counts databases that share a pool with another of their workspace, beyond the first."""
    together = Counter((pool_id, wish.workspace_id) for pool_id, wish in zip(chosen, wishes, strict=True) if pool_id)
    return {
        "placed": sum(together.values()),
        "pools_used": len({pool_id for pool_id in chosen if pool_id}),
        "crowded": sum(count - 1 for count in together.values()),
    }


def _pool_ids(decisions: Sequence[Decision]) -> list[str | None]:
    return [decision.pool_id for decision in decisions]


def _share(wish: Demand) -> float:
    return max(wish.storage_bytes / (2 * TEBIBYTE), wish.vcores / 8)


def _volume_bound(wishes: Sequence[Demand]) -> int:
    """No rule can use fewer pools: total demand over what one pool offers below its headroom."""
    storage = sum(wish.storage_bytes for wish in wishes) / (2 * TEBIBYTE * (1 - POLICY.headroom_storage_fraction))
    vcores = sum(wish.vcores for wish in wishes) / (8 * (1 - POLICY.headroom_vcores_fraction))
    return int(np.ceil(max(storage, vcores)))


def _used_pool(random: np.random.Generator, index: int) -> Pool:
    used = random.random(2)
    return _empty_pool(index)._replace(
        region=str(random.choice(REGIONS)),
        cordoned=bool(random.random() < 0.02),
        committed_bytes=int(used[0] * 1.8 * TEBIBYTE),
        committed_vcores=float(used[1] * 6.4),
        databases=int(random.integers(0, 40)),
    )


def _empty_pool(index: int) -> Pool:
    """8 vCores and 2 TB of General Purpose Gen5, ten pools a server."""
    return Pool(
        pool_id=f"p-{index:05}",
        server_id=f"s-{index // 10:04}",
        region="eastus",
        service_tier="GeneralPurpose",
        auth_mode="sql",
        zone_redundant=False,
        usable=True,
        cordoned=False,
        vcores=8.0,
        storage_limit_bytes=2 * TEBIBYTE,
        max_databases=500,
        per_database_min_vcores=0.0,
        per_database_max_vcores=4.0,
        server_max_databases=5000,
    )


def _demand(random: np.random.Generator, *, region: str) -> Demand:
    """One to 800 GB, log-normal around 50 GB."""
    storage_bytes = int(min(random.lognormal(3.9, 1.0), 800.0) * GIBIBYTE)
    vcores = float(min(random.lognormal(-1.2, 0.8), 4.0))
    workspace_id = f"w-{random.integers(0, 500)}"
    return Demand(region, "GeneralPurpose", storage_bytes, vcores, workspace_id=workspace_id)


def _small_demand(random: np.random.Generator) -> Demand:
    """A hundred to a pool: log-normal around 13 GB and 0.05 vCores, five hundred workspaces."""
    demand = _demand(random, region="eastus")
    return replace(demand, storage_bytes=demand.storage_bytes // 5, vcores=demand.vcores / 7)


def _timed(work: Callable[[], T]) -> tuple[T, float]:
    started = time.perf_counter()
    return work(), (time.perf_counter() - started) * 1000


if __name__ == "__main__":
    main()
