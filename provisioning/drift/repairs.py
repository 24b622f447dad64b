"""What becomes of a finding: an operation re-applies what we want, by itself within brakes; or somebody decides."""

from __future__ import annotations

import contextlib
import re
from itertools import islice

from django.conf import settings
from django.db import transaction
from django.db.models import Min, QuerySet

from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.clock import database_now
from operations.errors import OperationInProgress, OperationRefused
from operations.models import Operation, Priority
from operations.services import serialise, submit
from provisioning.drift.differences import FIREWALL
from provisioning.drift.disturbing import begin_with
from provisioning.drift.findings import ACTOR, tell
from provisioning.drift.pauses import unpaused
from provisioning.models import Finding
from provisioning.windows import KEY as WINDOW

State, Kind, Severity = Finding.State, Finding.Kind, Finding.Severity
FLEET = "fleet"
UUID_TEXT = r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"
REPAIRABLE = {
    "database": frozenset(
        ("pool", "sku", "max_size_bytes", "backup_redundancy", "key", "tags", "retention_days", "encryption")
    ),
    "pool": frozenset(("sku", "max_size_bytes", "per_database_vcores", "zone_redundant", "tags")),
    "server": frozenset(("minimal_tls_version", "public_network_access", "auditing", "tags")),
}
MODELS: dict[str, type[Database] | type[ElasticPool] | type[SqlServer]] = {
    "database": Database,
    "pool": ElasticPool,
    "server": SqlServer,
}


class NotRepairable(OperationRefused):
    """No operation puts this right: a human has to."""

    code = "NotRepairable"


def is_repairable(finding: Finding) -> bool:
    """True for properties that we can set again; what is missing or orphaned is never put right by itself."""
    if finding.kind not in (Kind.CHANGED, Kind.INSECURE):
        return False
    known = REPAIRABLE.get(finding.target.partition(":")[0], frozenset())
    return finding.attribute in known or finding.attribute.startswith(FIREWALL)


def repair_due() -> int:
    """Begin repairs of what was found, worst first, a few at once. None where too much of the fleet differs at once."""
    with transaction.atomic():
        serialise("drift-repairs")
        if _too_many():
            return 0
        targets = _next_targets()
    return sum(_begin(target) for target in targets)


@transaction.atomic
def request_repair(target: str, *, actor: str, reason: str = "", waits: bool = True) -> Operation:
    """Re-apply what we want of everything that was found open on this resource; while its owners may not be disturbed, first
    what disturbs nobody. Where all does, the repair `waits` for their window. Raises NotRepairable, OperationInProgress."""
    found = [one for one in _open_on(target).select_for_update() if is_repairable(one)]
    row = row_of(target)
    if not found or row is None or row.status != Status.READY:
        raise NotRepairable("Nothing was found on it that we can put right.")
    found = begin_with(found, row, waits=waits)
    if not found:
        raise NotRepairable("What was found on it has to wait for a window.")
    wish = {"attributes": sorted({one.attribute for one in found}), "reason": reason}
    kind, workspace = f"repair_{target.partition(':')[0]}", _workspace_of(row)
    operation = submit(kind, target=target, actor=actor, workspace=workspace, wish=wish, priority=Priority.REPAIR)
    for one in found:
        one.state, one.repair_id = State.REPAIRING, operation.pk
        one.save()
        tell(one, "drift.repair_begun", actor=actor, reason=reason)
    return operation


def affected() -> int:
    """How many resources of ours differ in what matters, or are being put right; without those that somebody works on."""
    kinds = (Kind.MISSING, Kind.CHANGED, Kind.INSECURE)
    rows = Finding.objects.filter(state__in=Finding.STANDING, kind__in=kinds, severity__lt=Severity.LOW)
    return len(unpaused(rows.values_list("target", flat=True).distinct()))


def most_affected() -> int:
    """As many may differ at once before we suspect ourselves, or somebody who means it, and stop."""
    present = sum(model._default_manager.filter(status=Status.READY).count() for model in MODELS.values())
    return max(int(present * settings.DRIFT_STOP_SHARE), settings.DRIFT_STOP_LEAST)


def _too_many() -> bool:
    """Whether the brake holds; one loud finding says so. Accepting it lets repairs go on while no more differ than then."""
    count, most = affected(), most_affected()
    standing = Finding.objects.filter(target=FLEET, kind=Kind.STOPPED).exclude(state=State.RESOLVED).first()
    if count <= most:
        if standing is not None:
            _release(standing)
        return False
    if standing is not None and standing.state == State.ACCEPTED and count <= int(standing.observed or 0):
        return False
    _stop(standing or Finding(), count, most)
    return True


def _release(standing: Finding) -> None:
    standing.state, standing.resolved_at = State.RESOLVED, database_now()
    standing.save()
    tell(standing, "drift.resolved")


def _stop(finding: Finding, count: int, most: int) -> None:
    now, is_new = database_now(), finding.state != State.OPEN
    finding.scope = finding.target = finding.name = FLEET
    finding.kind, finding.severity, finding.state = Kind.STOPPED, Severity.CRITICAL, State.OPEN
    finding.expected, finding.observed = most, count
    finding.note = "More resources differ than may be repaired without a human's word."
    finding.first_seen_at, finding.last_seen_at = finding.first_seen_at or now, now
    finding.save()
    if is_new:
        tell(finding, "drift.stopped")


def _next_targets() -> list[str]:
    running = Operation.objects.filter(kind__in=[f"repair_{name}" for name in MODELS], priority=Priority.REPAIR)
    at_work = running.exclude(state__in=Operation.TERMINAL).exclude(waits_on__startswith=WINDOW)
    room = settings.DRIFT_REPAIRS_AT_ONCE - at_work.count()
    rows = Finding.objects.filter(state=State.OPEN, repairs__lt=settings.DRIFT_REPAIR_ATTEMPTS)
    worst = rows.values("target").annotate(worst=Min("severity"), since=Min("first_seen_at")).order_by("worst", "since")
    targets = unpaused(one["target"] for one in worst)
    return list(islice(filter(_may_begin, targets), max(room, 0)))


def _may_begin(target: str) -> bool:
    """Whether something can be put right now. What only its owner's window allows takes no place before."""
    found, row = [one for one in _open_on(target) if is_repairable(one)], row_of(target)
    return bool(row and found and begin_with(found, row, waits=False))


def _begin(target: str) -> int:
    with contextlib.suppress(OperationInProgress, NotRepairable):
        request_repair(target, actor=ACTOR, reason="found by comparison", waits=False)
        return 1
    return 0


def _open_on(target: str) -> QuerySet[Finding]:
    return Finding.objects.filter(target=target, state=State.OPEN).order_by("attribute")


def row_of(target: str) -> Database | ElasticPool | SqlServer | None:
    """The row of a key; None for what is no key, and for what is gone."""
    kind, _, key = target.partition(":")
    model = MODELS.get(kind)
    if model is None or not re.fullmatch(UUID_TEXT, key):
        return None
    return model._default_manager.filter(pk=key).first()


def _workspace_of(row: Database | ElasticPool | SqlServer) -> str:
    service = row.service if isinstance(row, Database) else None
    return service.workspace.name if service else ""
