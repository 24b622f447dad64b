"""The yardstick of `make bench-inflight`: one Celery worker whose threads wait for Azure by the SDK's pollers."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from benchmarks.azure_books import AzureBooks
from benchmarks.harness import ROOT, family_cpu_seconds

STARTS_SECONDS = 120.0


class Yardstick:
    """Tasks that create databases in a pool of ours, in a worker of its own with as many threads as we have slots."""

    def __init__(self, environment: Mapping[str, str], books: AzureBooks) -> None:
        from controlplane.worker_groups import worker_groups

        self._environment = environment
        self._books = books
        self._slots = sum(group.size for group in worker_groups())

    def measure(self, *, tasks: int, window: float, finish: float, jump: float) -> dict[str, dict[str, float]]:
        """What waits and what that costs; then, Azure quick again, what settles within `finish` seconds."""
        with self._worker() as pid:
            before = self._created()
            _send(tasks)
            _until(lambda: self._begun() >= self._slots, STARTS_SECONDS)
            waiting = self._stretch(pid, window)
            self._books.clear_faults()
            self._books.jump(jump)
            finishing = self._stretch(pid, finish)
            settled = self._created() - before
        in_flight = min(self._slots, tasks)
        reads = waiting["reads"] / waiting["seconds"]
        return {
            "sdk_waiting": {
                "in_flight": in_flight,
                "worker_cores": round(waiting["cpu"] / waiting["seconds"], 3),
                "reads_per_second": round(reads, 2),
                "reads_per_second_each": round(reads / in_flight, 4),
            },
            "sdk_finishing": {
                "settled": settled,
                "settled_per_second": round(settled / finishing["seconds"], 2),
                "worker_ms_per_operation": round(1000 * finishing["cpu"] / max(settled, 1), 1),
            },
        }

    @contextmanager
    def _worker(self) -> Iterator[int]:
        command = [sys.executable, "-m", "celery", "--app", "benchmarks.blocking", "worker"]
        size = ["--pool", "threads", "--concurrency", str(self._slots), "--hostname", "blocking@%h"]
        quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat"]
        settings = {**os.environ, **self._environment}
        process = subprocess.Popen(
            [*command, *size, *quiet], cwd=ROOT, env=settings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        try:
            yield process.pid
        finally:
            process.kill()
            process.wait()

    def _stretch(self, pid: int, seconds: float) -> dict[str, float]:
        cpu, reads, at = family_cpu_seconds(pid), self._books.arm_reads(), time.monotonic()
        time.sleep(seconds)
        return {
            "cpu": family_cpu_seconds(pid) - cpu,
            "reads": self._books.arm_reads() - reads,
            "seconds": time.monotonic() - at,
        }

    def _begun(self) -> int:
        return len([one for one in self._polled() if one["properties"]["status"] == "Creating"])

    def _created(self) -> int:
        return len([one for one in self._polled() if one["properties"]["status"] == "Online"])

    def _polled(self) -> list[dict[str, Any]]:
        return self._books.databases(named="polled-")


def _send(tasks: int) -> None:
    from benchmarks.blocking import create
    from inventory.models import ElasticPool

    pool = ElasticPool.objects.filter(status="ready").select_related("server").order_by("azure_name").first()
    assert pool is not None, "nothing was created"
    server = pool.server
    group = f"/subscriptions/{server.subscription_id}/resourceGroups/{server.resource_group}"
    pool_id = f"{group}/providers/Microsoft.Sql/servers/{server.azure_name}/elasticPools/{pool.azure_name}"
    document = {"location": server.region_id, "properties": {"elasticPoolId": pool_id}}
    place = (server.resource_group, server.azure_name)
    for number in range(tasks):
        create.apply_async((server.subscription_id, place, f"polled-{number:06}", document))


def _until(done: object, seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():  # type: ignore[operator]  # a question
        if time.monotonic() > until:
            raise SystemExit(f"The yardstick's worker had not begun after {seconds:.0f} s.")
        time.sleep(1)
