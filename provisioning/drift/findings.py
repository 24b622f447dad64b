"""Differences become findings: suspected at the first look, open at the second, resolved once no look shows them."""

from __future__ import annotations

from django.db import transaction
from django.db.models import QuerySet

from operations import audit
from operations.models import OutboxEvent
from operations.services import serialise
from provisioning.drift.comparing import Comparison
from provisioning.drift.differences import Difference
from provisioning.drift.making import keys_in_the_making
from provisioning.models import Finding

ACTOR = "system:drift"
State, Severity = Finding.State, Finding.Severity
LOUD = Severity.HIGH  # and worse


@transaction.atomic
def record(comparison: Comparison) -> bool:
    """Write down what a complete look showed, but nothing of what is in the making. Returns whether something asks for
    another look soon."""
    serialise(f"drift:{comparison.scope}")
    standing = {_identity(one): one for one in unresolved(comparison.scope)}
    targets = {one.target for one in standing.values()} | {one.target for one in comparison.differences}
    making = keys_in_the_making(targets, comparison.at)
    standing = {identity: one for identity, one in standing.items() if one.target not in making}
    for difference in comparison.differences:
        if difference.target in making:
            continue
        found = standing.pop((difference.target, difference.attribute, difference.kind), None)
        if found is None:
            _suspect(comparison, difference)
        else:
            _see(found, comparison, difference)
    for one in standing.values():
        if comparison.speaks_of(one.target, one.attribute):
            _resolve(one, comparison)
    return unresolved(comparison.scope).filter(state__in=(State.SUSPECTED, State.REPAIRING)).exists()


def unresolved(scope: str) -> QuerySet[Finding]:
    return Finding.objects.filter(scope=scope).exclude(state=State.RESOLVED)


def _identity(finding: Finding) -> tuple[str, str, str]:
    return finding.target, finding.attribute, finding.kind


def _suspect(comparison: Comparison, one: Difference) -> None:
    Finding.objects.create(
        scope=comparison.scope,
        target=one.target,
        name=one.name,
        kind=one.kind,
        attribute=one.attribute,
        severity=one.severity,
        expected=one.expected,
        observed=one.observed,
        note=one.note,
        first_seen_at=comparison.at,
        last_seen_at=comparison.at,
    )


def _see(finding: Finding, comparison: Comparison, one: Difference) -> None:
    """Seen again. A look that is no later than the last one tells nothing."""
    if comparison.at <= finding.last_seen_at:
        return
    before, same = finding.state, finding.observed == one.observed
    finding.state = _state_after(finding, same=same)
    if before == State.REPAIRING:
        finding.repairs += 1
    finding.seen, finding.last_seen_at = finding.seen + 1, comparison.at
    finding.expected, finding.observed, finding.severity = one.expected, one.observed, one.severity
    finding.note = one.note or finding.note
    finding.save()
    if finding.state == State.OPEN and before != State.OPEN:
        tell(finding, "drift.found")


def _state_after(finding: Finding, *, same: bool) -> str:
    """What was accepted stays so while it does not change."""
    return State.ACCEPTED if finding.state == State.ACCEPTED and same else State.OPEN


def _resolve(finding: Finding, comparison: Comparison) -> None:
    if comparison.at <= finding.last_seen_at:
        return
    if finding.state == State.SUSPECTED:
        finding.delete()
        return
    finding.state, finding.resolved_at = State.RESOLVED, comparison.at
    finding.save()
    tell(finding, "drift.resolved")


def tell(finding: Finding, kind: str, *, actor: str = ACTOR, reason: str = "") -> None:
    """The audit log hears of everything; operators of what is severe. A customer hears of operations, not of this."""
    facts = {
        "kind": finding.kind,
        "name": finding.name,
        "attribute": finding.attribute,
        "severity": Severity(finding.severity).label,
        "expected": finding.expected,
        "observed": finding.observed,
    }
    audit.record(kind, actor=actor, target=finding.target, after=facts, reason=reason)
    if finding.severity <= LOUD:
        OutboxEvent.objects.create(kind=kind, target=finding.target, data={"finding": str(finding.pk), **facts})
