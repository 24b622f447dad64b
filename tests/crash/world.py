"""A world to break: rows and a simulated Azure, made once, copied for each case; workers that live, die and go on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from django.db import connection, transaction

from cloud import factory
from operations import engine
from operations.failpoints import Crash
from operations.models import Operation
from provisioning import observe
from tests.local_azure import LocalAzure, unsettled, work

LEASE_AND_MORE_SECONDS = 100.0
LONGEST_JUMP_SECONDS = 300.0
ROUNDS = 400

OUR_TABLES = """
SELECT c.relname FROM pg_class c
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
AND c.relname ~ '^(inventory|operations|rotation|placement|notifications|provisioning)_' ORDER BY 1
"""

NEXT_DUE = """
SELECT extract(epoch FROM least(
    (SELECT min(due_at) FROM operations_operation WHERE state IN ('queued', 'running') AND follows_id IS NULL),
    (SELECT min(greatest(observe_due_at, observe_lease_until)) FROM inventory_sqlserver WHERE status <> 'deleted')
) - operations_now())
"""


@dataclass(frozen=True)
class Snapshot:
    """All rows of ours, table by table as COPY writes them, and the journal of Azure."""

    rows: dict[str, bytes]
    journal: bytes


class World:
    """One case: PostgreSQL holds its rows, `local` is its Azure. `reads_lag`: Azure's reads show what was some seconds ago."""

    def __init__(self, directory: Path, snapshot: Snapshot | None = None, **options: object) -> None:
        self._directory = directory
        self.reads_lag = bool(options.get("stale_seconds"))
        if snapshot is not None:
            _put_rows(snapshot.rows)
            directory.mkdir(parents=True, exist_ok=True)
            (directory / "journal.jsonl").write_bytes(snapshot.journal)
        self.local = LocalAzure(directory=directory, **options)
        self._effects_before = len(self.local.effects())

    def snapshot(self) -> Snapshot:
        """What a copy of this world starts from; this one is over."""
        self.local.azure.close()
        return Snapshot(_take_rows(), (self._directory / "journal.jsonl").read_bytes())

    def close(self) -> None:
        self.local.azure.close()

    def effects(self) -> list[str]:
        """What was done in Azure since this world began, by Azure's own words."""
        return [effect["operation"] for effect in self.local.effects()[self._effects_before :]]

    def run(self, begin: Callable[[], object]) -> None:
        """Begin, then let workers work until nothing is left to do; whoever dies is replaced when the lease is over."""
        for action in (begin, self.finish):
            while True:
                try:
                    action()
                    break
                except Crash:
                    self.bury()
                    if action is begin:
                        break  # what had been committed stands

    def finish(self) -> None:
        """Work, and let time pass to the next due moment, until all operations are over. Fails when that never comes."""
        for _ in range(ROUNDS):
            work()
            if not unsettled():
                return
            self.local.pass_time(_seconds_to_next_due())
        raise AssertionError("not settled: " + "; ".join(map(describe, unsettled())))

    def bury(self) -> None:
        """The process is gone: its session, its clients, its memory; time passes until its leases are over."""
        connection.close()
        self.local.new_clients()
        self.local.pass_time(LEASE_AND_MORE_SECONDS)

    def others_finish(self) -> None:
        """While one worker is stuck, its lease ends and others do everything there is to do."""
        with _another_process(self.local):
            self.local.pass_time(LEASE_AND_MORE_SECONDS)
            self.finish()

    def others_get_the_same_messages(self) -> None:
        """The messages were delivered twice: another worker looks at every row right now."""
        with _another_process(self.local):
            engine.advance_due()
            observe.observe_due()


def describe(operation: Operation) -> str:
    o = operation
    return f"{o.kind} {o.state} at {o.step}, attempt {o.attempt}: {o.error_code} {o.error_message} {o.waits_why}"


class _another_process:  # reads as a phrase
    """Clients of its own for the time being."""

    def __init__(self, local: LocalAzure) -> None:
        self._local = local

    def __enter__(self) -> None:
        assert not connection.in_atomic_block, "a transaction is open across a call to the outside"
        self._kept = factory._clients
        self._local.new_clients()

    def __exit__(self, *_: object) -> None:
        factory._clients = self._kept


def _seconds_to_next_due() -> float:
    with connection.cursor() as cursor:
        cursor.execute(NEXT_DUE)
        seconds = cursor.fetchone()[0]
    return min(max(float(seconds or 0.0), 1.0), LONGEST_JUMP_SECONDS)


def _take_rows() -> dict[str, bytes]:
    rows: dict[str, bytes] = {}
    with connection.cursor() as cursor:
        cursor.execute(OUR_TABLES)
        for (table,) in cursor.fetchall():
            with cursor.copy(f"COPY (SELECT * FROM {table}) TO STDOUT") as copy:
                rows[table] = b"".join(bytes(block) for block in copy)
    return rows


def _put_rows(rows: dict[str, bytes]) -> None:
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("SET LOCAL session_replication_role = replica")  # no foreign keys, no triggers that refuse it
        cursor.execute(";".join(f"DELETE FROM {table}" for table in rows))
        for table, content in rows.items():
            if content:
                with cursor.copy(f"COPY {table} FROM STDIN") as copy:
                    copy.write(content)
