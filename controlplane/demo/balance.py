"""Noisy neighbours in one pool: measured, planned, told, accepted, moved, and measured again."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Avg, Max

from controlplane.demo.check import Check
from controlplane.demo.clients import RestApi, SimulatorBooks
from controlplane.demo.screen import console
from inventory.models import Database, ElasticPool
from inventory.states import Status
from notifications.models import Notice
from operations.models import OutboxEvent
from placement import pool_loads
from placement.models import Meter, PlannedMove, RebalancePlan, Sample
from placement.rebalancing import outcomes
from placement.sampling import collect, profiles
from provisioning import rebalancing

NOISE_VCORES = 3.6  # of two databases, in a pool of 8 vCores
BEFORE, AFTER = timedelta(hours=26), timedelta(hours=9)
RULES = {
    **{"mode": "advise", "movesAnHour": 20, "poolAtOnce": 5, "serverAtOnce": 5, "workspaceAWeek": 20},
    **{"settleHours": 0, "measureHours": 6},
}


def balance(api: RestApi, books: SimulatorBooks, *, patience_seconds: float) -> Iterator[Check]:
    """Make two neighbours noisy, let a day of Azure's pass, and have the region's load spread by an approved plan."""
    pool, noisy = _neighbours()
    for row in noisy:
        books.use(row.observed_arm_id, cpu_vcores=NOISE_VCORES)
    began = _a_while_passes(books, BEFORE, patience_seconds)
    before = _mean(pool, since=began + timedelta(hours=1))
    region = pool.server.region_id
    api.put(f"rebalancing-rules/{region}", RULES).raise_for_status()
    plan = api.change("rebalance-plans:compute", region=region).json()
    _show(plan)
    answer = api.change(f"rebalance-plans/{plan['id']}:approve", reason="Shown in the demonstration.")
    yield _told(plan, answer.status_code)
    _accept_all(api, plan)
    until = time.monotonic() + patience_seconds
    yield _moved(plan, _all_over(plan, until))
    moved_at = _a_while_passes(books, AFTER, patience_seconds)
    outcomes.measure_due()
    yield _better(pool, before, _mean(pool, since=moved_at + timedelta(hours=1)), plan)


def _neighbours() -> tuple[ElasticPool, list[Database]]:
    """The two smallest databases of a pool, of which another pool of the server could take one."""
    pools = ElasticPool.objects.filter(status=Status.READY, is_cordoned=False).select_related("server")
    for pool in pools.order_by("-databases_committed", "azure_name"):
        rows = list(Database.objects.filter(pool=pool, status=Status.READY).order_by("size_bytes", "pk")[:2])
        others = pools.filter(server=pool.server, service_tier=pool.service_tier).exclude(pk=pool.pk)
        room = [other for other in others if len(rows) == 2 and _has_room(other, rows[0])]
        if room:
            return pool, rows
    raise LookupError("no pool of the demo's fleet has neighbours and a pool beside it with room")


def _has_room(pool: ElasticPool, row: Database) -> bool:
    return pool.bytes_committed + row.size_bytes <= 0.9 * pool.max_size_bytes


def _a_while_passes(books: SimulatorBooks, so_long: timedelta, patience_seconds: float) -> datetime:
    """Azure's clock goes on, and its metrics are collected until they are known. Returns when that began, by Azure's clock."""
    collect.sample()
    began = _known_until()
    books.advance(so_long)
    deadline = time.monotonic() + patience_seconds
    while _known_until() < began + so_long - timedelta(minutes=15) and time.monotonic() < deadline:
        collect.sample()
    profiles.fold_closed_hours()
    pool_loads.refresh_all()
    return began


def _known_until() -> datetime:
    known = Meter.objects.filter(ended_at__isnull=True).aggregate(last=Max("sampled_until"))["last"]
    assert known is not None, "what stands is sampled"
    moment: datetime = known
    return moment


def _mean(pool: ElasticPool, *, since: datetime) -> float:
    """vCores that the pool has used."""
    rows = Sample.objects.filter(meter__resource=pool.pk, slot__gte=since, vcores__isnull=False)
    return float(rows.aggregate(mean=Avg("vcores"))["mean"] or 0.0)


def _show(plan: dict[str, Any]) -> None:
    console.print(
        f"  Plan {plan['id']}: {plan['overageBefore']:.2f} vCores above the pools' levels, then {plan['overageAfter']:.2f}; "
        f"proven bound {plan['bound']:.2f}; {len(plan['moves'])} move(s), {plan['fewestMoves']} at least."
    )
    for move in plan["moves"]:
        console.print(
            f"    {move['workspace']}/{move['service']} leaves {move['sourcePool']} for {move['targetPool']}: "
            f"{move['gain']:.2f} vCores gained"
        )


def _told(plan: dict[str, Any], status: int) -> Check:
    """Before anything moves."""
    told = OutboxEvent.objects.filter(kind="rebalance.move_planned").count()
    noticed = Notice.objects.filter(kind="rebalance.move_planned").count()
    faults = [] if plan["moves"] else [f"nothing is planned: {plan['reason']}"]
    faults += [] if status == 200 else [f"the approval was answered {status}"]
    faults += [] if max(told, noticed) >= len(plan["moves"]) else ["an owner was not told"]
    return Check("The plan relieves the pool, and owners were told before.", faults, f"{len(plan['moves'])} moves")


def _accept_all(api: RestApi, plan: dict[str, Any]) -> None:
    """Their owners agree, so that the demo need not wait two days."""
    for move in plan["moves"]:
        api.change(f"workspaces/{move['workspace']}/planned-moves/{move['id']}:accept")


def _all_over(plan: dict[str, Any], until: float) -> bool:
    open_ones = PlannedMove.objects.filter(plan=plan["id"], state__in=(*PlannedMove.OPEN, PlannedMove.State.RUNNING))
    while open_ones.exists() and time.monotonic() < until:
        rebalancing.rebalance_due()
        time.sleep(0.5)
    outcomes.finish_plans()
    return not open_ones.exists()


def _moved(plan: dict[str, Any], over: bool) -> Check:
    rows = list(PlannedMove.objects.filter(plan=plan["id"]).select_related("database"))
    faults = [] if over else ["moves have not ended"]
    faults += [f"{row.database} is {row.state}: {row.reason}" for row in rows if row.state != PlannedMove.State.DONE]
    faults += [f"{row.database} stands elsewhere" for row in rows if row.database.pool_id != row.target_id]
    return Check("The noisy neighbour was moved to another pool of its server.", faults)


def _better(pool: ElasticPool, before: float, after: float, plan: dict[str, Any]) -> Check:
    row = RebalancePlan.objects.get(pk=plan["id"])
    verdicts = sorted(row.pools.values_list("outcome", flat=True))
    faults = [] if after < before - 1 else [f"the pool used {before:.2f} vCores and uses {after:.2f}"]
    faults += [] if row.measured_at else ["the plan was not measured"]
    faults += [f"a pool {verdict}" for verdict in verdicts if verdict == outcomes.DIFFERS]
    told = f"{before:.2f} → {after:.2f} vCores; {', '.join(verdicts)}"
    return Check("The pool was measured again, and is better as predicted.", faults, told)
