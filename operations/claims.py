"""Taking rows to work on: by a conditional update, so that exactly one worker wins, and only for a while."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Iterable
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import transaction

from operations.clock import DatabaseNow
from operations.failpoints import hit
from operations.models import Operation, StepRun
from operations.workflow import Mode, Step, known_steps, workflow_of

BATCHED = (Mode.LOOKS,)
ONE_BY_ONE = (Mode.ACTS, Mode.DECIDES)


@dataclass(frozen=True, slots=True)
class Claim:
    """A row that is ours until `ends` (monotonic seconds): fence and claim token prove it. `run` is the intent of a step
    that acts outside."""

    operation: Operation
    step: Step
    ends: float
    run: StepRun | None

    def seconds_left(self) -> float:
        return self.ends - time.monotonic()


CLAIM = """
WITH known AS (
    SELECT * FROM unnest(%(kinds)s::text[], %(steps)s::text[], %(acting)s::boolean[]) AS known(kind, step, acts)
), due AS (
    SELECT o.id, o.maybe_happened, known.acts
    FROM operations_operation o JOIN known ON known.kind = o.kind AND known.step = o.step
    WHERE o.state IN ('queued', 'running') AND o.follows_id IS NULL AND o.due_at <= (SELECT operations_now())
      AND (%(only)s::uuid IS NULL OR o.id = %(only)s::uuid)
    ORDER BY o.priority, o.due_at LIMIT %(limit)s FOR UPDATE OF o SKIP LOCKED
)
UPDATE operations_operation o
SET state = 'running', fence = o.fence + 1, claim_token = gen_random_uuid(), lease_owner = %(owner)s,
    lease_until = operations_now() + %(lease)s * interval '1 second',
    due_at = operations_now() + %(lease)s * interval '1 second',
    claimed_at = operations_now(), started_at = coalesce(o.started_at, operations_now()),
    maybe_happened = o.maybe_happened OR due.acts
FROM due WHERE o.id = due.id
RETURNING o.*, due.maybe_happened AS happened_before
"""


def claim(modes: Iterable[Mode], *, limit: int, only: UUID | None = None) -> list[Claim]:
    """Lease up to `limit` due rows whose next step is of one of `modes`, most urgent first; all of one transaction.

    A step that acts outside gets its intent written here. `operation.maybe_happened` tells whether an earlier run of this
    step may have had its effect.
    """
    known = [(kind, step, mode) for kind, step, mode in known_steps() if mode in set(modes)]
    if not known:
        return []
    hit("claim.before")
    taken_at = time.monotonic()
    with transaction.atomic():
        operations = _take(known, limit=limit, only=only)
        claims = [_claim(operation, taken_at) for operation in operations]
        _write_intents([c for c in claims if c.run is not None])
    if claims:
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


def _take(known: list[tuple[str, str, Mode]], *, limit: int, only: UUID | None) -> list[Operation]:
    arguments = {
        "kinds": [kind for kind, _, _ in known],
        "steps": [step for _, step, _ in known],
        "acting": [mode is Mode.ACTS for _, _, mode in known],
        "only": only,
        "limit": limit,
        "owner": f"{socket.gethostname()}:{os.getpid()}",
        "lease": settings.OPERATIONS_LEASE_SECONDS,
    }
    rows = list(Operation.objects.raw(CLAIM, arguments))
    return sorted(rows, key=lambda row: (row.priority, row.created_at))


def _claim(operation: Operation, taken_at: float) -> Claim:
    step = workflow_of(operation.kind).step(operation.step)
    operation.maybe_happened = operation.happened_before  # type: ignore[attr-defined]  # a column of the query
    run = _intent(operation) if step.mode is Mode.ACTS else None
    return Claim(operation, step, taken_at + settings.OPERATIONS_LEASE_SECONDS, run)


def _intent(operation: Operation) -> StepRun:
    assert operation.claimed_at is not None, "a claim sets it"
    return StepRun(
        operation_id=operation.pk,
        started_at=operation.claimed_at,
        step=operation.step,
        run=operation.fence,
        target=operation.target_key,
    )


def _write_intents(claims: list[Claim]) -> None:
    """Write the intent of each acting step, and close what an earlier claim of it left open: nobody will."""
    if not claims:
        return
    StepRun.objects.filter(operation_id__in=[c.operation.pk for c in claims], finished_at=None).update(
        finished_at=DatabaseNow(), outcome="lost"
    )
    StepRun.objects.bulk_create([c.run for c in claims if c.run is not None])
