"""The product on this machine: `python -m controlplane.embedded up | down | status | run -- COMMAND | manage WORDS`."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rich.console import Console

from cloud import factory
from cloud.settings import SqlDriverKind
from cloud.sql_drivers import DriverInUse
from controlplane.embedded.launch import die_with_parent
from controlplane.embedded.processes import ROOT_OF_CODE, PartFailed, dying_with_us, leftover
from controlplane.embedded.run_directory import AlreadyRunning, RunDirectory
from controlplane.embedded.stack import ENVIRONMENT_FILE, EVERYTHING, EmbeddedStack, Part

WATCH_SECONDS = 0.5
DOWN_SECONDS = 60.0
console = Console(highlight=False, soft_wrap=True)


class Interrupted(BaseException):
    """A signal asked us to end; `code` is the exit code that shells expect for it."""

    def __init__(self, number: int) -> None:
        super().__init__(number)
        self.code = 128 + number


@contextmanager
def shown_step(text: str) -> Iterator[None]:
    """A spinner at a terminal, then one line with the time taken."""
    began = time.monotonic()
    with console.status(f"{text} …"):
        yield
    console.print(f"  [green]✓[/] {text} [dim]{time.monotonic() - began:.1f} s[/]")


def main() -> int:
    """Exit code: 0 for success, the command's own for `run`, 1 for a failed part or a stack that runs already."""
    arguments = _arguments()
    path = Path(os.environ.get("RUN_DIRECTORY", ROOT_OF_CODE / ".run"))
    try:
        return _act(arguments, path)
    except (PartFailed, AlreadyRunning) as failure:
        console.print("[red]✗[/]", end=" ")
        console.print(str(failure), markup=False)
    except PermissionError as failure:
        console.print(f"[red]✗[/] {failure.filename} belongs to another user: remove it, or set RUN_DIRECTORY.")
    except Interrupted as interruption:
        return interruption.code
    return 1


def _act(arguments: argparse.Namespace, path: Path) -> int:
    match arguments.action:
        case "down":
            return down(path)
        case "status":
            return status(path)
        case "manage":
            return manage(path, arguments.command)
        case "up":
            return up(path, fresh=arguments.fresh)
    return run(path, arguments.command, fresh=arguments.fresh)


def up(path: Path, *, fresh: bool) -> int:
    """Start everything and stay until asked to end; parts that end by themselves are started again."""
    try:
        with _stack(path, fresh=fresh) as stack:
            console.print(_operator_login(stack))
            console.print(f"  SQL      {_sql_driver(stack)}")
            console.print(f"  Console  [bold]{stack.web_url}/console/[/]\n  Logs     {stack.run.path}/logs\n")
            console.print("  Ctrl-C, or `make down` elsewhere, stops it.\n")
            while True:
                _look_after(stack)
                time.sleep(WATCH_SECONDS)
    except Interrupted:
        return 0  # being asked to end is how it ends


def run(path: Path, command: list[str], *, fresh: bool) -> int:
    """Start everything, run the command with the addresses in its environment, stop everything."""
    with _stack(path, fresh=fresh) as stack:
        environment = {**os.environ, **stack.environment, "CONSOLE_URL": f"{stack.web_url}/console/"}
        process = subprocess.Popen(dying_with_us(command), cwd=ROOT_OF_CODE, env=environment)
        try:
            while process.poll() is None:
                _look_after(stack)
                time.sleep(WATCH_SECONDS)
        finally:
            process.terminate()
            process.wait()
        return process.returncode


def down(path: Path) -> int:
    """Ask the running stack to stop, and wait until it has."""
    directory = RunDirectory(path)
    holder = directory.holder()
    if holder is None:
        console.print("Nothing runs.")
        return 0
    deadline = time.monotonic() + DOWN_SECONDS
    with shown_step("Stopping"):
        os.kill(holder, signal.SIGTERM)
        while directory.holder() == holder and time.monotonic() < deadline:
            time.sleep(WATCH_SECONDS / 10)
    return 0 if directory.holder() is None else 1


def manage(path: Path, command: list[str]) -> int:
    """Run one of Django's commands against the running stack."""
    addresses = RunDirectory(path).read_json(ENVIRONMENT_FILE)
    if not addresses:
        console.print("Nothing runs: start it with `make up`.")
        return 1
    return subprocess.call([sys.executable, "manage.py", *command], cwd=ROOT_OF_CODE, env={**os.environ, **addresses})


def status(path: Path) -> int:
    """Show which parts run, and where. Exit code 0 only when a stack holds the directory."""
    directory = RunDirectory(path)
    holder = directory.holder()
    console.print(f"Running, process {holder}." if holder else "Nothing runs.")
    ports = directory.read_json("ports.json")
    for file in sorted((directory.path / "pids").glob("*.json")):
        process = leftover(directory, file.stem)
        state = f"process {process.pid}" if process else "gone"
        console.print(f"  {file.stem:16} {state:16} port {ports.get(file.stem, '-')}")
    return 0 if holder else 1


@contextmanager
def _stack(path: Path, *, fresh: bool) -> Iterator[EmbeddedStack]:
    die_with_parent(signal.SIGTERM)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, _interrupt)
    parts = {Part(name) for name in os.environ.get("STACK_PARTS", ",".join(EVERYTHING)).split(",")}
    with EmbeddedStack(path, parts, step=shown_step, fresh=fresh) as stack:
        try:
            yield stack
        finally:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                signal.signal(
                    number, signal.SIG_IGN
                )  # stopping in order takes seconds; a second Ctrl-C must not cut it


def _interrupt(number: int, _: object) -> None:
    raise Interrupted(number)


def _look_after(stack: EmbeddedStack) -> None:
    for name in stack.look_after():
        console.print(
            f"  [yellow]![/] {name} ended by itself and was started again; its log is {stack.run.log(name)}.1"
        )


def _operator_login(stack: EmbeddedStack) -> str:
    command = [sys.executable, "manage.py", "ensure_operator"]
    environment = {**os.environ, **stack.environment}
    return subprocess.run(command, cwd=ROOT_OF_CODE, env=environment, check=True, capture_output=True, text=True).stdout


def _sql_driver(stack: EmbeddedStack) -> DriverInUse:
    """What its workers sign in with."""
    chosen = stack.environment.get("AZURE_SQL_DRIVER") or os.environ.get("AZURE_SQL_DRIVER") or SqlDriverKind.AUTO
    return factory.driver_in_use(SqlDriverKind(chosen))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m controlplane.embedded", description=__doc__)
    actions = parser.add_subparsers(dest="action", required=True)
    actions.add_parser("down", help="stop the running stack")
    actions.add_parser("status", help="show what runs")
    for name, text in (("up", "start everything and stay"), ("run", "start everything for one command")):
        action = actions.add_parser(name, help=text)
        action.add_argument("--fresh", action="store_true", help="forget the data and secrets of earlier runs first")
    actions.add_parser("manage", help="one of Django's commands against the running stack")
    for name in ("run", "manage"):
        actions.choices[name].add_argument("command", nargs=argparse.REMAINDER)
    arguments = parser.parse_args()
    if arguments.action in ("run", "manage"):
        arguments.command = arguments.command[arguments.command[:1] == ["--"] :]
        if not arguments.command:
            parser.error(f"{arguments.action} needs a command")
    return arguments


if __name__ == "__main__":
    sys.exit(main())
