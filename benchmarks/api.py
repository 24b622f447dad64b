"""What requests to the REST API cost, beside a bare one-row GET of Django REST framework.

Run `make bench-api`. Real server (granian, WSGI), real PostgreSQL; requests carry a bearer token that a directory signed.
CPU of the server process and of all PostgreSQL backends together, per request; the yardstick runs in the same kind of
server, in the same run, and the kinds take turns. Medians are compared. Goals: GET one <= 2 times, a list of 50 <= 4 times,
creating <= 6 times the yardstick.
"""

from __future__ import annotations

import argparse
import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import count
from statistics import median

import requests

from benchmarks.harness import ROOT, cpu_seconds, family, report, running

GOALS = {"get_one": 2.0, "list_50": 4.0, "create": 6.0}
NO_LIMITS = {"API_CALLER_RATE": "100000000/min", "API_ANONYMOUS_RATE": "100000000/min"}
Request = Callable[[], requests.Response]


def main() -> None:
    """Print what was measured."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--requests", type=int, default=300, help="requests of each kind in a run")
    parser.add_argument("--runs", type=int, default=5)
    arguments = parser.parse_args()
    from controlplane.embedded import Part

    parts = {Part.POSTGRES, Part.VALKEY, Part.SIMULATOR, Part.WEB}
    with running(parts, **NO_LIMITS) as stack, _bare_server(stack.environment) as (bare_url, bare_pid):
        kinds = {"bare": _bare(bare_url), **_ours(stack.web_url)}
        servers = {"bare": bare_pid}
        postgres, web = stack.children["postgres"].pid, stack.children["web"].pid
        costs: dict[str, list[float]] = {name: [] for name in kinds}
        for run in range(arguments.runs + 1):
            for name, request in kinds.items():
                pids = [*family(servers.get(name, web)), *family(postgres)]
                cost = _cost(request, arguments.requests, pids)
                if run:  # the first one warms up
                    costs[name].append(cost)
    _tell({name: median(several) for name, several in costs.items()}, arguments)


def _tell(costs: dict[str, float], arguments: argparse.Namespace) -> None:
    ratios = {name: round(cost / costs["bare"], 2) for name, cost in costs.items() if name != "bare"}
    for name, cost in costs.items():
        goal = f"{ratios[name]:5.2f} times the bare one, goal {GOALS[name]:.0f}" if name in ratios else "the yardstick"
        print(f"{name:>8}: {cost:5.2f} ms of CPU a request, {goal}")
    figures = {f"{name}_ms": round(cost, 3) for name, cost in costs.items()}
    named = {f"{name}_ratio": ratio for name, ratio in ratios.items()}
    report("api", requests=arguments.requests, runs=arguments.runs, goals=GOALS, **figures, **named)


def _cost(request: Request, number: int, pids: list[int]) -> float:
    """Milliseconds of CPU a request in these processes."""
    before = cpu_seconds(pids)
    for _ in range(number):
        answer = request()
        assert answer.ok, answer.text
    return 1000 * (cpu_seconds(pids) - before) / number


def _bare(url: str) -> Request:
    session = requests.Session()
    return lambda: session.get(f"{url}/bare/bench")


def _ours(url: str) -> dict[str, Request]:
    """A workspace with sixty services, and the three requests, all with a token."""
    from django.conf import settings

    from controlplane.demo.clients import RestApi, SimulatorBooks

    api = RestApi(url, SimulatorBooks(), name="bench", roles=["Operator"], audience=settings.API_AUDIENCE)
    api.put_workspace("bench", {"properties": {"region": "eastus", "displayName": "Bench"}}).raise_for_status()
    numbers = count()

    def create() -> requests.Response:
        document = {"properties": {"kind": "fhir", "sizeGb": 10}}
        return api._call("PUT", f"workspaces/bench/services/s-{next(numbers):06}", document)

    for _ in range(60):
        create().raise_for_status()
    return {
        "get_one": lambda: api._call("GET", "workspaces/bench/services/s-000001"),
        "list_50": lambda: api._call("GET", "workspaces/bench/services?maxpagesize=50"),
        "create": create,
    }


@contextmanager
def _bare_server(environment: dict[str, str]) -> Iterator[tuple[str, int]]:
    """The same server program with the bare route; its address and process id."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    serve = ("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws")
    threads = ("--workers", "1", "--blocking-threads", "4", "controlplane.wsgi:application")
    settings = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "benchmarks.bare_settings"}
    process = subprocess.Popen([sys.executable, *serve, *threads], cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    try:
        _wait_for(f"http://127.0.0.1:{port}/bare/none")
        yield f"http://localhost:{port}", process.pid
    finally:
        process.terminate()
        process.wait()


def _wait_for(url: str) -> None:
    until = time.monotonic() + 60
    while time.monotonic() < until:
        with suppress(requests.ConnectionError):
            requests.get(url, timeout=5)
            return
        time.sleep(0.2)
    raise SystemExit(f"Nothing answers at {url}.")


if __name__ == "__main__":
    main()
