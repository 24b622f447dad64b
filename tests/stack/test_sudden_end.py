"""When the stack's own process is killed, nothing that it started lives on, not even what hangs."""

from __future__ import annotations

import signal
from pathlib import Path

import psutil

from tests.stack.test_embedded import alive, command, no_servers_of_the_test_run, pids, wait_for

__all__ = ["no_servers_of_the_test_run"]
EVERYTHING = "postgres,valkey,simulator,web,workers,beat"
START_SECONDS, END_SECONDS = 150.0, 30.0


def test_nothing_lives_on_after_the_stack_was_killed_though_workers_hang(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with command("run", "--", "sleep", "1000", run=run, parts=EVERYTHING) as process:
        wait_for((run / "environment.json").exists, seconds=START_SECONDS)
        stack = psutil.Process(process.pid)
        wait_for(lambda: len(children_of("worker-isolated", run)) == 2, seconds=START_SECONDS)
        every = [one.pid for one in stack.children(recursive=True)]
        assert len(every) >= 10, "servers, web and its own child, three workers and two children, beat, the command"
        for name in ("worker-advance", "worker-isolated", "worker-observe", "beat"):
            psutil.Process(pids(run)[name]).send_signal(signal.SIGSTOP)  # hears no gentle word
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: not [pid for pid in every if alive(pid)], seconds=END_SECONDS)


def children_of(name: str, run: Path) -> list[psutil.Process]:
    found: list[psutil.Process] = psutil.Process(pids(run)[name]).children()
    return found
