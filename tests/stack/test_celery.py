"""Real workers and beats on a real broker: what they cost PostgreSQL, and that two beats are as good as one."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
import pytest
import redis
from django.db import connection
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from controlplane.beat import Leadership
from controlplane.celery import app
from tests.databases import ROOT

TASK = "tests.stack.tasks.note_backend"
INTERVAL_SECONDS = 0.25


@contextmanager
def celery(*arguments: str, environment: dict[str, str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """A Celery process of the product; killed at the end."""
    command = [sys.executable, "-m", "celery", "--app", "controlplane.celery", *arguments]
    with log.open("wb") as output:
        process = subprocess.Popen(command, cwd=ROOT, env=environment, stdout=output, stderr=output)
    try:
        yield process
    finally:
        process.kill()
        process.wait()


def wait_for(what: Callable[[], bool], *, log: Path, seconds: float = 40.0) -> None:
    """Wait for another process to have done something; fails with its log."""
    deadline = time.monotonic() + seconds
    while not what():
        assert time.monotonic() < deadline, log.read_text()[-3000:]
        time.sleep(0.05)


def value_of(query: str) -> int:
    with connection.cursor() as cursor:
        cursor.execute(query)
        row = cursor.fetchone()
    return int(row[0])


@pytest.fixture
def broker(broker_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(broker_url, socket_timeout=5) as client:
        client.flushdb()
        yield client
        client.flushdb()


def test_three_hundred_tasks_use_few_database_connections(
    committed_db: None, child_environment: dict[str, str], broker: redis.Redis, broker_url: str, tmp_path: Path
) -> None:
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS noted_backends (pid int)")
    with app.connection_for_write(broker_url) as publisher:
        for _ in range(300):
            app.send_task(TASK, connection=publisher)
    arguments = (
        "worker",
        "--include",
        "tests.stack.tasks",
        "--queues",
        "maintenance",
        "--concurrency",
        "2",
        "--without-mingle",
    )
    with celery(*arguments, environment=child_environment, log=tmp_path / "worker"):
        wait_for(lambda: value_of("SELECT count(*) FROM noted_backends") == 300, log=tmp_path / "worker")
    # Two children, each renewing its connection after 100 tasks: six at most, where the default makes three hundred.
    assert 1 <= value_of("SELECT count(DISTINCT pid) FROM noted_backends") <= 6


def test_two_beats_send_once_and_the_second_takes_over(
    committed_db: None, child_environment: dict[str, str], broker: redis.Redis, tmp_path: Path
) -> None:
    every = IntervalSchedule.objects.create(every=int(INTERVAL_SECONDS * 1e6), period=IntervalSchedule.MICROSECONDS)
    PeriodicTask.objects.create(name="probe", task=TASK, interval=every)
    with two_beats(child_environment, tmp_path) as (leader, log):
        began, before = time.monotonic(), int(broker.llen("maintenance"))
        wait_for(lambda: broker.llen("maintenance") >= before + 8, log=log)
        sent, slots = broker.llen("maintenance") - before, (time.monotonic() - began) / INTERVAL_SECONDS
        assert sent <= slots + 2  # two that both send make twice as many as there are slots
        leader.kill()
        leader.wait()
        left_behind = broker.llen("maintenance")
        wait_for(lambda: broker.llen("maintenance") >= left_behind + 4, log=log)


@contextmanager
def two_beats(environment: dict[str, str], directory: Path) -> Iterator[tuple[subprocess.Popen[bytes], Path]]:
    """The process of the one that leads, and the log of the other."""
    first, second = directory / "first", directory / "second"
    arguments = ("beat", "--pidfile", "", "--loglevel", "INFO")
    with (
        celery(*arguments, "--schedule", str(directory / "a"), environment=environment, log=first) as one,
        celery(*arguments, "--schedule", str(directory / "b"), environment=environment, log=second) as other,
    ):
        for word in ("beat.leading", "beat.following"):
            wait_for(lambda word=word: word in first.read_text() + second.read_text(), log=first)
        leads = "beat.leading" in first.read_text()
        yield (one, second) if leads else (other, first)


def test_a_beat_told_to_end_in_the_middle_of_a_statement_ends(
    committed_db: None, child_environment: dict[str, str], broker: redis.Redis, test_database, tmp_path: Path
) -> None:
    """It has sent something that it wants to save, and PostgreSQL makes it wait, when the signal comes."""
    every = IntervalSchedule.objects.create(every=int(INTERVAL_SECONDS * 1e6), period=IntervalSchedule.MICROSECONDS)
    PeriodicTask.objects.create(name="probe", task=TASK, interval=every)
    quick = {"CANARY_SECONDS": "0.5", "DATABASE_LOCK_TIMEOUT_SECONDS": "3"}
    waiting = "SELECT count(*) FROM pg_locks WHERE NOT granted AND relation = 'operations_heartbeat'::regclass"
    arguments, log = ("beat", "--pidfile", "", "--schedule", str(tmp_path / "a")), tmp_path / "beat"
    with (
        celery(*arguments, environment={**child_environment, **quick}, log=log) as beat,
        psycopg.connect(test_database.url().reveal()) as other,
    ):
        wait_for(lambda: broker.llen("maintenance") >= 4, log=log)
        other.execute("LOCK TABLE operations_heartbeat IN ACCESS EXCLUSIVE MODE")
        wait_for(lambda: value_of(waiting) == 1, log=log)
        beat.terminate()
        assert beat.wait(20) == 0, log.read_text()


def test_only_one_leads_at_a_time(committed_db: None) -> None:
    first, second = Leadership(), Leadership()
    assert first.held()
    assert not second.held()
    assert first.held()
    first.resign()
    assert second.held()
    second.resign()


def test_a_leader_whose_session_ended_notices_it_before_it_sends(committed_db: None, test_database) -> None:
    first, second = Leadership(), Leadership()
    assert first.held()
    with psycopg.connect(test_database.url().reveal(), autocommit=True) as other:
        other.execute("SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND granted")
    assert second.held()
    assert not first.held()
    second.resign()
