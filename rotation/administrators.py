"""The administrators of servers: when their passwords are due, and what is written down about them. References only."""

from __future__ import annotations

import contextlib
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import CharField, Exists, F, OuterRef, Q, QuerySet, Value
from django.db.models.functions import Cast, Concat

from inventory.models import SqlServer
from inventory.states import Status
from operations import audit, clock
from operations.errors import OperationInProgress
from operations.models import Operation, Priority
from operations.services import submit
from rotation.models import ServerAdministrator
from rotation.names import admin_key, staged_admin_secret_of
from rotation.schedule import Policy, next_rotation_at
from rotation.upkeep import record_disabled
from rotation.vault import store_of

BACKOFF_FIRST, BACKOFF_LONGEST = timedelta(hours=1), timedelta(days=1)
LARGEST_BATCH = 20  # begun by one sweep; servers are few


@transaction.atomic
def request_admin_rotation(server: SqlServer, *, actor: str, reason: str = "") -> Operation:
    """Give the server's administrator a new password now. Raises OperationInProgress while it gets one."""
    wish = {"reason": reason}
    key, priority = admin_key(server), Priority.ROTATION
    return submit("rotate_server_admin", target=key, actor=actor, wish=wish, priority=priority)


def request_due_servers(actor: str) -> int:
    """Begin the rotations of administrators whose time has come, longest overdue first. Returns how many."""
    _come_to_know()
    begun = 0
    for row in due_administrators(clock.now()).select_related("server")[:LARGEST_BATCH]:
        with contextlib.suppress(OperationInProgress):
            request_admin_rotation(row.server, actor=actor, reason="due by policy")
            begun += 1
    return begun


def due_administrators(now: datetime) -> QuerySet[ServerAdministrator]:
    """Those of ready servers that are due and on which nothing is at work."""
    target = Concat(Value("server-admin:"), Cast(OuterRef("server_id"), CharField()))
    busy = Operation.objects.filter(target_key=target).exclude(state__in=Operation.TERMINAL)
    due = Q(rotate_after__lte=now, server__status=Status.READY, server__auth_mode="sql")
    return ServerAdministrator.objects.filter(due, ~Exists(busy)).order_by("rotate_after", "pk")


def valid_until() -> datetime:
    """Until when a password that is promoted now is promised to be replaced."""
    return clock.now() + timedelta(days=settings.CREDENTIAL_DAYS)


def record_sign_in(operation: Operation, server: SqlServer) -> None:
    ServerAdministrator.objects.filter(server=server).update(checked_at=clock.now())
    _record(operation, "server.sign_in_verified", server)


def record_promoted(operation: Operation, server: SqlServer) -> None:
    """The version that counts, and when the next is due; in the transaction that records the step."""
    now, version = clock.now(), operation.choices["admin_version"]
    columns = {
        "promoted_at": now,
        "checked_at": now,
        "valid_until": datetime.fromisoformat(operation.choices["valid_until"]),
        "rotate_after": _next(server, now),
        "failures": 0,
    }
    SqlServer.objects.filter(pk=server.pk).update(admin_secret_version=version)
    ServerAdministrator.objects.update_or_create(server=server, defaults=columns)
    before, after = {"version": server.admin_secret_version}, {"version": version}
    _record(operation, "server.administrator_promoted", server, before=before, after=after)


def disable_one_superseded(operation: Operation, server: SqlServer) -> bool:
    """Disable one enabled version that is not the promoted one. False when none was left."""
    store = store_of(operation)
    for name in (staged_admin_secret_of(server), server.admin_secret_name):
        for version in store.versions(name):
            kept = (name, version.version) == (server.admin_secret_name, server.admin_secret_version)
            if version.enabled and not kept:
                store.disable(name, version.version)
                record_disabled(operation, version)
                return True
    return False


def try_again_later(server: SqlServer) -> None:
    """An hour after the first failure, twice as long after each further one, at most a day."""
    row, _ = ServerAdministrator.objects.get_or_create(server=server, defaults={"rotate_after": clock.now()})
    wait = min(BACKOFF_FIRST * 2 ** min(row.failures, 10), BACKOFF_LONGEST)
    ServerAdministrator.objects.filter(pk=row.pk).update(failures=F("failures") + 1, rotate_after=clock.now() + wait)


def _come_to_know() -> None:
    """Servers that were made since: their password is as old as they are."""
    unknown = SqlServer.objects.filter(status=Status.READY, administrator_credential__isnull=True)[:LARGEST_BATCH]
    rows = [
        ServerAdministrator(server=server, promoted_at=server.created_at, rotate_after=_next(server, server.created_at))
        for server in unknown
    ]
    ServerAdministrator.objects.bulk_create(rows, ignore_conflicts=True)


def _next(server: SqlServer, since: datetime) -> datetime:
    return next_rotation_at(server.pk, since, Policy(settings.ROTATION_DAYS))


def _record(operation: Operation, action: str, server: SqlServer, **details: object) -> None:
    audit.record(
        action,
        actor=operation.actor,
        target=server.key,
        operation_id=operation.pk,
        request=operation.trace_id,
        reason=str(operation.input.get("reason", "")),
        **details,
    )
