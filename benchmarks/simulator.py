"""The simulator with 20,000 databases on 100 servers: restart, memory, CPU by kind of request, 500 mixed requests a second.

Run `python -m benchmarks.simulator`. The simulator has one core to itself, the clients another. What a request costs is
the CPU time of the simulator's process, so that other work on the machine does not count; what a client waits does
count it. Figures first, one JSON line last.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import orjson
import psutil

from benchmarks.arm_client import Answer, Connection
from benchmarks.simulated_fleet import SERVERS, VERSION, build_fleet, database_path, server_path, token_for

RATE, SECONDS, CONNECTIONS = 500.0, 20.0, 24
GOAL_CPU_US = 1e6 / RATE  # then one core carries the rate
MIX = {"get": 0.60, "list": 0.05, "put": 0.10, "poll": 0.25}
Figures = dict[str, Any]


def main() -> None:
    options = _options()
    with tempfile.TemporaryDirectory(prefix="bench-simulator-") as name:
        directory = Path(name)
        figures: Figures = {"bench": "simulator", "servers": SERVERS, "databases": options.databases}
        figures["load_average"] = round(os.getloadavg()[0], 1)
        figures |= build_fleet(directory, databases=options.databases)
        _tell("built in process", f"{figures['build_seconds']} s, journal {figures['journal_mb']} MB")
        with _simulator(directory) as (process, contract, restart):
            figures |= {"restart_seconds": round(restart, 2), "restart_cpu_seconds": round(_cpu(process), 2)}
            figures["memory_mb"] = round(process.memory_info().rss / 2**20)
            _tell("restart with that state", f"{restart:.2f} s, {figures['restart_cpu_seconds']} s of CPU")
            _tell("memory", f"{figures['memory_mb']} MB")
            figures |= asyncio.run(_load(process, contract, options))
            figures["memory_after_mb"] = round(process.memory_info().rss / 2**20)
            _tell("memory after the load", f"{figures['memory_after_mb']} MB")
    print(json.dumps(figures))


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--databases", type=int, default=20_000)
    parser.add_argument("--seconds", type=float, default=SECONDS, help="how long the mixed load lasts")
    parser.add_argument("--rate", type=float, default=RATE, help="mixed requests a second")
    return parser.parse_args()


@contextlib.contextmanager
def _simulator(directory: Path) -> Any:
    """The process on its own core, its contract line, and how long it took until it answered."""
    cores = sorted(os.sched_getaffinity(0))
    command = [sys.executable, "-m", "simulator", "--state", str(directory), "--no-throttling", "--exit-with-parent"]
    command += ["--time-scale", "60", "--page-size", "100"]
    began = time.perf_counter()
    os.sched_setaffinity(0, cores[:1])  # what is started now stays there
    started = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert started.stdout is not None
        contract = json.loads(started.stdout.readline())
        restart = time.perf_counter() - began
        os.sched_setaffinity(0, cores[1:] or cores)
        yield psutil.Process(started.pid), contract, restart
    finally:
        os.sched_setaffinity(0, cores)
        started.terminate()
        started.wait(30)


async def _load(process: psutil.Process, contract: Figures, options: argparse.Namespace) -> Figures:
    token = token_for(contract)
    fleet = Requests(contract["subscription"], options.databases)
    async with Connection(contract["arm"], contract["ca"], token) as connection:
        figures = await _by_kind(process, connection, fleet)
    async with contextlib.AsyncExitStack() as stack:  # only now: who is silent for two minutes is hung up on
        made = [Connection(contract["arm"], contract["ca"], token) for _ in range(CONNECTIONS)]
        connections = [await stack.enter_async_context(one) for one in made]
        return figures | await _mixed(process, connections, fleet, options)


class Requests:
    """Draws requests of each kind from a fixed seed; polls follow the writes that were answered."""

    def __init__(self, subscription: str, databases: int) -> None:
        self._random = random.Random(7)
        self._subscription, self._databases = subscription, databases
        self.polls: list[str] = []
        self._new = 0

    def get(self) -> tuple[str, str, bytes]:
        return "GET", self._url(database_path(self._random.randrange(self._databases))), b""

    def list(self) -> tuple[str, str, bytes]:
        return "GET", self._url(f"{server_path(self._random.randrange(SERVERS))}/databases"), b""

    def put(self) -> tuple[str, str, bytes]:
        """A new database in a pool."""
        self._new += 1
        server = server_path(self._new % SERVERS)
        pool = f"/subscriptions/{self._subscription}{server}/elasticPools/p0"
        body = orjson.dumps({"location": "eastus", "properties": {"elasticPoolId": pool}, "tags": {"made": "by-load"}})
        return "PUT", self._url(f"{server}/databases/n{self._new:06}"), body

    def poll(self) -> tuple[str, str, bytes]:
        return "GET", self._random.choice(self.polls[-500:]), b""

    def draw(self) -> tuple[str, tuple[str, str, bytes]]:
        kind = self._random.choices(list(MIX), list(MIX.values()))[0]
        if kind == "poll" and not self.polls:
            kind = "put"
        return kind, getattr(self, kind)()

    def learn(self, answer: Answer) -> None:
        if answer.status == 202:
            self.polls.append(answer.headers["azure-asyncoperation"])

    def _url(self, path: str) -> str:
        return f"/subscriptions/{self._subscription}{path}?api-version={VERSION}"


async def _by_kind(process: psutil.Process, connection: Connection, fleet: Requests) -> Figures:
    """CPU of the simulator for one request of each kind, over TLS, one after the other."""
    figures: Figures = {}
    for kind, count in (("get", 2000), ("put", 1000), ("poll", 2000), ("list", 200)):
        make: Callable[[], tuple[str, str, bytes]] = getattr(fleet, kind)
        began = _cpu(process)
        for _ in range(count):
            answer = await connection.ask(*make())
            assert answer.status in (200, 202), answer.body
            fleet.learn(answer)
        figures[f"{kind}_cpu_us"] = round((_cpu(process) - began) / count * 1e6)
        _tell(f"CPU of one {kind}", f"{figures[f'{kind}_cpu_us']} µs ({len(answer.body)} bytes answered)")
    return figures


async def _mixed(
    process: psutil.Process, connections: list[Connection], fleet: Requests, options: argparse.Namespace
) -> Figures:
    """Requests at a fixed rate whether or not former ones are answered; waiting counts from when each was due."""
    waiting: asyncio.Queue[tuple[float, str, tuple[str, str, bytes]]] = asyncio.Queue()
    times: dict[str, list[float]] = {kind: [] for kind in MIX}

    async def work(connection: Connection) -> None:
        while True:
            due, kind, (method, url, body) = await waiting.get()
            answer = await connection.ask(method, url, body, since=due)
            assert answer.status in (200, 202), answer.body
            fleet.learn(answer)
            times[kind].append(answer.seconds)
            waiting.task_done()

    workers = [asyncio.create_task(work(connection)) for connection in connections]
    began, cpu = time.perf_counter(), _cpu(process)
    async for due in _ticks(options.rate, options.seconds):
        waiting.put_nowait((due, *fleet.draw()))
    await _until_answered(waiting, workers)
    taken, used = time.perf_counter() - began, _cpu(process) - cpu
    for worker in workers:
        worker.cancel()
    return _mixed_figures(times, taken=taken, used=used)


async def _until_answered(waiting: asyncio.Queue[Any], workers: list[asyncio.Task[None]]) -> None:
    """Until every request was answered; raises what a worker raised, instead of waiting for it for ever."""
    answered = asyncio.create_task(waiting.join())
    done, _ = await asyncio.wait({answered, *workers}, return_when=asyncio.FIRST_COMPLETED)
    for task in done:
        task.result()


async def _ticks(rate: float, seconds: float) -> AsyncIterator[float]:
    """The moments at which a request is due."""
    began = time.perf_counter()
    for number in range(int(rate * seconds)):
        due = began + number / rate
        delay = due - time.perf_counter()
        if delay > 0:
            await asyncio.sleep(delay)
        elif number % 10 == 0:
            await asyncio.sleep(0)
        yield due


def _mixed_figures(times: dict[str, list[float]], *, taken: float, used: float) -> Figures:
    everything = [one for each in times.values() for one in each]
    cost = used / len(everything)
    figures: Figures = {
        "mixed_per_second": round(len(everything) / taken, 1),
        "mixed_core_share": round(used / taken, 3),
    }
    figures |= {"mixed_cpu_us": round(cost * 1e6), "core_share_at_500": round(cost * 500, 3)}
    figures |= {"goal_cpu_us": round(GOAL_CPU_US), "one_core_carries_the_rate": cost * 1e6 <= GOAL_CPU_US}
    for name, each in {"mixed": everything, **{f"mixed_{kind}": found for kind, found in times.items()}}.items():
        percentiles = statistics.quantiles(each, n=100)
        figures |= {
            f"{name}_p50_ms": round(percentiles[49] * 1000, 2),
            f"{name}_p99_ms": round(percentiles[98] * 1000, 2),
        }
    _tell("mixed", f"{figures['mixed_per_second']} a second for {taken:.0f} s at {used / taken:.0%} of one core")
    goal = f"goal {figures['goal_cpu_us']} µs or less"
    _tell(
        "CPU of one mixed request", f"{figures['mixed_cpu_us']} µs ({goal}): {cost * 500:.0%} of a core at 500 a second"
    )
    _tell("mixed, waiting", f"p50 {figures['mixed_p50_ms']} ms, p99 {figures['mixed_p99_ms']} ms")
    return figures


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)


def _tell(what: str, figure: str) -> None:
    print(f"{what:28} {figure}", flush=True)


if __name__ == "__main__":
    main()
