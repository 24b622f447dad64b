"""Credentials that near their end: each alert once, and a rotation that no longer waits for its turn."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q, QuerySet
from django.db.models.functions import Least

from inventory.states import Status
from notifications.services import tell
from operations import audit, clock
from operations.models import OutboxEvent
from operations.services import serialise
from rotation.holding import LEAVING
from rotation.models import Credential, ServerAdministrator

ALERT_DAYS = (30, 14, 7, 1, 0)  # 0: overdue
LARGEST_BATCH = 500
ACTOR = "system:expiry"
OURSELVES = "control-plane"  # as the target of what is about our own identity


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
    return rows.exclude(LEAVING).order_by("valid_until", "pk")


@transaction.atomic
def alert_administrators() -> int:
    """Tell once a threshold that a server's administrator's password nears its end, and have it replaced. Returns how many."""
    now, raised = clock.now(), 0
    serialise("alert-administrators")
    for row in administrators_ending(now).select_related("server")[:LARGEST_BATCH]:
        assert row.valid_until is not None, "the query asks for it"
        days = threshold(row.valid_until - now) or 0
        facts = {"server": row.server.azure_name, "days": days, "ends_at": row.valid_until.isoformat()}
        kind = "server.administrator_expiring" if days else "server.administrator_expired"
        raised += _tell_once(kind, target=row.server.key, facts=facts)
        due = ServerAdministrator.objects.filter(pk=row.pk, failures=0)  # of others the next try is set
        due.update(rotate_after=Least("rotate_after", now))
    return raised


def administrators_ending(now: datetime) -> QuerySet[ServerAdministrator]:
    """Those of servers in use whose password ends within the widest threshold, soonest first."""
    soon = now + timedelta(days=max(ALERT_DAYS))
    rows = ServerAdministrator.objects.filter(valid_until__lte=soon, server__status=Status.READY)
    return rows.filter(server__auth_mode="sql").order_by("valid_until", "pk")


@transaction.atomic
def alert_own_secret() -> bool:
    """Tell once a threshold that this control plane's own client secret nears its end; only its operators can replace it."""
    ends_at = own_secret_ends_at()
    days = threshold(ends_at - clock.now()) if ends_at else None
    if ends_at is None or days is None:
        return False
    serialise("alert-own-secret")
    kind = "identity.secret_expiring" if days else "identity.secret_expired"
    return _tell_once(kind, target=OURSELVES, facts={"days": days, "ends_at": ends_at.isoformat()})


def own_secret_ends_at() -> datetime | None:
    """None for managed and federated identities, whose tokens the platform renews, and where nobody said when it ends."""
    uses_one = settings.AZURE_CREDENTIAL == "client_secret"
    return settings.AZURE_CLIENT_SECRET_EXPIRES_AT if uses_one else None


def threshold(left: timedelta) -> int | None:
    """The tightest threshold that has been passed with so much time left; None when there is time enough."""
    if left <= timedelta(0):
        return 0
    passed = [days for days in ALERT_DAYS if days and left <= timedelta(days=days)]
    return min(passed) if passed else None


def _tell_once(kind: str, *, target: str, facts: dict[str, object]) -> bool:
    """False where the same was told before."""
    if OutboxEvent.objects.filter(kind=kind, target=target, data=facts).exists():
        return False
    tell(kind, target=target, facts=facts)
    audit.record(kind, actor=ACTOR, target=target, after=facts)
    return True


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
    workspace, target = service.workspace.name if service else "", credential.key
    facts = {
        "secret": credential.stable_secret,
        "version": credential.stable_version,
        "valid_until": credential.valid_until.isoformat() if credential.valid_until else "",
        "days": days,
        "failures": credential.failures,
    }
    tell(kind, target=target, workspace=workspace, facts=facts)
    audit.record(kind, actor=ACTOR, target=target, workspace=workspace, after=facts)
    return True
