"""Taking rows to work on: by a conditional update, so that exactly one worker wins, and only for a while."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.conf import settings

from operations import counting, prepared
from operations.clock import DatabaseNow
from operations.failpoints import hit
from operations.models import Operation, StepRun
from operations.workflow import Mode, Step, steps_served, workflow_of

BATCHED = (Mode.LOOKS,)
ONE_BY_ONE = (Mode.ACTS, Mode.DECIDES)
COLUMNS = tuple(field.attname for field in Operation._meta.concrete_fields)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours until `ends` (monotonic seconds): fence and claim token prove it. `run_id` names the intent of a
    step that acts outside."""

    operation: Operation
    step: Step
    ends: float
    run_id: UUID | None

    def seconds_left(self) -> float:
        return self.ends - time.monotonic()

    def now(self) -> datetime:
        """The database's clock, counted on from the claim."""
        assert self.operation.claimed_at is not None, "a claim sets it"
        return self.operation.claimed_at + timedelta(seconds=settings.OPERATIONS_LEASE_SECONDS - self.seconds_left())


# Every workspace that has something due takes its turn: its n-th row comes after everybody's (n-1)-th, and its oldest
# operation first, so that what was begun is finished. The groups
# (step, priority, workspace) are found by jumping through the index operation_turn, a probe each, so that ten thousand
# rows of one workspace cost as much as one. More rows are considered than wanted, since others may be taking them; each
# is locked only when its turn has come (and found by its id: the states are put so that no partial index offers itself).
FAIRLY = """
WITH RECURSIVE moment AS MATERIALIZED (
    SELECT operations_now() AS now
), known AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(steps)s::text[]) AS known(kind, step)
), groups AS (
    SELECT first.* FROM known CROSS JOIN LATERAL (
        SELECT o.kind, o.step, o.priority, o.workspace, o.due_at FROM operations_operation o
        WHERE o.kind = known.kind AND o.step = known.step AND o.state IN ('queued', 'running') AND o.follows_id IS NULL
        ORDER BY o.priority, o.workspace, o.due_at LIMIT 1) first
    UNION ALL
    SELECT next.* FROM groups CROSS JOIN LATERAL (
        SELECT o.kind, o.step, o.priority, o.workspace, o.due_at FROM operations_operation o
        WHERE o.kind = groups.kind AND o.step = groups.step AND o.state IN ('queued', 'running')
          AND o.follows_id IS NULL AND (o.priority, o.workspace) > (groups.priority, groups.workspace)
        ORDER BY o.priority, o.workspace, o.due_at LIMIT 1) next
), considered AS (
    SELECT head.id, g.priority, g.workspace,
           row_number() OVER (PARTITION BY g.priority, g.workspace ORDER BY head.id) AS turn
    FROM groups g CROSS JOIN LATERAL (
        SELECT o.id, o.due_at FROM operations_operation o
        WHERE o.kind = g.kind AND o.step = g.step AND o.priority = g.priority AND o.workspace = g.workspace
          AND o.state IN ('queued', 'running') AND o.follows_id IS NULL AND o.due_at <= (SELECT now FROM moment)
        ORDER BY o.due_at LIMIT (SELECT 2 + %(limit)s * 2 / greatest(count(*), 1) FROM groups)) head
    WHERE g.due_at <= (SELECT now FROM moment)
), due AS (
    SELECT o.*, c.turn
    FROM (SELECT * FROM considered ORDER BY priority, turn, workspace <= %(last)s, workspace) c CROSS JOIN LATERAL (
        SELECT o.id, o.maybe_happened, o.lease_until, o.due_at FROM operations_operation o
        WHERE o.id = c.id AND o.state NOT IN ('needs_attention', 'succeeded', 'failed', 'cancelled')
          AND o.follows_id IS NULL AND o.due_at <= (SELECT now FROM moment)
        FOR UPDATE SKIP LOCKED) o
    LIMIT %(limit)s
)"""
TAKE = """, claimed AS (
    UPDATE operations_operation o
    SET state = 'running', fence = o.fence + 1, claim_token = gen_random_uuid(), lease_owner = %(owner)s,
        lease_until = moment.now + %(lease)s * interval '1 second', due_at = moment.now + %(lease)s * interval '1 second',
        claimed_at = moment.now, started_at = coalesce(o.started_at, moment.now),
        maybe_happened = o.maybe_happened OR (o.kind, o.step) IN (
            SELECT * FROM unnest(%(acting_kinds)s::text[], %(acting_steps)s::text[]))
    FROM due, moment WHERE o.id = due.id
    RETURNING o.*, due.turn, due.maybe_happened AS happened_before, due.lease_until AS lease_before,
        due.due_at AS was_due_at,
        CASE WHEN (o.kind, o.step) IN (
            SELECT * FROM unnest(%(acting_kinds)s::text[], %(acting_steps)s::text[])) THEN gen_random_uuid() END AS run_id
)"""
# A step that acts outside gets its intent here, and what an earlier claim of it left open is closed: nobody else will. Left
# out where no step acts, since planning it costs as much as claiming ten rows.
INTENTS = """, lost AS (
    UPDATE operations_step_run run SET finished_at = claimed.claimed_at, outcome = 'lost'
    FROM claimed WHERE run.operation_id = claimed.id AND run.finished_at IS NULL AND claimed.run_id IS NOT NULL
), intents AS (
    INSERT INTO operations_step_run (id, started_at, operation_id, step, run, target)
    SELECT run_id, claimed_at, id, step, fence, target_key FROM claimed WHERE run_id IS NOT NULL
)"""
IN_TURN = " SELECT * FROM claimed ORDER BY priority, turn, workspace <= %(last)s, workspace"


class Turns:
    """Whose turn it was last, by what was asked for. Each process remembers its own; losing it costs one turn."""

    def __init__(self) -> None:
        self._last: dict[tuple[Mode, ...], str] = {}

    def last(self, modes: tuple[Mode, ...]) -> str:
        return self._last.get(modes, "")

    def taken(self, modes: tuple[Mode, ...], workspace: str) -> None:
        self._last[modes] = workspace

    def forget(self) -> None:
        """Begin anew, e.g. with another simulated process."""
        self._last.clear()


turns = Turns()


def claim(modes: Iterable[Mode], *, limit: int) -> list[Claim]:
    """Lease up to `limit` due rows whose next step is of one of `modes`, in one transaction: the most urgent class first,
    and within it the workspaces take turns.

    A step that acts outside gets its intent written here. `operation.maybe_happened` tells whether an earlier run of this
    step may have had its effect.
    """
    modes = tuple(modes)
    known = steps_served(modes)
    if not known:
        return []
    hit("claim.before")
    taken_at = time.monotonic()
    rows = _take(known, modes, limit=limit)
    claims = [_claim(row, taken_at) for row in rows]
    if claims:
        turns.taken(modes, claims[-1].operation.workspace)
        _count(rows)
        hit("claim.after")
    return claims


def hand_back(claims: Iterable[Claim]) -> None:
    """Give up rows that were not worked on; another worker may take them at once."""
    for held in claims:
        Operation.objects.filter(**owned(held)).update(
            lease_until=None, lease_owner="", due_at=DatabaseNow(), maybe_happened=held.operation.maybe_happened
        )
        StepRun.objects.filter(operation_id=held.operation.pk, run=held.operation.fence).update(
            finished_at=DatabaseNow(), outcome="handed back"
        )


def owned(held: Claim) -> dict[str, object]:
    """The condition under which a row is still ours; every write about it carries this."""
    o = held.operation
    return {"pk": o.pk, "fence": o.fence, "claim_token": o.claim_token, "state": Operation.State.RUNNING}


def _take(known: list[tuple[str, Step]], modes: tuple[Mode, ...], *, limit: int) -> list[dict[str, Any]]:
    acting = [(kind, step.name) for kind, step in known if step.mode is Mode.ACTS]
    arguments = {
        "kinds": [kind for kind, _ in known],
        "steps": [step.name for _, step in known],
        "acting_kinds": [kind for kind, _ in acting],
        "acting_steps": [step for _, step in acting],
        "last": turns.last(modes),
        "limit": limit,
        "owner": f"{socket.gethostname()}:{os.getpid()}",
        "lease": settings.OPERATIONS_LEASE_SECONDS,
    }
    return prepared.records(FAIRLY + TAKE + (INTENTS if acting else "") + IN_TURN, arguments)


def _claim(row: dict[str, Any], taken_at: float) -> Claim:
    operation = Operation.from_db("default", COLUMNS, [row[name] for name in COLUMNS])
    operation.maybe_happened = row["happened_before"]
    step = workflow_of(operation.kind).step(operation.step)
    return Claim(operation, step, taken_at + settings.OPERATIONS_LEASE_SECONDS, row["run_id"])


def _count(rows: list[dict[str, Any]]) -> None:
    """For whoever watches: how long rows waited for us, and whose lease somebody let run out."""
    for row in rows:
        counting.waited((row["claimed_at"] - row["was_due_at"]).total_seconds())
        if row["lease_before"] is not None:
            counting.count("lease_expiries")
