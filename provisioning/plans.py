"""What a wish would do: it is granted, and its decisions are made, by the code that does so for good; then all is undone."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import asdict, dataclass
from typing import Any

from django.db import transaction

from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import IllegalMove
from operations import audit
from operations.clock import database_now
from operations.errors import OperationRefused
from operations.models import Operation
from operations.outcomes import Ask, StepError
from operations.workflow import Mode, workflow_of
from provisioning.durations import expected_seconds
from provisioning.errors import UnknownService, WishRefused, WorkspaceGone
from provisioning.places import NoPlace
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import ServiceWish, request_deletion, request_service


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """An operation that would run, with the steps of its workflow; examining steps run only when something is odd."""

    kind: str
    steps: tuple[str, ...]
    expected_seconds: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the database would go. `decision` names pools; it is for operators and auditors."""

    where: str
    is_new: bool
    reason: str
    decision: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the wish would be refused."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen: `none` (it stands), `wait` (it is on its way), `create`, `delete`, `restore`, or `refuse`."""

    action: str
    operations: tuple[PlannedOperation, ...] = ()
    placement: Placement | None = None
    refusals: tuple[Reason, ...] = ()

    @property
    def expected_seconds(self) -> float:
        """One after the other, as they wait for each other."""
        return sum(operation.expected_seconds for operation in self.operations)

    @property
    def hash(self) -> str:
        """The same for plans that would do the same; how long it takes and names made anew do not count."""
        place = self.placement
        chosen = place.decision.get("pool_id") if place and not place.is_new else None
        told = {
            "action": self.action,
            "operations": [(operation.kind, operation.steps) for operation in self.operations],
            "placement": (place.where, place.is_new, chosen) if place else None,
            "refusals": [asdict(reason) for reason in self.refusals],
        }
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


class _Tried(Exception):
    """Carries a plan out of the transaction that it undoes."""

    def __init__(self, plan: Plan) -> None:
        super().__init__("undone")
        self.plan = plan


def plan_service(workspace: Workspace, wish: ServiceWish, *, actor: str) -> Plan:
    """What `request_service` would do now. Nothing is changed; the question stands in the audit log. Raises WorkspaceGone."""
    plan = _tried(lambda: _planned_creation(workspace, wish, actor=actor))
    _record(plan, f"{workspace.name}/{wish.name}", workspace.name, actor=actor, after=asdict(wish))
    return plan


def plan_deletion(service: ServiceInstance, *, actor: str) -> Plan:
    """What `request_deletion` would do now. Nothing is changed; the question stands in the audit log."""
    plan = _tried(lambda: _planned_deletion(service, actor=actor))
    _record(plan, f"{service.workspace.name}/{service.name}", service.workspace.name, actor=actor, after={})
    return plan


def plan_restore(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Plan:
    """What `request_restore` would do now, as far as our rows tell; Azure is asked for the backup when it begins.

    Nothing is changed; the question stands in the audit log. Raises UnknownService, WorkspaceGone.
    """
    plan = _tried(lambda: _planned_restore(workspace, wish, actor=actor))
    after = {**asdict(wish), "moment": wish.moment.isoformat() if wish.moment else None}
    _record(plan, f"{workspace.name}/{wish.name}", workspace.name, actor=actor, after=after)
    return plan


def _tried(attempt: Callable[[], Plan]) -> Plan:
    try:
        with transaction.atomic():
            raise _Tried(attempt())
    except _Tried as tried:
        return tried.plan
    except (WorkspaceGone, UnknownService):
        raise
    except (WishRefused, OperationRefused, IllegalMove, NoPlace, StepError) as refusal:
        message = getattr(refusal, "message", None) or str(refusal)
        return Plan("refuse", refusals=(Reason(refusal.code, message),))


def _planned_creation(workspace: Workspace, wish: ServiceWish, *, actor: str) -> Plan:
    before = database_now()
    operation = request_service(workspace, wish, actor=actor).operation
    if operation is None:
        return Plan("none")
    if operation.created_at < before:
        return Plan("wait", operations=(_planned(operation),))
    for step in workflow_of(operation.kind).steps:
        if step.mode is not Mode.DECIDES:
            break
        outcome = step(operation)
        if isinstance(outcome, Ask):
            return Plan("refuse", refusals=(Reason(outcome.code, outcome.message),))
    made = Operation.objects.filter(parent=operation).order_by("-kind")  # a server before a pool
    return Plan(
        "create", tuple(_planned(one) for one in (*made, operation)), _placement(operation, _database_of(operation))
    )


def _planned_deletion(service: ServiceInstance, *, actor: str) -> Plan:
    before = database_now()
    operation = request_deletion(service, actor=actor)
    return Plan("delete" if operation.created_at >= before else "wait", operations=(_planned(operation),))


def _planned_restore(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Plan:
    before = database_now()
    operation = request_restore(workspace, wish, actor=actor)
    if operation.created_at < before:
        return Plan("wait", operations=(_planned(operation),))
    workflow_of(operation.kind).step("place")(operation)
    made = Operation.objects.filter(parent=operation)
    place = _placement(operation, Database.objects.get(pk=operation.pk))
    return Plan("restore", tuple(_planned(one) for one in (*made, operation)), place)


def _planned(operation: Operation) -> PlannedOperation:
    return PlannedOperation(
        operation.kind, workflow_of(operation.kind).step_names, round(expected_seconds(operation.kind), 1)
    )


def _placement(operation: Operation, database: Database) -> Placement:
    """Where the database stands now that the deciding steps have run."""
    made = set(Operation.objects.filter(parent=operation).values_list("kind", flat=True))
    if database.pool_id is None:
        reason = "It is a single database, on a server with vCores to spare."
        return Placement("server", "create_server" in made, reason, database.placement)
    is_new = "create_pool" in made
    pools, feasible = database.placement.get("pools", 0), database.placement.get("feasible", 0)
    reason = f"The best of {feasible} pools that can take it, among {pools}."
    if is_new:
        reason = f"None of {pools - 1} pools can take it, so a new one is made."
    return Placement("pool", is_new, reason, database.placement)


def _database_of(operation: Operation) -> Database:
    return Database.objects.get(pk=operation.target_key.partition(":")[2])


def _record(plan: Plan, target: str, workspace: str, *, actor: str, after: dict[str, Any]) -> None:
    told = {**after, "action": plan.action, "plan": plan.hash, "refusals": [reason.code for reason in plan.refusals]}
    audit.record("service.planned", actor=actor, target=target, workspace=workspace, after=told)
