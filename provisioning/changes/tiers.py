"""Into Hyperscale and back: planned by trying, told by the table of lawful changes, then requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from inventory.models import Database, ServiceInstance
from inventory.states import Status
from inventory.transitions import Circumstances, Row, Step, route, way_back
from operations.clock import database_now
from operations.models import Operation
from operations.services import active_operation
from provisioning.beginnings import HOLD, Copying
from provisioning.changes.arriving import made_for, priced_alone, priced_pools, take_place
from provisioning.changes.consent import UNTOLD, ChangeRefused, Consent, demand
from provisioning.changes.forecast import (
    copying_seconds,
    disruption_of,
    keep_promise,
    planned,
    when_copied,
    workspaces_of,
)
from provisioning.changes.hops import told
from provisioning.changes.placements import placement_of
from provisioning.changes.plan import Change, Cost, Plan, Reason, Timing, WayBack, When
from provisioning.changes.prices import monthly_cost
from provisioning.changes.states import circumstances_of, revision_of, state_of
from provisioning.changes.trial import tried
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.return_windows import KIND as CONVERT_BACK
from provisioning.returns import request_return
from provisioning.targets import stand_in_of

WITHIN_DAYS = "Within the days said, while the data fit a General Purpose database; connections drop as often."
ZONES_END = "Zone redundancy ends: ask for it by a change in hops, with backups that are zone redundant too."
ANOTHER_CONVERSION = "Another conversion leads to Hyperscale again; connections drop once more."


@transaction.atomic
def convert(service: ServiceInstance, wish: ConversionWish, *, actor: str, consent: Consent = UNTOLD) -> Operation:
    """Begin a conversion as planned. One that switches by itself needs consent now; the other asks for it when all is copied.

    Raises WishRefused (ChangeRefused, DisruptionNotAccepted, PlanChanged), OperationInProgress.
    """
    needed = consent if wish.cutover is Cutover.AUTOMATIC else Consent(consent.plan_hash, accepts_disruption=True)
    plan = plan_conversion(service, wish, actor=actor)
    return _granted(service, plan, needed, lambda: request_conversion(service, wish, actor=actor))


@transaction.atomic
def take_back(
    service: ServiceInstance, *, actor: str, size_bytes: int | None = None, consent: Consent = UNTOLD
) -> Operation:
    """Begin the way back as planned; raises as `convert` does."""
    plan = plan_return(service, actor=actor, size_bytes=size_bytes)
    return _granted(service, plan, consent, lambda: request_return(service, actor=actor, size_bytes=size_bytes))


def plan_conversion(service: ServiceInstance, wish: ConversionWish, *, actor: str) -> Plan:
    """What `convert` would do now: done, looked at, and undone."""
    return _tried(lambda: request_conversion(service, wish, actor=actor))


def plan_return(service: ServiceInstance, *, actor: str, size_bytes: int | None = None) -> Plan:
    """What `take_back` would do now: done, looked at, and undone."""
    return _tried(lambda: request_return(service, actor=actor, size_bytes=size_bytes))


def _tried(request: Callable[[], Operation]) -> Plan:
    """The plan of what is asked for; of what runs already, that it is waited for."""
    before = database_now()

    def attempt() -> Plan:
        operation = request()
        is_new = operation.created_at >= before
        return change_of_tier(operation) if is_new else Plan("wait", operations=(planned(operation),))

    return tried(attempt)


def change_of_tier(operation: Operation) -> Plan:
    """The plan of a conversion, or of a way back, that has just been asked for: its own steps take the room, and the table of
    lawful changes says what leads there. Raises StepError, NoPlace."""
    before = _database_of(operation)
    take_place(operation)
    row, made = stand_in_of(operation), made_for(operation)
    at = _circumstances(operation, before)
    found = route(state_of(before), state_of(row), at)
    if found.refusal is not None:
        return Plan("refuse", refusals=(Reason(found.refusal.code, found.refusal.message, found.refusal.source),))
    seconds = copying_seconds(tuple(step.row for step in found.steps), before.size_bytes)
    operations = (*(planned(one) for one in made), planned(operation, seconds=seconds))
    cost = monthly_cost(before.region_id, priced_alone(before), [*priced_alone(row), *priced_pools(made)])
    change = _change(operation, before, row, found.steps, cost)
    return Plan("change", operations, placement_of(operation, row), change=change)


def _change(operation: Operation, before: Database, row: Database, steps: tuple[Step, ...], cost: Cost) -> Change:
    """What it means to those who are served, who stand at `before` and will stand at `row`."""
    rows, kinds = tuple(step.row for step in steps), tuple(step.kind.value for step in steps)
    seconds = copying_seconds(rows, before.size_bytes) or 0.0
    back, days = way_back(steps, _circumstances(operation, before))
    zones_end = state_of(before).zone_redundant and not state_of(row).zone_redundant
    is_back = operation.kind == CONVERT_BACK
    return Change(
        way="convert_back" if is_back else "convert",
        changes=kinds,
        disruption=disruption_of(rows, when=_when(operation, before, rows, seconds)),
        cost=cost,
        way_back=WayBack(
            tuple(step.kind.value for step in back.steps), days, ANOTHER_CONVERSION if is_back else WITHIN_DAYS
        ),
        irreversible=(),
        revision=revision_of(before),
        notices=(ZONES_END,) if zones_end else (),
        wished=(int(operation.input["size_bytes"]), told(state_of(row))),
    )


def _circumstances(operation: Operation, before: Database) -> Circumstances:
    """Of the way back its wished size counts: that the data fit is seen by a look inside, before anything begins."""
    at = circumstances_of(before)
    return replace(at, used_bytes=int(operation.input["size_bytes"])) if operation.kind == CONVERT_BACK else at


def _when(operation: Operation, before: Database, rows: tuple[Row, ...], seconds: float) -> When:
    """A conversion is held for its owner's window, or word; the way back has to end in one."""
    if operation.input.get("cutover") == Cutover.CONSENT:
        return When(Timing.CONSENT, "when its owner consents, within 24 hours after it is copied")
    hold = timedelta(0) if operation.kind == CONVERT_BACK else HOLD
    switch = max(row.drop_seconds for row in rows)
    return when_copied(workspaces_of(before), Copying(seconds, switch, hold))


def _granted(service: ServiceInstance, plan: Plan, consent: Consent, request: Callable[[], Operation]) -> Operation:
    """What runs already is given again; a refusal of the request itself comes before one of the table."""
    database = Database.objects.exclude(status=Status.DELETED).get(service=service)
    running = active_operation(database.key)
    operation = request()
    if operation == running:
        return operation
    if plan.refusals:
        raise ChangeRefused(plan)
    demand(plan, consent)
    keep_promise(operation, plan)
    return operation


def _database_of(operation: Operation) -> Database:
    rows = Database.objects.select_related("pool", "server")
    return rows.get(pk=operation.target_key.partition(":")[2])
