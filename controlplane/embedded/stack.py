"""All parts of the product on one machine, started in order and stopped in the opposite one."""

from __future__ import annotations

import signal
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from types import TracebackType
from typing import Protocol, Self

from controlplane.embedded.canaries import Canaries
from controlplane.embedded.postgres import APPLICATION, OWNER, EmbeddedPostgres
from controlplane.embedded.processes import Child, Program, end_leftovers, run_to_end
from controlplane.embedded.run_directory import RunDirectory
from controlplane.embedded.simulator import EmbeddedSimulator
from controlplane.embedded.valkey import EmbeddedValkey
from controlplane.env import env_float, env_int, is_set
from controlplane.worker_groups import WorkerGroup, worker_groups

ENVIRONMENT_FILE = "environment.json"  # addresses and paths of secrets, no secret; for commands beside a running stack
RESTARTS_ALLOWED = 5
RESTARTS_WINDOW_SECONDS = 60.0


class Part(StrEnum):
    """What a stack may consist of."""

    POSTGRES = "postgres"
    VALKEY = "valkey"
    SIMULATOR = "simulator"
    WEB = "web"
    WORKERS = "workers"
    BEAT = "beat"


SERVER_PARTS = (Part.POSTGRES, Part.VALKEY, Part.SIMULATOR)
CELERY = ("-m", "celery", "--app", "controlplane.celery")
EVERYTHING = frozenset(Part)
REPLACED_BY = {Part.POSTGRES: "DATABASE_URL", Part.VALKEY: "BROKER_URL", Part.SIMULATOR: "AZURE_TENANT_ID"}
Step = Callable[[str], AbstractContextManager[object]]


class Server(Protocol):
    """PostgreSQL, Valkey or the simulator."""

    child: Child

    def start(self) -> None: ...
    def wait_until_ready(self) -> None: ...
    def stop(self) -> None: ...


def silent(text: str) -> AbstractContextManager[object]:
    """Progress for those who do not look."""
    return nullcontext()


class EmbeddedStack:
    """A context manager: entering starts the chosen parts, leaving stops them.

    Parts whose environment variable is set (see REPLACED_BY) are somebody else's and are not started. `environment`
    holds what children need to reach the parts. `losable` is for tests: quicker, but data may die with the machine.
    `fresh` forgets the data and secrets of earlier runs.
    """

    def __init__(
        self,
        path: Path,
        parts: Iterable[Part] = EVERYTHING,
        *,
        losable: bool = False,
        fresh: bool = False,
        step: Step = silent,
    ) -> None:
        self.run = RunDirectory(path)
        self.environment: dict[str, str] = {}
        self.children: dict[str, Child] = {}
        self._parts = {part for part in parts if not is_set(REPLACED_BY.get(part, "-"))}
        self._losable = losable
        self._step = step
        self._fresh = fresh
        self._servers: dict[Part, Server] = {}
        self._restarts: dict[str, list[float]] = {}
        self._canaries = Canaries()
        self.web_port = 0

    def __enter__(self) -> Self:
        self.run.take()
        try:
            end_leftovers(self.run)
            if self._fresh:
                self.run.clear()
            self._start_servers()
            self._start_processes()
            self.run.write_json(ENVIRONMENT_FILE, self.environment)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def postgres(self) -> EmbeddedPostgres:
        """The embedded server. Raises KeyError where it is not part of this stack."""
        server = self._servers[Part.POSTGRES]
        assert isinstance(server, EmbeddedPostgres)
        return server

    def add(self, part: Part) -> None:
        """Start one more server in a running stack; harmless when it runs already."""
        if part not in self._servers:
            self._parts.add(part)
            self._start_servers()

    def restart(self, name: str) -> None:
        """Start a part again, e.g. after a test has killed it; it comes back at the same address."""
        child = self.children[name]
        child.stop()
        child.start()
        server = self._servers.get(Part(name)) if name in set(Part) else None
        if server is not None:
            server.wait_until_ready()

    def look_after(self) -> list[str]:
        """Start again what ended by itself or is stuck, and say what. Raises PartFailed for what will not stay up."""
        self._kill_stuck_workers()
        ended = [name for name, child in self.children.items() if not child.alive]
        for name in ended:
            recent = [at for at in self._restarts.get(name, []) if time.monotonic() - at < RESTARTS_WINDOW_SECONDS]
            if len(recent) >= RESTARTS_ALLOWED:
                self.children[name].ensure_alive()
            self._restarts[name] = [*recent, time.monotonic()]
            self.restart(name)
        return ended

    def _kill_stuck_workers(self) -> None:
        """A worker whose canary is overdue is of no use; while the broker is frozen no worker is to blame."""
        workers = [name for name in self.children if name not in set(Part)]
        valkey = self._servers.get(Part.VALKEY)
        if not workers or (isinstance(valkey, EmbeddedValkey) and not valkey.answers()):
            return
        for name in self._canaries.overdue(self.environment):
            if name in self.children and self.children[name].alive:
                self.children[name].kill()

    def stop(self) -> None:
        """End our processes together, then the servers that they need, and let the directory go."""
        servers = [name for name in self.children if name in SERVER_PARTS]
        processes = [name for name in self.children if name not in SERVER_PARTS]
        for names in filter(None, (processes, servers)):
            with self._step(f"Stopping {', '.join(names)}"):
                for name in names:
                    self.children[name].ask_to_stop()
                for name in names:
                    self.children[name].stop()
        self.children.clear()
        self._servers.clear()
        (self.run.path / ENVIRONMENT_FILE).unlink(missing_ok=True)
        self.run.release()

    def _start_servers(self) -> None:
        wanted = [part for part in SERVER_PARTS if part in self._parts and part not in self._servers]
        if not wanted:
            return
        with self._step(f"Starting {', '.join(wanted)}"):
            for part in wanted:
                self._servers[part] = server = self._make(part)
                self.children[part] = server.child
                server.start()
            for part in wanted:
                self._servers[part].wait_until_ready()
                self.environment |= self._addresses(self._servers[part])

    def _make(self, part: Part) -> Server:
        if part is Part.POSTGRES:
            return EmbeddedPostgres(self.run, losable=self._losable)
        if part is Part.VALKEY:
            return EmbeddedValkey(self.run)
        time_scale = env_float("SIMULATOR_TIME_SCALE", 60.0, minimum=0.001)
        return EmbeddedSimulator(
            self.run, time_scale=time_scale, subscriptions=env_int("SIMULATOR_SUBSCRIPTIONS", 1, minimum=1)
        )

    def _addresses(self, server: Server) -> dict[str, str]:
        """Variables for children; secrets go by file, so that they stand in no process's environment."""
        match server:
            case EmbeddedPostgres():
                return {
                    "DATABASE_URL_FILE": str(self.run.keep_secret("database_url", server.address(APPLICATION).url())),
                    "MIGRATION_DATABASE_URL_FILE": str(self.run.keep_secret("owner_url", server.address(OWNER).url())),
                }
            case EmbeddedValkey():
                return {"BROKER_URL_FILE": str(self.run.keep_secret("broker_url", server.url))}
            case EmbeddedSimulator():
                return server.environment()
        return {}

    def _start_processes(self) -> None:
        self.run.secret("django_secret_key")
        if not is_set("SECRET_KEY"):
            self.environment["SECRET_KEY_FILE"] = str(self.run.secret_path("django_secret_key"))
        if not self._parts - set(SERVER_PARTS):
            return
        given = [variable for variable in REPLACED_BY.values() if is_set(variable)]
        if given:
            with self._step(f"Asking who answers at {', '.join(given)}"):
                run_to_end(Program("reachable", python("manage.py", "reachable"), self.environment), self.run)
        with self._step("Migrating the database"):
            run_to_end(Program("migrate", python("manage.py", "migrate", "--no-input"), self.environment), self.run)
        programs = self._programs()
        with self._step(f"Starting {', '.join(program.name for program in programs)}"):
            for program in programs:
                self.children[program.name] = child = Child(program, self.run)
                child.start()
            # Meanwhile: beat reads schedules again when they change, and nobody else needs these rows yet.
            run_to_end(Program("prepare", python("manage.py", "prepare"), self.environment), self.run)
            if Part.WEB in self._parts:
                self.children[Part.WEB].wait_until(self._web_answers)

    def _programs(self) -> list[Program]:
        """Web, workers and beat as their programs; all from the same environment."""
        programs: list[Program] = []
        if Part.WEB in self._parts:
            self.web_port = self.run.port("web", preferred=8000)
            serve = ("-m", "granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(self.web_port))
            threads = ("--workers", "1", "--blocking-threads", "4", "--no-ws", "--respawn-failed-workers")
            programs.append(self._program(Part.WEB, *serve, *threads, "controlplane.wsgi:application"))
        if Part.WORKERS in self._parts:
            programs += [self._worker(group) for group in worker_groups()]
        if Part.BEAT in self._parts:
            pid_file = ("--pidfile", "")  # the advisory lock decides who beats, not a file
            beat = self._program(Part.BEAT, *CELERY, "beat", *pid_file, "--loglevel", "INFO")
            programs.append(replace(beat, death_signal=signal.SIGKILL))
        return programs

    def _worker(self, group: WorkerGroup) -> Program:
        """Without the stack its broker is gone too: a worker that tries to end gently waits for it, and lives on."""
        program = self._program(group.name, *CELERY, *group.arguments())
        environment = {**program.environment, **group.environment()}
        return replace(program, environment=environment, death_signal=signal.SIGKILL)

    def _program(self, name: str, *arguments: str) -> Program:
        shutdown = {"REMAP_SIGTERM": "SIGQUIT", "WORKER_SHUTDOWN_SECONDS": "5"}
        in_order = {"PYTHONUNBUFFERED": "1"}  # what is printed stands in the log where it was said
        return Program(name, python(*arguments), {**shutdown, **in_order, **self.environment})

    def _web_answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.web_url}/readyz", timeout=2) as answer:  # noqa: S310  (our own http)
                return bool(answer.status == 200)
        except (urllib.error.URLError, OSError):
            return False

    @property
    def web_url(self) -> str:
        """Where the console and the API are, without a slash at the end."""
        return f"http://localhost:{self.web_port}"


def python(*arguments: str) -> list[str]:
    """A command for this very interpreter."""
    return [sys.executable, *arguments]
