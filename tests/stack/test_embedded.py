"""The one-command stack: what a killed one leaves behind, what the next one finds, and whom it never kills."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from controlplane.embedded import AlreadyRunning, EmbeddedStack, Part, PartFailed
from controlplane.embedded.launch import CAP_DAC_OVERRIDE
from controlplane.embedded.postgres import OWNER
from controlplane.embedded.processes import LAUNCHER
from tests.databases import ROOT

COMMAND = [sys.executable, "-m", "controlplane.embedded"]
OTHERS = ("DATABASE_URL", "MIGRATION_DATABASE_URL", "BROKER_URL")


@pytest.fixture(autouse=True)
def no_servers_of_the_test_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """The addresses of the run's own servers would replace the parts under test."""
    for name in OTHERS:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(f"{name}_FILE", raising=False)


@contextmanager
def command(*words: str, run: Path, parts: str) -> Iterator[subprocess.Popen[bytes]]:
    """The stack as its own process, killed at the end."""
    environment = {**os.environ, "RUN_DIRECTORY": str(run), "STACK_PARTS": parts}
    with (run.parent / "output").open("ab") as output:
        process = subprocess.Popen([*COMMAND, *words], cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], *, seconds: float = 30.0) -> None:
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def pids(run: Path) -> dict[str, int]:
    files = (run / "pids").glob("*.json")
    return {file.stem: json.loads(file.read_text())["pid"] for file in files}


def alive(pid: int) -> bool:
    return psutil.pid_exists(pid) and psutil.Process(pid).status() != psutil.STATUS_ZOMBIE


def owner_connection(stack: EmbeddedStack) -> psycopg.Connection:
    return psycopg.connect(stack.postgres.address(OWNER).url().reveal(), autocommit=True)


def test_a_second_start_finds_the_data(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.POSTGRES}) as stack, owner_connection(stack) as connection:
        connection.execute("CREATE TABLE kept (id int)")
    with EmbeddedStack(tmp_path, {Part.POSTGRES}) as stack, owner_connection(stack) as connection:
        assert connection.execute("SELECT count(*) FROM kept").fetchone() == (0,)


def test_a_fresh_start_finds_nothing(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.VALKEY}) as stack:
        first = stack.run.secret("valkey")
    with EmbeddedStack(tmp_path, {Part.VALKEY}, fresh=True) as stack:
        assert stack.run.secret("valkey") != first


def test_a_held_directory_is_refused_by_the_holders_number(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, ()), pytest.raises(AlreadyRunning, match=str(os.getpid())):
        EmbeddedStack(tmp_path, ()).__enter__()


def test_everything_ends_when_the_stack_is_killed_and_starts_again_with_its_data(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with command("run", "--", "sleep", "1000", run=run, parts="postgres,valkey") as process:
        wait_for((run / "environment.json").exists)
        left = pids(run)
        assert set(left) == {"postgres", "valkey"}
        process.send_signal(signal.SIGKILL)
        process.wait()
        wait_for(lambda: not any(map(alive, left.values())))
    with EmbeddedStack(run, {Part.POSTGRES}) as stack, owner_connection(stack) as connection:
        assert connection.execute("SELECT current_database()").fetchone() == ("spp",)


def test_the_commands_exit_code_is_ours(tmp_path: Path) -> None:
    with command("run", "--", "sh", "-c", "exit 7", run=tmp_path, parts="valkey") as process:
        assert process.wait(30) == 7


def test_down_stops_what_runs_elsewhere(tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    with command("run", "--", "sleep", "1000", run=run, parts="valkey") as process:
        wait_for((run / "environment.json").exists)
        with command("down", run=run, parts="") as down:
            assert down.wait(30) == 0
        assert process.wait(30) == 128 + signal.SIGTERM
        assert pids(run) == {}


def test_what_a_dead_run_left_running_is_ended_before_the_start(tmp_path: Path) -> None:
    stack = EmbeddedStack(tmp_path, {Part.VALKEY}).__enter__()
    survivor = stack.children[Part.VALKEY].pid
    stack.run.release()  # as the kernel does when the holder dies
    with EmbeddedStack(tmp_path, {Part.VALKEY}) as again:
        assert not alive(survivor)
        assert alive(again.children[Part.VALKEY].pid)


def test_a_stranger_with_a_remembered_number_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "1000"])
    try:
        (tmp_path / "pids").mkdir()
        document = {"pid": stranger.pid, "created": psutil.Process(stranger.pid).create_time() - 60, "stop_signal": 15}
        (tmp_path / "pids" / "valkey.json").write_text(json.dumps(document))
        with EmbeddedStack(tmp_path, {Part.VALKEY}):
            assert stranger.poll() is None
    finally:
        stranger.kill()
        stranger.wait()


def test_a_killed_part_comes_back_at_its_address_with_its_data(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.VALKEY}) as stack:
        url = Path(stack.environment["BROKER_URL_FILE"]).read_text()
        with redis.Redis.from_url(url, socket_timeout=5) as client:
            client.set("kept", "yes")
            stack.children[Part.VALKEY].signal(signal.SIGKILL)
            wait_for(lambda: stack.look_after() == ["valkey"])
            assert client.get("kept") == b"yes"


def test_a_part_that_will_not_start_names_its_log_and_shows_its_end(tmp_path: Path) -> None:
    (tmp_path / "postgres").mkdir()
    (tmp_path / "postgres" / "PG_VERSION").write_text("9.6")
    with pytest.raises(PartFailed, match=r"postgres failed; its log is .*/logs/postgres\.log\n  \| "):
        EmbeddedStack(tmp_path, {Part.POSTGRES}).__enter__()
    EmbeddedStack(tmp_path, ()).__enter__().stop()  # the failed start let the directory go


def test_secrets_are_for_this_user_alone_and_in_no_processes_environment(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.POSTGRES, Part.VALKEY}) as stack:
        files = list((tmp_path / "secrets").iterdir())
        assert len(files) >= 6
        assert {file.stat().st_mode & 0o077 for file in files} == {0}
        secrets = {file.read_text() for file in files}
        assert secrets.isdisjoint(stack.environment.values())


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_postgresql_does_not_run_as_root_even_where_only_root_may_look(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    with EmbeddedStack(closed / "run", {Part.POSTGRES}) as stack:
        assert psutil.Process(stack.children[Part.POSTGRES].pid).uids().effective != 0


@pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")
def test_whom_root_becomes_keeps_the_right_to_pass_closed_directories_and_no_other(tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    program = closed / "program"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o700)
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER), str(os.getpid()), "15", "65534"]
    report = "import os, sys; print(os.geteuid(), os.access(sys.argv[1], os.X_OK), open('/proc/self/status').read())"
    command = [*launcher, sys.executable, "-c", report, str(program)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    user, may_pass, status = done.stdout.split(" ", 2)
    assert (user, may_pass) == ("65534", "True")
    assert int(status.split("CapEff:")[1].split()[0], 16) == 1 << CAP_DAC_OVERRIDE
