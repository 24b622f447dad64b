"""A workspace goes: the databases of its services first, a few at a time, then itself; what went is certified."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from inventory.models import Database, ServiceInstance
from operations.models import Operation
from operations.outcomes import Ask, Next, Outcome, Wait
from operations.services import active_operation, submit
from operations.waking import operation_key
from operations.workflow import Ending, Workflow, decides
from provisioning.certificate import certificate_of
from provisioning.selectors import services_left
from provisioning.services import hold_ways, request_deletion
from provisioning.targets import workspace_of
from provisioning.workspaces import close_workspace

AT_ONCE = 50
TRIES = 3


@decides
def remove_services(operation: Operation) -> Outcome:
    """Have the next services removed, each by an operation of its own; go on once none is left."""
    left = services_left(workspace_of(operation))
    services = list(left.order_by("name")[:AT_ONCE])
    if not services:
        return _await_remains(operation)
    hold_ways(services)
    for service in services:
        if _given_up(operation, service):
            return Ask("RemovalFailed", f"The service {service.name} could not be removed; its last removal says why.")
        request_deletion(service, actor=operation.actor, parent=operation)
    waits_for = active_operation(_database_of(services[0]).key)
    assert waits_for is not None, "its removal was just requested"
    return Wait(
        settings.LOOK_AGAIN_SECONDS,
        on=operation_key(waits_for),
        reason=f"{left.count()} services are still being removed.",
    )


@decides
def certify(operation: Operation) -> Outcome:
    """Write down what was removed and until when its backups last; and close the workspace."""
    workspace = workspace_of(operation)
    certificate = certificate_of(workspace, operation)
    close_workspace(workspace, actor=operation.actor)
    return Next(choices={"certificate": certificate})


def settle(operation: Operation, ending: Ending) -> None:
    """Nothing more to write: a workspace whose removal was given up takes services again."""


DELETE_WORKSPACE = Workflow(
    kind="delete_workspace",
    settle=settle,
    steps=(remove_services, certify),
    point_of_no_return="remove_services",
    deadline=timedelta(days=7),
)


def _await_remains(operation: Operation) -> Outcome:
    """What restores have replaced, or left, goes by operations of its own; where one was given up, it is asked anew."""
    workspace = workspace_of(operation)
    left = Database.objects.filter(stands_in_for__service__workspace=workspace).exclude(status=Database.Status.DELETED)
    database = left.order_by("pk").first()
    if database is None:
        return Next()
    removal = active_operation(database.key) or submit(
        "delete_database", target=database.key, actor=operation.actor, workspace=workspace.name, parent=operation
    )
    return Wait(
        settings.LOOK_AGAIN_SECONDS,
        on=operation_key(removal),
        reason=f"{left.count()} databases are still being removed.",
    )


def _given_up(operation: Operation, service: ServiceInstance) -> bool:
    """True when its removal has failed several times since this operation began, or was last retried."""
    assert operation.deadline_at is not None
    failed = Operation.objects.filter(
        target_key=_database_of(service).key,
        kind="delete_database",
        state=Operation.State.FAILED,
        created_at__gte=operation.deadline_at - DELETE_WORKSPACE.deadline,
    )
    return failed.count() >= TRIES


def _database_of(service: ServiceInstance) -> Database:
    return Database.objects.exclude(status=Database.Status.DELETED).get(service=service)
