"""An accepted proposal becomes an operation: at once, or when its time has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from inventory.models import Database, ElasticPool
from operations import clock
from operations.errors import OperationRefused
from operations.models import Operation
from placement.engine.catalogue import sizes_of
from placement.engine.sizing import SizeRefused
from provisioning.changes.consent import Consent
from provisioning.changes.growth import plan_growth, request_growth
from provisioning.changes.plan import Plan
from provisioning.changes.pools import PoolWish, plan_resize, request_resize
from provisioning.errors import WishRefused
from provisioning.growth.proposals import held, tell
from provisioning.models import GrowthProposal
from provisioning.standing import check_room, standing

log = structlog.get_logger(__name__)
State = GrowthProposal.State
TARGET_GONE = "TargetGone"


class NothingLarger(OperationRefused):
    """No size is larger than the one it has."""

    code = "NothingLarger"


@transaction.atomic
def accept(proposal: GrowthProposal, *, actor: str, consent: Consent, reason: str = "") -> Operation:
    """Begin to grow it as proposed. Raises ProposalOver, NothingLarger, OperationInProgress, WishRefused."""
    with _sizes_that_there_are():
        return _begin(held(proposal), actor=actor, consent=consent, reason=reason)


@transaction.atomic
def schedule(proposal: GrowthProposal, due_at: datetime, *, actor: str, accepts_disruption: bool) -> GrowthProposal:
    """Grow it as proposed from `due_at` on; where it would disturb nobody who has not accepted that. Raises ProposalOver,
    NothingLarger."""
    row = held(proposal)
    _refuse_largest(row)
    row.state, row.due_at, row.decided_by = State.ACCEPTED, due_at, actor
    row.accepts_disruption = accepts_disruption
    row.save()
    tell(row, "growth.accepted", actor=actor)
    return row


def plan_of(proposal: GrowthProposal, *, actor: str) -> Plan:
    """What accepting it would do now. Raises NothingLarger, WishRefused."""
    _refuse_largest(proposal)
    row = _target(proposal)
    with _sizes_that_there_are():
        if isinstance(row, Database):
            return plan_growth(row, proposal.proposed_bytes, actor=actor)
    return plan_resize(row, _larger(row, proposal), actor=actor)


def begin_due() -> int:
    """Begin what was accepted for now, and see what became of what was begun. Returns how many were begun."""
    _finish()
    due = GrowthProposal.objects.filter(state=State.ACCEPTED, due_at__lte=clock.now())
    return sum(_begin_one(row) for row in list(due.order_by("due_at")))


def _begin_one(row: GrowthProposal) -> int:
    """0 where it cannot begin: now, which is told, and it is tried again; or ever, and then it is open again with the reason,
    which is told as well. Neither keeps the others waiting."""
    try:
        with transaction.atomic():
            _begin(
                held(row), actor=row.decided_by, consent=Consent(accepts_disruption=row.accepts_disruption), reason=""
            )
    except (OperationRefused, WishRefused) as refusal:
        log.warning("growth.not_begun", target=row.target, code=refusal.code)
        if row.reason != refusal.code:
            GrowthProposal.objects.filter(pk=row.pk).update(reason=refusal.code)
            tell(row, "growth.not_begun", reason=refusal.code)
        return 0
    except (SizeRefused, ObjectDoesNotExist) as refusal:
        _refuse(row, getattr(refusal, "code", TARGET_GONE))
        return 0
    return 1


@transaction.atomic
def _refuse(row: GrowthProposal, code: str) -> None:
    """What nothing can grow so far, or is gone, waits for another decision: trying again would change nothing."""
    log.warning("growth.refused", target=row.target, code=code)
    waiting = GrowthProposal.objects.filter(pk=row.pk, state=State.ACCEPTED)
    if waiting.update(state=State.OPEN, due_at=None, reason=code):
        tell(row, "growth.refused", reason=code)


def _begin(row: GrowthProposal, *, actor: str, consent: Consent, reason: str) -> Operation:
    _refuse_largest(row)
    target = _target(row)
    if isinstance(target, Database):
        _check_room(target)
        operation = request_growth(target, row.proposed_bytes, actor=actor, consent=consent)
    else:
        operation = request_resize(target, _larger(target, row), actor=actor, consent=consent)
    row.state, row.operation_id, row.decided_by, row.reason = State.BEGUN, operation.pk, actor, reason
    row.save()
    tell(row, "growth.begun", actor=actor, reason=reason)
    return operation


@transaction.atomic
def _finish() -> None:
    """Done where its operation succeeded; open again where it did not."""
    begun = list(GrowthProposal.objects.select_for_update(skip_locked=True).filter(state=State.BEGUN))
    ended = Operation.objects.filter(pk__in=[row.operation_id for row in begun], state__in=Operation.TERMINAL).in_bulk()
    for row in begun:
        operation = ended.get(row.operation_id)
        if operation is not None:
            succeeded = operation.state == Operation.State.SUCCEEDED
            row.state = State.DONE if succeeded else State.OPEN
            row.reason = "" if succeeded else f"{operation.state}: {operation.error_code}"
            row.save()


def _refuse_largest(row: GrowthProposal) -> None:
    if row.proposed_bytes <= row.limit_bytes:
        raise NothingLarger("It has the largest size that there is.")


@contextmanager
def _sizes_that_there_are() -> Iterator[None]:
    """Raises NothingLarger for what no tier holds."""
    try:
        yield
    except SizeRefused as refusal:
        raise NothingLarger(str(refusal)) from refusal


def _check_room(database: Database) -> None:
    """Raises TooManyOperations, as any other wish for the service does."""
    if database.service is not None:
        check_room(standing(database.service.workspace, database.service.name))


def _target(row: GrowthProposal) -> Database | ElasticPool:
    kind, _, key = row.target.partition(":")
    if kind == "pool":
        return ElasticPool.objects.select_related("server").get(pk=key)
    return Database.objects.select_related("server", "pool", "service__workspace", "region").get(pk=key)


def _larger(pool: ElasticPool, row: GrowthProposal) -> PoolWish:
    """The smallest size, of no fewer vCores, that may hold so much. Raises NothingLarger."""
    if row.proposed_bytes <= pool.max_size_bytes:
        raise NothingLarger("It is as large already.")
    sizes = [one for one in sizes_of(pool.service_tier, pool.family) if one.vcores >= pool.vcores]
    fits = next((one for one in sizes if one.max_storage_bytes >= row.proposed_bytes), None)
    if fits is None:
        raise NothingLarger("No pool holds more.")
    return PoolWish(fits.vcores, row.proposed_bytes)
