"""Proposals and what becomes of them; where a region's rules say so, they begin by themselves, within its budgets."""

from __future__ import annotations

from uuid import UUID

import structlog
from django.db import transaction

from inventory.models import ElasticPool, Region
from inventory.states import Status
from notifications import services as notifications
from operations import audit, clock
from operations.errors import OperationRefused
from operations.models import Operation
from operations.services import serialise
from placement.engine.pool_size import Advice, Step
from placement.models import RebalancingRules
from provisioning.changes.consent import ACCEPTED, Consent
from provisioning.changes.forecast import priced_pool
from provisioning.changes.plan import Plan
from provisioning.changes.pools import (
    PoolWish,
    plan_pool_deletion,
    plan_resize,
    request_pool_deletion,
    request_resize,
)
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.errors import WishRefused
from provisioning.models import PoolProposal
from provisioning.pool_size.looking import advice_in

log = structlog.get_logger(__name__)

ACTOR = "system:pools"
State, Mode = PoolProposal.State, RebalancingRules.Mode


class PoolProposalOver(OperationRefused):
    """It was decided already, or its reason is gone."""

    code = "ProposalOver"


def look() -> None:
    """See what became of what was begun, bring proposals up to date, and begin what the regions' rules begin by themselves."""
    follow()
    regions = Region.objects.filter(servers__pools__load__isnull=False).distinct()
    for region in regions.order_by("pk"):
        look_at(region)


@transaction.atomic
def look_at(region: Region) -> None:
    """One region's proposals, and what begins."""
    serialise(f"pool-size:{region.pk}")
    rules = RebalancingRules.objects.filter(region=region).first() or RebalancingRules(region=region)
    advice = {} if rules.mode == Mode.OFF else advice_in(region, rules, clock.now())
    _withdraw(region, advice)
    for pool, one in advice.items():
        _propose(pool, one)
    if rules.mode == Mode.ACT and rules.halted_at is None:
        _begin_due(region, rules)


def plan_of(proposal: PoolProposal, *, actor: str) -> Plan:
    """What approving it would do now."""
    if proposal.step == Step.DELETE:
        return plan_pool_deletion(proposal.pool, actor=actor)
    return plan_resize(proposal.pool, _wish(proposal), actor=actor)


@transaction.atomic
def approve(proposal: PoolProposal, *, actor: str, reason: str, consent: Consent) -> Operation:
    """Begin it. Raises ProposalOver, DisruptionNotAccepted, PlanChanged, WishRefused, OperationInProgress."""
    row = held(proposal)
    if row.step == Step.DELETE:
        operation = request_pool_deletion(row.pool, actor=actor)
    else:
        operation = request_resize(row.pool, _wish(row), actor=actor, consent=consent)
    _decide(row, State.BEGUN, actor=actor, reason=reason, operation_id=operation.pk)
    return operation


@transaction.atomic
def dismiss(proposal: PoolProposal, *, actor: str, reason: str) -> PoolProposal:
    """Leave the pool as it is, until the reason is gone and comes back. Raises ProposalOver."""
    return _decide(held(proposal), State.DISMISSED, actor=actor, reason=reason)


def held(proposal: PoolProposal) -> PoolProposal:
    """The row, held until the transaction ends, while it waits for a decision. Raises ProposalOver."""
    rows = PoolProposal.objects.select_for_update(of=("self",)).select_related("pool__server")
    row = rows.get(pk=proposal.pk)
    if row.state not in (State.OPEN, State.DISMISSED):
        raise PoolProposalOver(f"The proposal is {row.state}.")
    return row


@transaction.atomic
def follow() -> None:
    """Done where its operation succeeded; open again, with the reason, where it did not."""
    rows = PoolProposal.objects.select_for_update(skip_locked=True).filter(state=State.BEGUN)
    begun = list(rows)
    over = Operation.objects.filter(pk__in=[row.operation_id for row in begun], state__in=Operation.TERMINAL).in_bulk()
    for row in begun:
        if operation := over.get(row.operation_id):
            succeeded = operation.state == Operation.State.SUCCEEDED
            row.state = State.DONE if succeeded else State.OPEN
            row.reason = row.reason if succeeded else f"{operation.state}: {operation.error_code}"
            row.save()


def _propose(pool_id: UUID, advice: Advice) -> None:
    """The one proposal of a pool, made or refreshed. What was begun or dismissed stays as it was decided."""
    row = PoolProposal.objects.exclude(state__in=PoolProposal.OVER).filter(pool=pool_id).first()
    vcores = advice.size.vcores if advice.size else None
    if row is not None and (row.state != State.OPEN or (row.step, row.vcores) == (advice.step, vcores)):
        PoolProposal.objects.filter(pk=row.pk, state=State.OPEN).update(because=advice.reason)
        return
    if row is not None:
        _over(row)
    pool = ElasticPool.objects.select_related("server").get(pk=pool_id)
    made = PoolProposal.objects.create(
        pool=pool,
        step=advice.step,
        vcores=vcores,
        vcores_now=pool.vcores,
        because=advice.reason,
        created_at=clock.now(),
        **_cost(pool, advice),
    )
    _tell("pool.proposed", made, actor=ACTOR)


def _cost(pool: ElasticPool, advice: Advice) -> dict[str, object]:
    now, size = priced_pool(pool), advice.size
    zoned = pool.is_zone_redundant
    then = [Priced(pool.service_tier, size.vcores, size.max_storage_bytes, pool.family, zoned)] if size else []
    cost = monthly_cost(pool.server.region_id, [now], then)
    return {"currency": cost.currency, "cost_before": cost.before, "cost_after": cost.after, "cost_note": cost.note}


def _withdraw(region: Region, advice: dict[UUID, Advice]) -> None:
    rows = PoolProposal.objects.filter(pool__server__region=region, state__in=(State.OPEN, State.DISMISSED))
    for row in rows.exclude(pool__in=list(advice)):
        _over(row)


def _over(row: PoolProposal) -> None:
    PoolProposal.objects.filter(pk=row.pk).update(state=State.WITHDRAWN, decided_at=clock.now())
    audit.record("pool.proposal_withdrawn", actor=ACTOR, target=row.key, after={"step": row.step})


def _begin_due(region: Region, rules: RebalancingRules) -> None:
    """Growth before the rest, older before newer; what is refused now is tried again at the next look."""
    waiting = PoolProposal.objects.filter(pool__server__region=region, pool__status=Status.READY, state=State.OPEN)
    rows = waiting.select_related("pool").order_by("created_at", "pk")
    for row in sorted(rows, key=lambda one: one.step != Step.GROW):
        if _running_on(row.pool.server_id) < rules.server_at_once:
            _begin_one(row)


def _running_on(server: UUID) -> int:
    return PoolProposal.objects.filter(pool__server=server, state=State.BEGUN).count()


def _begin_one(row: PoolProposal) -> None:
    try:
        with transaction.atomic():
            approve(row, actor=ACTOR, reason="The region's rules say so.", consent=ACCEPTED)
    except (OperationRefused, WishRefused) as refusal:
        log.warning("pool_size.not_begun", pool=row.pool.azure_name, code=refusal.code)
        PoolProposal.objects.filter(pk=row.pk).update(reason=refusal.code)


def _wish(row: PoolProposal) -> PoolWish:
    assert row.vcores is not None, "only a deletion has no size"
    return PoolWish(row.vcores)


def _decide(
    row: PoolProposal, state: str, *, actor: str, reason: str, operation_id: UUID | None = None
) -> PoolProposal:
    row.state, row.decided_by, row.reason, row.decided_at = state, actor, reason, clock.now()
    row.operation_id = operation_id
    row.save()
    _tell(f"pool.proposal_{state}", row, actor=actor, reason=reason)
    return row


def _tell(kind: str, row: PoolProposal, *, actor: str, reason: str = "") -> None:
    """Operators and the audit log hear of it; owners are told by the operation, with their window."""
    facts = {
        "name": row.pool.azure_name,
        "step": row.step,
        "vcores": row.vcores_now,
        "proposed": row.vcores if row.vcores is not None else 0,
        "because": row.because,
    }
    audit.record(kind, actor=actor, target=row.key, after=facts, reason=reason)
    notifications.tell(kind, target=row.pool.key, workspace="", facts={**facts, "reason": reason})
