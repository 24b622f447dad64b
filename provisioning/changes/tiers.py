"""Into Hyperscale and back: planned by trying, told by the table of lawful changes, then requested."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from django.db import transaction

from inventory.models import Database, ServiceInstance
from inventory.states import Status
from inventory.transitions import Home, Row, State, Tier, route, way_back
from operations.models import Operation
from operations.services import active_operation
from placement.engine.sizing import vcores_for_hyperscale
from placement.snapshot import policy
from provisioning.beginnings import HOLD, Copying
from provisioning.changes.consent import UNTOLD, ChangeRefused, Consent, demand
from provisioning.changes.forecast import (
    copying_seconds,
    disruption_of,
    keep_promise,
    planned,
    when_copied,
    workspaces_of,
)
from provisioning.changes.plan import Change, Plan, Reason, Timing, WayBack, When
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.changes.states import circumstances_of, revision_of, state_of
from provisioning.changes.trial import tried
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.return_windows import KIND as CONVERT_BACK
from provisioning.returns import request_return

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
    return tried(lambda: conversion_told(request_conversion(service, wish, actor=actor)))


def plan_return(service: ServiceInstance, *, actor: str, size_bytes: int | None = None) -> Plan:
    """What `take_back` would do now: done, looked at, and undone."""
    return tried(lambda: _return_told(request_return(service, actor=actor, size_bytes=size_bytes)))


def conversion_told(operation: Operation) -> Plan:
    """The plan of a conversion that has just been asked for."""
    before, size_bytes = _database_of(operation), int(operation.input["size_bytes"])
    vcores = vcores_for_hyperscale(size_bytes, policy())
    after = Priced(Tier.HYPERSCALE, vcores, before.size_bytes)
    to = State(Tier.HYPERSCALE, Home.SINGLE, backup=state_of(before).backup)
    return _told(operation, before, to, way="convert", priced=([], [after]), note=WITHIN_DAYS)


def _return_told(operation: Operation) -> Plan:
    before = _database_of(operation)
    now = Priced(Tier.HYPERSCALE, before.vcores or 0, before.size_bytes)
    to = State(Tier.GENERAL_PURPOSE, Home.POOL, backup=state_of(before).backup)
    size = int(operation.input["size_bytes"])  # that the data fit is seen by a look inside, before anything begins
    return _told(
        operation, before, to, way="convert_back", priced=([now], []), note=ANOTHER_CONVERSION, used_bytes=size
    )


def _told(
    operation: Operation,
    before: Database,
    to: State,
    *,
    way: str,
    priced: tuple[list[Priced], list[Priced]],
    note: str,
    used_bytes: int | None = None,
) -> Plan:
    """The lawful way by the table, with what it means to those who are served."""
    at = circumstances_of(before)
    at = at if used_bytes is None else replace(at, used_bytes=used_bytes)
    found = route(state_of(before), to, at)
    if found.refusal is not None:
        return Plan("refuse", refusals=(Reason(found.refusal.code, found.refusal.message, found.refusal.source),))
    rows = tuple(step.row for step in found.steps)
    seconds = copying_seconds(rows, before.size_bytes)
    back, days = way_back(found.steps, at)
    change = Change(
        way=way,
        changes=tuple(step.kind.value for step in found.steps),
        disruption=disruption_of(rows, when=_when(operation, before, rows, seconds or 0.0)),
        cost=monthly_cost(before.region_id, *priced),
        way_back=WayBack(tuple(step.kind.value for step in back.steps), days, note),
        irreversible=(),
        revision=revision_of(before),
        notices=(ZONES_END,) if state_of(before).zone_redundant and not to.zone_redundant else (),
        wished=(int(operation.input["size_bytes"]),),
    )
    made = tuple(planned(one) for one in Operation.objects.filter(parent=operation))
    return Plan("change", (*made, planned(operation, seconds=seconds)), change=change)


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
