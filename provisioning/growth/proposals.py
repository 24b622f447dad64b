"""Proposals and what becomes of them: owners accept, schedule or dismiss; alerts grow louder as days run out."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from datetime import date

from django.db import transaction

from notifications import services as notifications
from operations import audit, clock
from operations.errors import OperationRefused
from operations.services import serialise
from provisioning.models import GrowthProposal

ACTOR = "system:growth"
ALERT_DAYS = (28, 14, 7, 3, 1, 0)  # 0: full
URGENT_DAYS = 7
FORECAST = ("limit_bytes", "proposed_bytes", "used_bytes", "bytes_per_day", "days_left", "last_day")
State = GrowthProposal.State


class ProposalOver(OperationRefused):
    """It was decided already, or is not needed any more."""

    code = "ProposalOver"


@dataclass(frozen=True, slots=True)
class Whose:
    """What a forecast is about; without a workspace it is a pool."""

    target: str
    name: str
    workspace: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class Forecast:
    """When a target is full, and the size that would last. Sizes are bytes, `days_left` counts from `last_day`."""

    whose: Whose
    limit_bytes: int
    proposed_bytes: int
    used_bytes: int
    bytes_per_day: int
    days_left: float
    last_day: date


@transaction.atomic
def propose(forecast: Forecast) -> GrowthProposal:
    """Make or refresh the one proposal of a target, and tell whoever must know once a threshold is passed."""
    target = forecast.whose.target
    serialise(f"growth:{target}")
    row = GrowthProposal.objects.filter(target=target).exclude(state__in=GrowthProposal.OVER).first()
    is_new = row is None
    row = row or GrowthProposal(created_at=clock.now())
    columns = {**asdict(forecast.whose), **{name: getattr(forecast, name) for name in FORECAST}}
    if row.state != State.OPEN:
        columns["proposed_bytes"] = row.proposed_bytes  # what somebody accepted stays what they accepted
    for name, value in columns.items():
        setattr(row, name, value)
    row.save()
    if is_new:
        tell(row, "growth.proposed")
    _alert(row)
    return row


@transaction.atomic
def withdraw_others(targets: set[str]) -> int:
    """Take back what is not needed any more: it has room again, or does not grow (so fast)."""
    rows = GrowthProposal.objects.select_for_update().filter(state__in=(State.OPEN, State.ACCEPTED, State.DISMISSED))
    gone = list(rows.exclude(target__in=targets))
    for row in gone:
        row.state = State.WITHDRAWN
        row.save()
        tell(row, "growth.withdrawn")
    return len(gone)


@transaction.atomic
def dismiss(proposal: GrowthProposal, *, actor: str, reason: str) -> GrowthProposal:
    """Leave it as it is. When days remain it is told all the same. Raises ProposalOver."""
    row = held(proposal)
    row.state, row.decided_by, row.reason = State.DISMISSED, actor, reason
    row.save()
    tell(row, "growth.dismissed", actor=actor, reason=reason)
    return row


def held(proposal: GrowthProposal) -> GrowthProposal:
    """The row, held until the transaction ends, while it waits for a decision. Raises ProposalOver."""
    row = GrowthProposal.objects.select_for_update().get(pk=proposal.pk)
    if row.state not in (State.OPEN, State.DISMISSED, State.ACCEPTED):
        raise ProposalOver(f"The proposal is {row.state}.")
    return row


def _alert(row: GrowthProposal) -> None:
    """Once a threshold: dismissed or not, nobody shall be surprised."""
    passed = [days for days in ALERT_DAYS if row.days_left <= days]
    if not passed or (row.alerted_days is not None and row.alerted_days <= min(passed)):
        return
    row.alerted_days = min(passed)
    row.save(update_fields=["alerted_days"])
    tell(row, "growth.urgent" if row.days_left <= URGENT_DAYS else "growth.nearing")


def tell(row: GrowthProposal, kind: str, *, actor: str = ACTOR, reason: str = "") -> None:
    """Its owner, the operators and the audit log hear of it."""
    facts = {
        "name": row.name,
        "service": row.service,
        "limit_bytes": row.limit_bytes,
        "proposed_bytes": row.proposed_bytes,
        "used_bytes": row.used_bytes,
        "bytes_per_day": row.bytes_per_day,
        "days_left": round(row.days_left, 1),
        "proposal": str(row.pk),
    }
    audit.record(kind, actor=actor, target=row.target, workspace=row.workspace, after=facts, reason=reason)
    told = {**facts, "reason": reason} if reason else facts
    notifications.tell(kind, target=row.target, workspace=row.workspace, facts=told)
