"""What thousands of operations cost while they wait for Azure, and how fast they settle when all of it ends at once.

Run `make bench-inflight`. Databases in ten subscriptions, a server each, asked for as services are; Azure takes long for
every one of them. While all wait: CPU a second by process, ARM reads a second. Then Azure's clock jumps, everything is done
at once, and the product sets up backups, users and secrets until the operations succeed. Goals while waiting: workers and
PostgreSQL together half a core, ARM reads a tenth of one poll per operation every 15 s. Then the yardstick in the same run:
Celery tasks that call the SDK's `begin_create_or_update(...).result()`, in as many places for work as our workers have.
"""

from __future__ import annotations

import argparse
import time
from typing import TYPE_CHECKING

from benchmarks.azure_books import AzureBooks
from benchmarks.harness import family_cpu_seconds, report, running
from benchmarks.inflight_yardstick import Yardstick

if TYPE_CHECKING:
    from controlplane.embedded import EmbeddedStack

SUBSCRIPTIONS = 10
FAST = 30.0  # simulated seconds a second while servers and pools are made
LONG = 48 * 3600.0  # simulated seconds more than usual, for every database
CPU_GOAL = 0.5
POLL_SECONDS, SHARE = 15.0, 0.1
PACES = {  # those of production: the stack would scale them
    "OBSERVE_WAITING_SECONDS": "1",
    "SHORT_WAIT_SECONDS": "5",
    "LOOK_AGAIN_SECONDS": "60",
    "EXAMINE_AFTER_SECONDS": "900",
}
SETTINGS = {"SIMULATOR_TIME_SCALE": "1", "SIMULATOR_SUBSCRIPTIONS": str(SUBSCRIPTIONS), "LOG_LEVEL": "WARNING"}
PARTS = ("workers", "postgres", "simulator", "valkey", "beat")


def main() -> None:
    """Print what was measured."""
    arguments = _arguments()
    from controlplane.embedded import Part

    parts = {Part.POSTGRES, Part.VALKEY, Part.SIMULATOR, Part.WORKERS, Part.BEAT}
    with running(parts, **SETTINGS, **PACES) as stack:
        books, costs = AzureBooks(), Costs(stack)
        _prepare(arguments.operations, books)
        waiting = _waiting(arguments, books, costs)
        finishing = _finishing(arguments, books, costs)
        yardstick = Yardstick(stack.environment, books).measure(
            tasks=arguments.operations, window=arguments.sdk_window, finish=arguments.sdk_window, jump=LONG
        )
    _tell(arguments, waiting, finishing, yardstick)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=5_000, help="databases that wait at once")
    parser.add_argument("--window", type=float, default=60.0, help="seconds measured while all wait")
    parser.add_argument("--patience", type=float, default=1800.0, help="seconds given to settle; the share is reported")
    parser.add_argument(
        "--quiet", type=float, default=60.0, help="seconds in which all wait before anything is measured"
    )
    parser.add_argument("--sdk-window", type=float, default=60.0, help="seconds for each half of the yardstick")
    parser.add_argument("--filling", type=float, default=3600.0, help="seconds given until all wait")
    return parser.parse_args()


class Costs:
    """CPU seconds by part of the product; PostgreSQL with its backends, workers with their children."""

    def __init__(self, stack: EmbeddedStack) -> None:
        self._children = stack.children

    def now(self) -> dict[str, float]:
        spent = dict.fromkeys(PARTS, 0.0)
        for name, child in self._children.items():
            part = "workers" if name.startswith("worker") else str(name)
            if part in spent:
                spent[part] += family_cpu_seconds(child.pid)
        return spent


def _prepare(operations: int, books: AzureBooks) -> None:
    """A server in each subscription, then services in their regions until all their databases are being made."""
    from inventory.models import Region, Subscription

    books.pass_time(scale=FAST)
    regions = list(Region.objects.order_by("name")[:SUBSCRIPTIONS])
    subscriptions = list(Subscription.objects.order_by("subscription_id"))
    assert len(regions) == len(subscriptions) == SUBSCRIPTIONS
    for subscription, region in zip(subscriptions, regions, strict=True):
        _begin_server(subscription, region)
    _until(lambda: _ready_servers() == SUBSCRIPTIONS, 600, "the servers are ready")
    books.lengthen_creations(LONG)
    began = time.monotonic()
    _ask(operations, regions)
    print(f"{operations} databases asked for in {time.monotonic() - began:.0f} s", flush=True)


def _begin_server(subscription: object, region: object) -> None:
    """As the product does where a region has no server; here each has a subscription of its own."""
    from django.db import transaction

    from inventory.identifiers import azure_name, new_id
    from inventory.models import SqlServer
    from operations.services import submit
    from provisioning.places import server_name

    row_id = new_id()
    with transaction.atomic():
        server = SqlServer.objects.create(
            id=row_id,
            subscription=subscription,
            region=region,
            resource_group=subscription.resource_group,  # type: ignore[attr-defined]  # rows of ours
            azure_name=server_name(region),  # type: ignore[arg-type]
            administrator_login="sppadmin",
            admin_secret_name=azure_name("s", row_id) + "-admin",
        )
        submit("create_server", target=server.key, actor="bench")


def _ready_servers() -> int:
    from inventory.models import SqlServer

    return SqlServer.objects.filter(status="ready").count()


def _ask(operations: int, regions: list[object]) -> None:
    from inventory.models import Workspace
    from provisioning.services import ServiceWish, request_service

    workspaces = [Workspace.objects.create(name=f"bench-{n}", region=region) for n, region in enumerate(regions)]
    for number in range(operations):
        wish = ServiceWish(f"s-{number:06}", "dicom", 2**30)
        request_service(workspaces[number % SUBSCRIPTIONS], wish, actor="bench")


def _waiting(arguments: argparse.Namespace, books: AzureBooks, costs: Costs) -> dict[str, float]:
    """Cores by part, and reads a second, over a stretch in which everything waits and nobody else asks."""
    began = time.monotonic()
    _until(lambda: _in_flight() == arguments.operations, arguments.filling, "all wait for Azure")
    print(f"all wait for Azure after {time.monotonic() - began:.0f} s more", flush=True)
    books.pass_time(scale=1)
    time.sleep(arguments.quiet)  # what their start has stirred up is over
    spent, reads, at = costs.now(), books.arm_reads(), time.monotonic()
    time.sleep(arguments.window)
    seconds = time.monotonic() - at
    cores = {f"{part}_cores": round((now - spent[part]) / seconds, 3) for part, now in costs.now().items()}
    reads_per_second = round((books.arm_reads() - reads) / seconds, 2)
    return {"in_flight": _in_flight(), **cores, "reads_per_second": reads_per_second}


def _in_flight() -> int:
    from operations.models import Operation

    return Operation.objects.filter(kind="create_database", step="await_create", state="running").count()


def _finishing(arguments: argparse.Namespace, books: AzureBooks, costs: Costs) -> dict[str, float]:
    """Everything ends in Azure at once; CPU and seconds until all have settled, or patience is over."""
    spent, reads, at = costs.now(), books.arm_reads(), time.monotonic()
    books.jump(LONG)
    while (settled := _settled()) < arguments.operations and time.monotonic() - at < arguments.patience:
        time.sleep(1)
    seconds = time.monotonic() - at
    used = {part: now - spent[part] for part, now in costs.now().items()}
    each = {f"{part}_ms_per_operation": round(1000 * one / max(settled, 1), 1) for part, one in used.items()}
    return {
        "settled": settled,
        "share": round(settled / arguments.operations, 3),
        "seconds": round(seconds, 1),
        "settled_per_second": round(settled / seconds, 2),
        **each,
        "reads_per_operation": round((books.arm_reads() - reads) / max(settled, 1), 2),
    }


def _settled() -> int:
    from operations.models import Operation

    return Operation.objects.filter(kind="create_database", state="succeeded").count()


def _until(done: object, seconds: float, what: str) -> None:
    until = time.monotonic() + seconds
    while not done():  # type: ignore[operator]  # a question
        if time.monotonic() > until:
            raise SystemExit(f"Not true after {seconds:.0f} s: {what}. In flight: {_in_flight()}.")
        time.sleep(1)


def _tell(
    arguments: argparse.Namespace,
    waiting: dict[str, float],
    finishing: dict[str, float],
    yardstick: dict[str, dict[str, float]],
) -> None:
    cores = round(waiting["workers_cores"] + waiting["postgres_cores"], 3)
    reads_goal = round(SHARE * arguments.operations / POLL_SECONDS, 2)
    print(f"waiting: workers and PostgreSQL {cores} of a core (goal {CPU_GOAL}),", end=" ")
    print(f"{waiting['reads_per_second']} ARM reads a second (goal {reads_goal})")
    for title, figures in (("waiting", waiting), ("finishing", finishing), *yardstick.items()):
        print(f"{title}: " + ", ".join(f"{name} {value}" for name, value in figures.items()))
    goals = {"cores": CPU_GOAL, "reads_per_second": reads_goal}
    seconds = {"quiet_s": arguments.quiet, "window_s": arguments.window, "sdk_window_s": arguments.sdk_window}
    sizes = {"operations": arguments.operations, "subscriptions": SUBSCRIPTIONS, **seconds}
    report("inflight", **sizes, goals=goals, cores=cores, waiting=waiting, finishing=finishing, **yardstick)


if __name__ == "__main__":
    main()
