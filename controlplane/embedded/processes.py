"""Child processes that end with us, write to a log of their own and are found again after a crash of their parent."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

import psutil

from controlplane.embedded.run_directory import RunDirectory

LAUNCHER = Path(__file__).with_name("launch.py")
ROOT_OF_CODE = Path(__file__).resolve().parents[2]
STOP_SECONDS = 20.0
LOOK_AGAIN_SECONDS = 0.02
SAME_START_SECONDS = 1.0  # the kernel counts ticks since boot, and the clock may have been set since
TAIL_LINES = 20
STAY_THE_SAME_USER = -1


class PartFailed(Exception):
    """A part did not start or ended by itself; the text names its log and shows the last lines."""


@dataclass(frozen=True, slots=True)
class Program:
    """How to run one part. `stop_signal` ends it gently; `death_signal` (the same, unless given) ends it when its parent
    dies; `user_id` is for root only."""

    name: str
    command: Sequence[str]
    environment: Mapping[str, str] = field(default_factory=dict)
    stop_signal: signal.Signals = signal.SIGTERM
    user_id: int = STAY_THE_SAME_USER
    death_signal: signal.Signals | None = None
    output: Path | None = None  # standard output, where it is not to go to the log


class Child:
    """One running program. Started by `start`, ended by `stop`; `ensure_alive` raises when it ended by itself."""

    def __init__(self, program: Program, run: RunDirectory) -> None:
        self.program = program
        self._run = run
        self._process: subprocess.Popen[bytes] | None = None
        self._asked = False

    @property
    def pid(self) -> int:
        """The process id. Raises PartFailed when it was never started."""
        if self._process is None:
            raise PartFailed(f"{self.program.name} was not started.")
        return self._process.pid

    @property
    def alive(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def start(self) -> None:
        """End what an earlier run left behind, then launch."""
        end_leftover(self._run, self.program.name)
        log = self._run.log(self.program.name)
        rotate(log)
        with log.open("ab") as log_file, _output(self.program.output, log) as output_file:
            self._process = subprocess.Popen(
                self._command(),
                cwd=ROOT_OF_CODE,
                env={**os.environ, **self.program.environment},
                stdin=subprocess.DEVNULL,
                stdout=output_file,
                stderr=log_file,
                start_new_session=True,  # Ctrl-C reaches the stack alone, which ends its parts in order
            )
        self._asked = False
        remember(self._run, self.program, self._process.pid)

    def signal(self, number: signal.Signals) -> None:
        """Send a signal, e.g. SIGKILL to see what becomes of the rest."""
        os.kill(self.pid, number)

    def kill(self) -> None:
        """End a process that does nothing any more, with all it has started, and wait until it is gone."""
        self.signal(signal.SIGKILL)
        kill_group(self.pid)
        if self._process is not None:
            self._process.wait()

    def ensure_alive(self) -> None:
        """Raise PartFailed, with the end of the log, when the process is gone."""
        if not self.alive:
            raise PartFailed(failure_text(self.program.name, self._run.log(self.program.name)))

    def wait_until(self, ready: Callable[[], bool], *, seconds: float = 60.0) -> None:
        """Wait for the part to say that it is ready. Raises PartFailed when it ends or the time is over."""
        deadline = time.monotonic() + seconds
        while not ready():
            self.ensure_alive()
            if time.monotonic() > deadline:
                raise PartFailed(failure_text(self.program.name, self._run.log(self.program.name)))
            time.sleep(LOOK_AGAIN_SECONDS)

    def wait(self) -> int:
        """Wait for the program to end by itself; its exit code."""
        code = self._process.wait() if self._process else 0
        forget(self._run, self.program.name)
        return code

    def ask_to_stop(self) -> None:
        """Send the gentle signal without waiting, so that several parts end at the same time."""
        if self.alive and not self._asked:
            self.signal(self.program.stop_signal)  # once: a worker takes a second one for impatience
            self._asked = True

    def stop(self, *, seconds: float = STOP_SECONDS) -> None:
        """Ask gently, then kill, together with whatever it started. Harmless when it is gone already."""
        if self._process is None:
            return
        if self.alive:
            self.ask_to_stop()
            try:
                self._process.wait(seconds)
            except subprocess.TimeoutExpired:
                self._process.kill()
        kill_group(self._process.pid)
        self._process.wait()
        forget(self._run, self.program.name)

    def _command(self) -> list[str]:
        death_signal = self.program.death_signal or self.program.stop_signal
        return _launched(self.program.command, death_signal=death_signal, user_id=self.program.user_id)


def dying_with_us(command: Sequence[str]) -> list[str]:
    """The command, found on PATH and killed when this process ends without having ended it."""
    program = shutil.which(command[0]) or command[0]
    return _launched([program, *command[1:]], death_signal=signal.SIGKILL, user_id=STAY_THE_SAME_USER)


def _launched(command: Sequence[str], *, death_signal: signal.Signals, user_id: int) -> list[str]:
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return [*launcher, str(os.getpid()), str(int(death_signal)), str(user_id), *command]


def run_to_end(program: Program, run: RunDirectory) -> None:
    """Run a program that ends by itself. Raises PartFailed when it ends badly."""
    child = Child(program, run)
    child.start()
    try:
        code = child.wait()
    finally:
        child.stop()
    if code != 0:
        raise PartFailed(failure_text(program.name, run.log(program.name)))


def remember(run: RunDirectory, program: Program, pid: int) -> None:
    """Write down who the process is: a number alone may belong to somebody else later."""
    identity = {"pid": pid, "created": psutil.Process(pid).create_time(), "stop_signal": int(program.stop_signal)}
    run.write_json(f"pids/{program.name}.json", identity)


def forget(run: RunDirectory, name: str) -> None:
    (run.path / f"pids/{name}.json").unlink(missing_ok=True)


def leftover(run: RunDirectory, name: str) -> psutil.Process | None:
    """The process of that name which an earlier run left behind, or None. Start times tell it from a stranger."""
    document = run.read_json(f"pids/{name}.json")
    try:
        process = psutil.Process(int(document["pid"]))
        ours = abs(process.create_time() - float(document["created"])) < SAME_START_SECONDS
        return process if ours and process.status() != psutil.STATUS_ZOMBIE else None
    except (KeyError, ValueError, psutil.NoSuchProcess):
        return None


def end_leftovers(run: RunDirectory) -> None:
    """Stop what an earlier run left behind, gently first: it may be busy saving what this one is to find."""
    for file in (run.path / "pids").glob("*.json"):
        end_leftover(run, file.stem)


def end_leftover(run: RunDirectory, name: str) -> None:
    """Stop one process of an earlier run; harmless when there is none."""
    process = leftover(run, name)
    if process is not None:
        try:
            process.send_signal(run.read_json(f"pids/{name}.json").get("stop_signal", signal.SIGTERM))
            process.wait(STOP_SECONDS)
        except psutil.TimeoutExpired:
            process.kill()
            process.wait(STOP_SECONDS)
        except psutil.NoSuchProcess:
            pass  # it was on its way out
        kill_group(process.pid)
    forget(run, name)


def kill_group(leader: int) -> None:
    """Kill what a process started and left behind in its session."""
    try:
        os.killpg(leader, signal.SIGKILL)
    except (ProcessLookupError, PermissionError):
        return  # nobody is left, or the number went to another user's group


def rotate(log: Path) -> None:
    """Start a log anew, keeping the one before."""
    if log.exists():
        log.replace(log.with_suffix(".log.1"))


def failure_text(name: str, log: Path) -> str:
    """What to read, and its last lines."""
    lines = log.read_text(encoding="utf-8", errors="replace").splitlines() if log.exists() else []
    return "\n".join((f"{name} failed; its log is {log}", *(f"  | {line}" for line in lines[-TAIL_LINES:])))


def _output(path: Path | None, log: Path) -> IO[bytes]:
    if path is None:
        return log.open("ab")
    path.unlink(missing_ok=True)
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb")
