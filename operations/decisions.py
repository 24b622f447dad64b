"""What an operator decides about an operation that needs attention. Nobody works on such a row: the decision takes it as a
worker would, with a new fence, and is recorded and settled by the same code."""

from __future__ import annotations

import time
from typing import Any
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.db.models import F

from operations import audit
from operations.claims import Claim
from operations.clock import DatabaseNow, database_now
from operations.errors import NoAttentionNeeded, StepNotSkippable
from operations.hints import hint
from operations.models import Operation
from operations.records import record
from operations.transitions import Transition
from operations.workflow import Mode, workflow_of

State = Operation.State


@transaction.atomic
def skip(operation: Operation, *, actor: str, reason: str) -> Operation:
    """Go on with the next step as if the present one were done. Raises NoAttentionNeeded, StepNotSkippable.

    A step that decides (takes locks, room, names) is never skipped, nor one that its workflow calls indispensable: later
    steps would work without what it holds, gives or proves.
    """
    row = _taken(operation)
    _refuse_indispensable(row)
    return _go_on(row, "skipped", {}, actor=actor, reason=reason)


@transaction.atomic
def adopt(operation: Operation, *, actor: str, reason: str) -> Operation:
    """Go on: the effect of the present step stands outside, whoever made it. Raises NoAttentionNeeded, StepNotSkippable."""
    row = _taken(operation)
    _refuse_indispensable(row)
    if workflow_of(row.kind).step(row.step).mode is not Mode.ACTS:
        raise StepNotSkippable("This step has no effect outside that could be adopted.")
    return _go_on(row, "adopted", {"adopted_at": database_now().isoformat()}, actor=actor, reason=reason)


@transaction.atomic
def abandon(operation: Operation, *, actor: str, reason: str) -> Operation:
    """End it as failed, settled and with its locks given back. Raises NoAttentionNeeded."""
    row = _taken(operation)
    new = Transition(
        state=State.FAILED,
        step=row.step,
        outcome="abandoned",
        error_code=row.error_code or "Abandoned",
        error_message=row.error_message or "An operator has given it up.",
    )
    return _decided(row, new, actor=actor, reason=reason)


def _refuse_indispensable(row: Operation) -> None:
    workflow = workflow_of(row.kind)
    if workflow.step(row.step).mode is Mode.DECIDES or row.step in workflow.indispensable:
        raise StepNotSkippable("This step cannot be left out: later ones need what it holds, gives or proves.")


def _go_on(row: Operation, outcome: str, choices: dict[str, Any], *, actor: str, reason: str) -> Operation:
    step = workflow_of(row.kind).after(row.step)
    new = Transition(
        state=State.RUNNING if step else State.SUCCEEDED, step=step or row.step, outcome=outcome, choices=choices
    )
    return _decided(row, new, actor=actor, reason=reason)


def _taken(operation: Operation) -> Operation:
    """The row, ours until the transaction ends, with a fresh deadline. Raises NoAttentionNeeded."""
    held = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    if held.state != State.NEEDS_ATTENTION:
        raise NoAttentionNeeded("The operation does not wait for a decision.")
    Operation.objects.filter(pk=held.pk).update(
        state=State.RUNNING,
        fence=F("fence") + 1,
        claim_token=uuid4(),
        claimed_at=DatabaseNow(),
        deadline_at=database_now() + workflow_of(held.kind).deadline,
    )
    held.refresh_from_db()
    return held


def _decided(row: Operation, new: Transition, *, actor: str, reason: str) -> Operation:
    step = workflow_of(row.kind).step(row.step)
    held = Claim(row, step, time.monotonic() + settings.OPERATIONS_LEASE_SECONDS, None)
    record([(held, new)])
    audit.record(
        f"operation.{new.outcome}_by_hand",
        actor=actor,
        target=row.target_key,
        workspace=row.workspace,
        operation_id=row.pk,
        before={"step": step.name, "error": row.error_code},
        after={"step": new.step, "state": new.state},
        reason=reason,
    )
    decided = Operation.objects.get(pk=row.pk)
    if not decided.is_terminal:
        transaction.on_commit(lambda: hint(decided))
    return decided
