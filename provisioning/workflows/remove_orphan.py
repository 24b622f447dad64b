"""What carries our tag and has no row is removed: only because an operator said so, and checked again right before."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

from django.conf import settings

from cloud import factory
from cloud.protocols import Accepted, CallClass, ObservedDatabase, ObservedPool, ObservedServer, SqlManagement
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from operations.workflow import Workflow, acts
from provisioning import awaiting
from provisioning.drift.orphans import Address, has_row
from provisioning.drift.putting_back import settle

Seen = ObservedServer | ObservedPool | ObservedDatabase


@acts
def start_removal(operation: Operation) -> Outcome:
    """Look once more, and ask Azure to drop it only while it is still ours and nobody's. What is gone is done."""
    address = Address.of(operation.input["arm_id"])
    seen = _see(address)
    if seen is None:
        return Next()
    _refuse_unless_orphaned(operation, address, seen)
    return awaiting.accepted(operation, _begin_removal(address))


@acts
def await_removal(operation: Operation) -> Outcome:
    """Go on once Azure does not show it; no row is observed for it, so it is asked for by itself."""
    address = Address.of(operation.input["arm_id"])
    return awaiting.ask_and_look(operation, "the removal", is_done=lambda: _see(address) is None, ask=lambda: None)


REMOVE_ORPHAN = Workflow(
    kind="remove_orphan",
    settle=settle,
    steps=(start_removal, await_removal),
    point_of_no_return="start_removal",
    deadline=timedelta(hours=2),
)


def _refuse_unless_orphaned(operation: Operation, address: Address, seen: Seen) -> None:
    """Raises StepError for what is not ours, what a row stands for, what an operation works on, and what is not empty."""
    if seen.tags.get("deployment") != settings.DEPLOYMENT:
        raise StepError("NotOurs", "It does not carry the tag of this deployment (any more).")
    if has_row(address):
        raise StepError("HasRow", "A row of ours stands for it: it is no orphan.")
    working = Operation.objects.exclude(state__in=Operation.TERMINAL).exclude(pk=operation.pk)
    if any(str(pk) == seen.tags.get("operation") for pk in working.values_list("pk", flat=True)):
        raise StepError("InTheMaking", "An operation of ours works on it.")
    if isinstance(seen, ObservedServer) and _inside(address):
        raise StepError("NotEmpty", "There are pools or databases on it: a server takes them all with it.")


def _inside(address: Address) -> Sequence[object]:
    management = _management()
    return [*management.list_pools(address.server), *management.list_databases(address.server)]


def _see(address: Address) -> Seen | None:
    management = _management()
    if address.kind == "database":
        return management.get_database(address.server, address.name)
    if address.kind == "pool":
        return management.get_pool(address.server, address.name)
    return management.get_server(address.server)


def _begin_removal(address: Address) -> Accepted:
    management = _management()
    if address.kind == "database":
        return management.begin_delete_database(address.server, address.name)
    if address.kind == "pool":
        return management.begin_delete_pool(address.server, address.name)
    return management.begin_delete_server(address.server)


def _management() -> SqlManagement:
    return factory.sql_management(CallClass.REPAIR)
