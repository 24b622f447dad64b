"""Approved moves → operations, within the region's budgets; and what became of them."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.db.models import Q

from inventory.states import Status
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation, Priority
from operations.services import serialise, submit
from placement.models import PlannedMove, RebalancingRules
from placement.rebalancing import deciding, outcomes, planning

log = structlog.get_logger(__name__)

ACTOR = planning.ACTOR
Move = PlannedMove.State


def rebalance_due() -> None:
    """See what became of moves, judge plans, look for new ones, then begin the moves whose time has come."""
    follow()
    outcomes.finish_plans()
    outcomes.measure_due()
    planning.plan_due()
    for rules in RebalancingRules.objects.exclude(mode=RebalancingRules.Mode.OFF).filter(halted_at__isnull=True):
        begin_due(rules)


def follow() -> int:
    """Note which running moves are over. Returns how many."""
    running = list(PlannedMove.objects.filter(state=Move.RUNNING))
    over = Operation.objects.filter(pk__in=[row.operation_id for row in running], state__in=Operation.TERMINAL)
    operations = over.in_bulk()
    for row in running:
        operation = operations.get(row.operation_id)
        if operation is not None:
            succeeded = operation.state == Operation.State.SUCCEEDED
            outcomes.ended(row, succeeded=succeeded, reason="" if succeeded else _why(operation))
    return len(operations)


def _why(operation: Operation) -> str:
    return operation.error_code or operation.state


@transaction.atomic
def begin_due(rules: RebalancingRules) -> int:
    """Begin what is due, in the plan's order, as far as budgets allow; the rest stays due. Returns how many were begun."""
    serialise(f"rebalancing:{rules.region_id}")
    rules.refresh_from_db()
    if rules.halted_at:
        return 0
    rows = PlannedMove.objects.select_for_update(of=("self",)).filter(deciding.open_moves(rules))
    due = rows.select_related("source", "database__service__workspace").order_by("due_at", "plan", "position")
    return sum(_begin(move) for move in due if _is_within_budgets(move, rules))


def _is_within_budgets(move: PlannedMove, rules: RebalancingRules) -> bool:
    """Counted anew for each, those just begun included."""
    moves, now = PlannedMove.objects.filter(plan__region=rules.region_id), clock.now()
    running = moves.filter(state=Move.RUNNING)
    pools = (move.source_id, move.target_id)
    theirs = moves.filter(workspace=move.workspace, begun_at__gt=now - timedelta(days=7))
    return (
        moves.filter(begun_at__gt=now - timedelta(hours=1)).count() < rules.moves_an_hour
        and running.filter(Q(source__in=pools) | Q(target__in=pools)).count() < rules.pool_at_once
        and running.filter(source__server=move.source.server_id).count() < rules.server_at_once
        and (not move.workspace or theirs.count() < rules.workspace_a_week)
    )


def _begin(move: PlannedMove) -> int:
    """0 where it cannot begin now, and where it never will: then it is dropped, and its owner hears so."""
    database = move.database
    if database.pool_id != move.source_id or database.status in (Status.DELETING, Status.DELETED, Status.FAILED):
        return _drop(move, "The database does not stand there any more.")
    if database.status != Status.READY:
        return 0
    wish = {"reason": "Spreads the load of its pool.", "to": str(move.target_id), "plan": str(move.plan_id)}
    try:
        with transaction.atomic():
            operation = submit(
                "move_database",
                target=database.key,
                actor=ACTOR,
                workspace=move.workspace,
                wish=wish,
                priority=Priority.REBALANCING,
            )
    except OperationInProgress:
        return 0
    outcomes.begun(move, operation.pk)
    log.info("rebalance.move_begun", move=str(move.pk), operation=str(operation.pk))
    return 1


def _drop(move: PlannedMove, reason: str) -> int:
    PlannedMove.objects.filter(pk=move.pk).update(state=Move.DROPPED, reason=reason, ended_at=clock.now())
    deciding.tell_owner("rebalance.move_dropped", move, reason=reason)
    return 0
