"""Credentials that near their end: each alert once, and a rotation that no longer waits for its turn."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Least

from operations import audit, clock
from operations.models import OutboxEvent
from rotation.holding import GONE
from rotation.models import Credential
from rotation.names import credential_key

ALERT_DAYS = (30, 14, 7, 1, 0)  # 0: overdue
LARGEST_BATCH = 500
ACTOR = "system:expiry"


def alert_expiring() -> int:
    """Raise the alerts that are due, one a credential and threshold, and make those credentials due. Returns how many."""
    now, raised = clock.now(), 0
    for credential in expiring(now).select_related("database__service__workspace")[:LARGEST_BATCH]:
        assert credential.valid_until is not None, "the query asks for it"
        days = threshold(credential.valid_until - now)
        raised += days is not None and _alert(credential, days, now)
    return raised


def expiring(now: datetime) -> QuerySet[Credential]:
    """Active credentials that have passed a threshold of which nobody was told, soonest to end first."""
    untold = Q()
    for days in ALERT_DAYS:
        passed = Q(valid_until__lte=now + timedelta(days=days))
        untold |= passed & (Q(alerted_days__isnull=True) | Q(alerted_days__gt=days))
    rows = Credential.objects.filter(untold, status=Credential.Status.ACTIVE)
    return rows.exclude(database__status__in=GONE).order_by("valid_until", "pk")


def threshold(left: timedelta) -> int | None:
    """The tightest threshold that has been passed with so much time left; None when there is time enough."""
    if left <= timedelta(0):
        return 0
    passed = [days for days in ALERT_DAYS if days and left <= timedelta(days=days)]
    return min(passed) if passed else None


@transaction.atomic
def _alert(credential: Credential, days: int, now: datetime) -> bool:
    """False when somebody else has raised it."""
    unseen = Q(alerted_days__isnull=True) | Q(alerted_days__gt=days)
    changed = Credential.objects.filter(unseen, pk=credential.pk, status=Credential.Status.ACTIVE).update(
        alerted_days=days,
        rotate_after=Least("rotate_after", now) if credential.failures == 0 else credential.rotate_after,
    )
    if not changed:
        return False
    kind = "credential.expiring" if days else "credential.expired"
    service = credential.database.service
    workspace, target = service.workspace.name if service else "", credential_key(credential.database)
    facts = {
        "secret": credential.stable_secret,
        "version": credential.stable_version,
        "valid_until": credential.valid_until.isoformat() if credential.valid_until else "",
        "days": days,
        "failures": credential.failures,
    }
    OutboxEvent.objects.create(kind=kind, target=target, workspace=workspace, data=facts)
    audit.record(kind, actor=ACTOR, target=target, workspace=workspace, after=facts)
    return True
