"""How long a database takes beyond what Azure takes.

Run `make bench-delay`. Creations by REST at a steady rate against the whole product, the simulated Azure in real time.
Added delay of an operation = ready - request accepted - the time in which Azure was busy on its path: its database, and the
server and pool that it waited for. Azure's times come from the simulator's own books. Goals: p50 <= 3 s, p99 <= 10 s; ARM
reads per operation <= 2. Beside it, the same creations by an SDK poller, for which reads are counted alike.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections import defaultdict
from datetime import UTC, datetime
from statistics import median, quantiles
from typing import TYPE_CHECKING

from benchmarks.azure_books import AzureBooks
from benchmarks.harness import report, running

if TYPE_CHECKING:
    from controlplane.demo.clients import RestApi, SimulatorBooks

GOALS = {"p50_s": 3.0, "p99_s": 10.0, "reads_per_operation": 2.0}
WORKSPACES = 10
LOOK_SECONDS = 1.0
POLLED = 4
Interval = tuple[float, float]


class Busy:
    """When Azure was at work on each resource: begun by the ledger, ended when the operation was due."""

    def __init__(self, books: SimulatorBooks) -> None:
        self._books = books
        self._begun: dict[str, float] = {}
        self._seen: dict[str, tuple[str, float, float]] = {}
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        self._over.set()
        self._thread.join()

    def intervals(self) -> dict[str, list[Interval]]:
        """By resource id in lower case, seconds since the epoch."""
        found: dict[str, list[Interval]] = defaultdict(list)
        for target, begun, ended in self._seen.values():
            found[target.lower()].append((begun, ended))
        return found

    def _watch(self) -> None:
        while not self._over.wait(LOOK_SECONDS):
            now = time.time()
            for one in self._books.state("operations")["operations"]:
                ended = _seconds(one["due"]) if one["due"] else now
                self._seen[one["id"]] = (one["target"], _seconds(one["started"]), ended)


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=int, default=300, help="how long requests come")
    parser.add_argument("--rate", type=float, default=2.0, help="requests a second")
    parser.add_argument("--patience", type=int, default=1200, help="seconds to wait for the last one")
    arguments = parser.parse_args()
    from controlplane.embedded.stack import EVERYTHING

    settings = {"SIMULATOR_TIME_SCALE": "1", "LOG_LEVEL": "WARNING", "API_CALLER_RATE": "100000/min"}
    with running(EVERYTHING, **settings) as stack:
        from django.conf import settings as django_settings

        from controlplane.demo.clients import RestApi, SimulatorBooks

        books = SimulatorBooks()
        api = RestApi(stack.web_url, books, name="bench", roles=["Operator"], audience=django_settings.API_AUDIENCE)
        busy = Busy(books)
        asked = _ask(api, seconds=arguments.seconds, rate=arguments.rate)
        _wait(asked, arguments.patience)
        busy.stop()
        delays = _added_delays(busy.intervals())
        reads = AzureBooks().arm_reads()
        _tell_steps()
        sdk_reads = _sdk_reads(POLLED)
        failed = asked - len(delays)
    _tell(delays, reads=reads, sdk_reads=sdk_reads, failed=failed, arguments=arguments)


def _ask(api: RestApi, *, seconds: int, rate: float) -> int:
    """Send creations at that rate, whatever the answers take; their number."""
    for number in range(WORKSPACES):
        document = {"properties": {"region": "eastus", "displayName": f"Bench {number}"}}
        api._call("PUT", f"workspaces/bench-{number}", document).raise_for_status()
    wanted, began = int(seconds * rate), time.monotonic()
    for number in range(wanted):
        time.sleep(max(0.0, began + number / rate - time.monotonic()))
        document = {"properties": {"kind": "fhir", "sizeGb": 10}}
        path = f"workspaces/bench-{number % WORKSPACES}/services/s-{number:06}"
        api._call("PUT", path, document).raise_for_status()
    return wanted


def _wait(asked: int, patience: int) -> None:
    from operations.models import Operation

    until = time.monotonic() + patience
    creations = Operation.objects.filter(kind="create_database")
    while creations.filter(finished_at=None).exists() and time.monotonic() < until:
        time.sleep(1)
    print(f"{creations.filter(state='succeeded').count()} of {asked} creations succeeded")


def _added_delays(busy: dict[str, list[Interval]]) -> list[float]:
    from inventory.models import Database
    from operations.models import Operation

    delays, gaps = [], []
    for operation in Operation.objects.filter(kind="create_database", state="succeeded"):
        database = Database.objects.select_related("pool__server", "server").get(
            pk=operation.target_key.partition(":")[2]
        )
        server = database.pool.server if database.pool else database.server
        names = [server.azure_name, database.azure_name, *([database.pool.azure_name] if database.pool else [])]
        assert operation.finished_at is not None
        whole = (operation.created_at.timestamp(), operation.finished_at.timestamp())
        on_path = [interval for target, several in busy.items() if _concerns(target, names) for interval in several]
        delays.append(whole[1] - whole[0] - covered(whole, on_path))
        gaps.append(_gaps(whole, on_path))
    for name, several in zip(
        ("before Azure begins", "between its parts", "after its end"), zip(*gaps, strict=True), strict=True
    ):
        print(f"{name:>20}: {median(several):6.2f} s")
    return delays


def _gaps(whole: Interval, parts: list[Interval]) -> tuple[float, float, float]:
    """Where the added delay lies: before Azure's first part, between the parts, and after the last."""
    inside = [(begin, end) for begin, end in parts if end > whole[0] and begin < whole[1]]
    first, last = min(begin for begin, _ in inside), max(end for _, end in inside)
    before, after = max(first - whole[0], 0.0), max(whole[1] - last, 0.0)
    return before, whole[1] - whole[0] - covered(whole, parts) - before - after, after


def _concerns(target: str, names: list[str]) -> bool:
    """The database with what belongs to it, its pool, and its server itself, but no neighbour."""
    parts = target.split("/")
    server, database, *pool = names
    if server not in parts:
        return False
    below = parts[parts.index(server) + 1 :]
    return not below or below[0] not in ("databases", "elasticpools") or below[1] in (database, *pool)


def covered(whole: Interval, parts: list[Interval]) -> float:
    """Seconds of `whole` in which at least one of `parts` goes on."""
    total, until = 0.0, whole[0]
    for part in sorted(parts):
        begin, end = max(part[0], until), min(part[1], whole[1])
        if end > begin:
            total, until = total + end - begin, end
    return total


def _tell_steps() -> None:
    """Where the time goes: the median seconds from one step's end to the next one's, Azure's own included."""
    from operations.models import Operation, StepRun

    seconds: dict[str, list[float]] = defaultdict(list)
    for operation in Operation.objects.filter(kind="create_database", state="succeeded"):
        before = operation.created_at
        for run in StepRun.objects.filter(operation_id=operation.pk, outcome="next").order_by("finished_at"):
            assert run.finished_at is not None
            seconds[run.step].append((run.finished_at - before).total_seconds())
            before = run.finished_at
    for step, several in seconds.items():
        print(f"{step:>20}: {median(several):6.2f} s")


def _sdk_reads(number: int) -> float:
    """GETs a creation by the SDK's own poller, of so many at once beside a database of ours."""
    from azure.identity import ClientSecretCredential
    from azure.mgmt.sql import SqlManagementClient
    from django.conf import settings

    from inventory.models import Database

    beside = Database.objects.filter(status="ready", pool__isnull=False).select_related("pool__server").first()
    assert beside is not None, "nothing was created"
    assert beside.pool is not None
    server, reads = beside.pool.server, [0]
    trust = {"connection_verify": settings.AZURE_CA_FILE}
    secret = settings.AZURE_CLIENT_SECRET.reveal()
    who = {"authority": settings.AZURE_AUTHORITY_HOST, "disable_instance_discovery": True}
    credential = ClientSecretCredential(settings.AZURE_TENANT_ID, settings.AZURE_CLIENT_ID, secret, **who, **trust)
    scopes = {"base_url": settings.AZURE_ARM_URL, "credential_scopes": [settings.AZURE_ARM_SCOPE]}
    client = SqlManagementClient(credential, server.subscription_id, **scopes, **trust)

    def counted(response: object) -> None:
        reads[0] += response.http_request.method == "GET"  # type: ignore[attr-defined]

    group = f"/subscriptions/{server.subscription_id}/resourceGroups/{server.resource_group}"
    pool = f"{group}/providers/Microsoft.Sql/servers/{server.azure_name}/elasticPools/{beside.pool.azure_name}"
    document = {"location": server.region_id, "properties": {"elasticPoolId": pool}}
    place = (server.resource_group, server.azure_name)
    pollers = [
        client.databases.begin_create_or_update(*place, f"polled-{n}", document, raw_response_hook=counted)
        for n in range(number)
    ]
    for poller in pollers:
        poller.result()
    return reads[0] / number


def _seconds(moment: str) -> float:
    return datetime.fromisoformat(moment.replace("Z", "+00:00")).astimezone(UTC).timestamp()


def _tell(delays: list[float], *, reads: int, sdk_reads: float, failed: int, arguments: argparse.Namespace) -> None:
    cuts = quantiles(delays, n=100, method="inclusive")
    figures = {
        "p50_s": round(cuts[49], 2),
        "p99_s": round(cuts[98], 2),
        "reads_per_operation": round(reads / len(delays), 2),
    }
    for name, value in figures.items():
        print(f"{name:>20}: {value} (goal {GOALS[name]})")
    print(f"{'sdk poller':>20}: {sdk_reads} reads for each creation alone")
    figures["sdk_reads_per_creation"] = sdk_reads
    report("delay", seconds=arguments.seconds, rate=arguments.rate, not_ready=failed, goals=GOALS, **figures)


if __name__ == "__main__":
    main()
