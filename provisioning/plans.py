"""What a wish would do: it is granted, and its decisions are made, by the code that does so for good; then all is undone."""

from __future__ import annotations

from dataclasses import asdict, replace
from typing import Any

from inventory.models import Database, ServiceInstance, Workspace
from operations import audit
from operations.clock import database_now
from operations.models import Operation
from operations.outcomes import Ask
from operations.workflow import Mode, workflow_of
from provisioning.cast import SWITCHES
from provisioning.changes.forecast import planned
from provisioning.changes.growth import plan_growth, to_be_grown
from provisioning.changes.placements import placement_of
from provisioning.changes.plan import Plan, PlannedOperation, Reason
from provisioning.changes.restoring import plan_restoring
from provisioning.changes.trial import tried
from provisioning.restores import RestoreWish
from provisioning.services import ServiceWish, check_wish, request_deletion, request_service
from provisioning.warm.claiming import KIND as CLAIM
from provisioning.workflows.create_database import FOR_CAST

STEPS_FOR_CAST = frozenset(step.name for step in FOR_CAST)


def plan_service(workspace: Workspace, wish: ServiceWish, *, actor: str) -> Plan:
    """What `request_service` would do now. Nothing is changed; the question stands in the audit log. Raises WorkspaceGone."""
    plan = tried(lambda: _planned_creation(workspace, wish, actor=actor))
    _record(plan, f"{workspace.name}/{wish.name}", workspace.name, actor=actor, after=asdict(wish))
    return plan


def plan_deletion(service: ServiceInstance, *, actor: str) -> Plan:
    """What `request_deletion` would do now. Nothing is changed; the question stands in the audit log."""
    plan = tried(lambda: _planned_deletion(service, actor=actor))
    _record(plan, f"{service.workspace.name}/{service.name}", service.workspace.name, actor=actor, after={})
    return plan


def plan_restore(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Plan:
    """What `restore` would do now, as far as our rows tell; Azure is asked for the backup when it begins.

    Nothing is changed; the question stands in the audit log. Raises UnknownService, WorkspaceGone.
    """
    plan = plan_restoring(workspace, wish, actor=actor)
    after = {**asdict(wish), "moment": wish.moment.isoformat() if wish.moment else None}
    _record(plan, f"{workspace.name}/{wish.name}", workspace.name, actor=actor, after=after)
    return plan


def _planned_creation(workspace: Workspace, wish: ServiceWish, *, actor: str) -> Plan:
    database = to_be_grown(workspace, wish.name, wish.kind, wish.size_bytes)
    if database is not None and database.service is not None and database.service.has_cast == wish.cast:
        check_wish(workspace, wish)
        return plan_growth(database, wish.size_bytes, actor=actor)
    before = database_now()
    operation = request_service(workspace, wish, actor=actor).operation
    if operation is None:
        return Plan("none")
    if operation.created_at < before:
        return Plan("wait", operations=(_planned(operation),))
    if operation.kind in SWITCHES:
        return Plan("change", operations=(_planned(operation),))
    for step in workflow_of(operation.kind).steps:
        if step.mode is not Mode.DECIDES:
            break
        outcome = step(operation)
        if isinstance(outcome, Ask):
            return Plan("refuse", refusals=(Reason(outcome.code, outcome.message),))
    made = Operation.objects.filter(parent=operation).order_by("-kind")  # a server before a pool
    return Plan(
        "create", tuple(_planned(one) for one in (*made, operation)), placement_of(operation, _database_of(operation))
    )


def _planned_deletion(service: ServiceInstance, *, actor: str) -> Plan:
    before = database_now()
    operation = request_deletion(service, actor=actor)
    return Plan("delete" if operation.created_at >= before else "wait", operations=(_planned(operation),))


def _planned(operation: Operation) -> PlannedOperation:
    """As it stands in a plan; the steps for DICOM Cast only where it is wished for."""
    found = planned(operation)
    if operation.kind in ("create_database", CLAIM) and not operation.input.get("cast"):
        return replace(found, steps=tuple(step for step in found.steps if step not in STEPS_FOR_CAST))
    return found


def _database_of(operation: Operation) -> Database:
    return Database.objects.get(pk=operation.target_key.partition(":")[2])


def _record(plan: Plan, target: str, workspace: str, *, actor: str, after: dict[str, Any]) -> None:
    told = {**after, "action": plan.action, "plan": plan.hash, "refusals": [reason.code for reason in plan.refusals]}
    audit.record("service.planned", actor=actor, target=target, workspace=workspace, after=told)
