"""What every measurement of the running product needs: servers of its own, CPU by process, figures and one JSON line."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from controlplane.embedded import EmbeddedStack, Part

ROOT = Path(__file__).resolve().parents[1]


@contextmanager
def database() -> Iterator[None]:
    """A fresh, safe (fsync on) PostgreSQL with all migrations, and Django set up on it as the application's role."""
    from controlplane.embedded import EmbeddedStack, Part

    path = Path(tempfile.mkdtemp(prefix="spp-bench-"))
    path.chmod(0o755)
    try:
        with EmbeddedStack(path, {Part.POSTGRES}) as stack:
            os.environ.update({**stack.environment, "BROKER_URL": "memory://", "LOG_LEVEL": "ERROR"})
            subprocess.run([sys.executable, "manage.py", "migrate", "--no-input", "-v", "0"], cwd=ROOT, check=True)
            import django

            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
            django.setup()
            yield
            from django.db import connections

            connections.close_all()
    finally:
        shutil.rmtree(path, ignore_errors=True)


def cpu_seconds(pids: Iterable[int]) -> float:
    """CPU that these processes have used so far; one that is gone counts nothing."""
    total = 0.0
    for pid in pids:
        with suppress(psutil.NoSuchProcess):
            times = psutil.Process(pid).cpu_times()
            total += times.user + times.system
    return total


def family(pid: int) -> list[int]:
    """A process and everything it has started."""
    process = psutil.Process(pid)
    return [pid, *(child.pid for child in process.children(recursive=True))]


def family_cpu_seconds(pid: int) -> float:
    """CPU of a process, of everything it has started, and of what of that has ended and was waited for."""
    times = psutil.Process(pid).cpu_times()
    return cpu_seconds(family(pid)) + float(times.children_user + times.children_system)


class Spent:
    """CPU microseconds of this process and of its PostgreSQL backend, over a stretch of work."""

    def __init__(self) -> None:
        from django.db import connection

        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            self._backend = int(cursor.fetchone()[0])
        self.client = self.server = 0.0

    @property
    def total(self) -> float:
        return self.client + self.server

    @contextmanager
    def counted(self) -> Iterator[None]:
        """Add what the body uses."""
        client, server = time.process_time(), cpu_seconds([self._backend])
        yield
        self.client += 1e6 * (time.process_time() - client)
        self.server += 1e6 * (cpu_seconds([self._backend]) - server)


def middle(runs: int, measure: Callable[[], float]) -> float:
    """The median of several runs."""
    return median(measure() for _ in range(runs))


def report(name: str, **figures: object) -> None:
    """The last line of every measurement."""
    print(json.dumps({"bench": name, **figures}))


@contextmanager
def running(parts: Iterable[Part], **settings: str) -> Iterator[EmbeddedStack]:
    """These parts of the product, started with these variables, and Django in this process set up on them."""
    from controlplane.embedded import EmbeddedStack

    path = Path(tempfile.mkdtemp(prefix="spp-bench-"))
    path.chmod(0o755)
    os.environ.update(settings)
    try:
        with EmbeddedStack(path, parts) as stack:
            os.environ.update({**stack.environment, "LOG_LEVEL": "ERROR"})
            os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
            import django

            django.setup()
            yield stack
            from django.db import connections

            connections.close_all()
    finally:
        shutil.rmtree(path, ignore_errors=True)
