"""What one placement costs through the product, from PostgreSQL: pools, their measured loads, neighbours, the decision.

Run `make bench-choose-pool`. A region of so many pools with fifty databases each, all measured; the answer is not cached
anywhere. Counted is the CPU of this process and of its PostgreSQL backend, for newcomers (who borrow a load) and for
databases that stand there already (whose own load is read). Figures first, one JSON line last.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial

import numpy as np

from benchmarks.harness import Spent, database, report

GOAL_MS = 50.0


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=500, help="in the region")
    parser.add_argument("--decisions", type=int, default=60)
    arguments = parser.parse_args()
    with database():
        figures = measure(pools=arguments.pools, decisions=arguments.decisions)
    report("choose_pool", pools=arguments.pools, goal_ms=GOAL_MS, **figures)


def measure(*, pools: int, decisions: int) -> dict[str, float]:
    """Milliseconds of CPU a decision, and of making all loads anew once an hour."""
    from benchmarks.sampled_fleet import a_measured_fleet
    from inventory.models import Database, Region, ServiceInstance, Workspace
    from placement import pool_loads
    from placement.services import choose_pool

    a_measured_fleet(pools=pools)
    refresh_seconds = _spent_ms(pool_loads.refresh_all) / 1000
    standing = list(Database.objects.select_related("service__workspace", "pool", "region").order_by("?")[:decisions])
    place = Workspace.objects.create(name="newcomers", region=Region.objects.get(name="eastus"))
    service = ServiceInstance.objects.create(workspace=place, name="newcomer", kind="fhir")
    newcomer = Database(
        service=service, region=place.region, service_tier="GeneralPurpose", size_bytes=2**30, vcores_demanded=0.05
    )
    figures = {"refresh_seconds": round(refresh_seconds, 2)}
    for name, rows in (("newcomer", [newcomer] * decisions), ("standing", standing)):
        taken = np.array([_spent_ms(partial(choose_pool, row)) for row in rows])
        figures |= {f"{name}_p{percent}_ms": round(float(np.percentile(taken, percent)), 2) for percent in (50, 99)}
        print(f"{name}: p50 {figures[f'{name}_p50_ms']} ms, p99 {figures[f'{name}_p99_ms']} ms of CPU, {pools} pools")
    return figures


def _spent_ms(work: Callable[[], object]) -> float:
    spent = Spent()
    with spent.counted():
        work()
    return spent.total / 1000


if __name__ == "__main__":
    main()
