"""Changes without fear: a customer's service grows and a pool is emptied and removed, each by its plan."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from controlplane.demo.check import Check
from controlplane.demo.clients import RestApi
from controlplane.demo.customers import GROWN, Wanted
from controlplane.demo.screen import console
from inventory.models import Database, ElasticPool
from inventory.states import Status

REASON = "Shown in the demonstration."


def grow(operator: RestApi, grown: Wanted = GROWN) -> str:
    """Ask for the larger size, with the hash of the plan that was shown. Returns the operation's address."""
    plan = operator.plan_service(grown)
    show_plan(f"{grown.workspace}/{grown.name} grows to {grown.size_gb} GB", plan)
    answer = operator.put_service(grown, planHash=plan["planHash"])
    return str(answer.headers.get("Operation-Location", ""))


def drain(operator: RestApi) -> tuple[str, str]:
    """Have the pool with fewest databases emptied. Returns its name and the operation's address."""
    pool = _fewest().azure_name
    plan = operator.plan_change(f"pools/{pool}:drain", reason=REASON)
    show_plan(f"Pool {pool} is drained", plan)
    answer = operator.change(f"pools/{pool}:drain", reason=REASON, planHash=plan["planHash"])
    return pool, str(answer.headers.get("Operation-Location", ""))


def remove(operator: RestApi, pool: str) -> str:
    """Have an empty pool removed. Returns the operation's address."""
    return str(operator.delete(f"pools/{pool}").headers.get("Operation-Location", ""))


def checks(pool: str, grown: Wanted = GROWN) -> Iterator[Check]:
    """What must hold afterwards, by our rows; that Azure agrees is part of the checks at the end."""
    row = Database.objects.get(service__workspace__name=grown.workspace, service__name=grown.name, status=Status.READY)
    bytes_wanted = grown.size_gb * 2**30
    faults = [] if row.size_bytes == bytes_wanted else [f"it has {row.size_bytes} bytes"]
    if row.pool is not None and row.observed_max_size_bytes != bytes_wanted:
        faults.append(f"Azure shows {row.observed_max_size_bytes} bytes")
    yield Check(f"{grown.workspace}/{grown.name} has {grown.size_gb} GB.", faults)
    drained = ElasticPool.objects.get(azure_name=pool)
    left = Database.objects.filter(pool=drained).exclude(status=Status.DELETED).count()
    faults = [] if drained.status == Status.DELETED else [f"the pool is {drained.status}"]
    yield Check(
        "The drained pool is gone, and nobody stands in it.", [*faults, *([f"{left} are in it"] if left else [])]
    )


def show_plan(title: str, plan: dict[str, Any]) -> None:
    change = plan["change"]
    drop, cost = change["disruption"], change["cost"]
    told = (
        f"{drop['connectionsDrop']} time(s), at most {drop['secondsEach']} s"
        if drop["connectionsDrop"]
        else "not at all"
    )
    price = f"{cost['monthlyBefore']} → {cost['monthlyAfter']} {cost['currency']} a month"
    console.print(f"  {title}: {change['way']}; connections of {drop['databases']} database(s) drop {told};")
    console.print(
        f"    about {plan['expectedSeconds']:.0f} s; cost: {price if cost['monthlyAfter'] is not None else cost['note']}"
    )


def _fewest() -> ElasticPool:
    """The pool that disturbs fewest when it goes."""
    shared = ElasticPool.objects.filter(status=Status.READY, databases_committed__gt=0)
    return shared.order_by("databases_committed", "bytes_committed", "azure_name")[0]
