"""What must hold after any single fault, and what must equal the run without one."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from django.db.models import Q

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database, ElasticPool, ServiceInstance, SqlServer, Workspace
from inventory.states import Status
from operations.models import AuditEvent, Operation, OutboxEvent, QuotaReservation, ResourceLock, StepRun
from rotation.models import Credential
from rotation.names import Purpose, stable_secret_of
from tests.crash.world import World, describe

VARIES = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
    r"|\b[dpsw]-[a-z2-7]{26}|\b[0-9a-f]{32}\b|\b[0-9a-f]{64}\b|(?<=local-eastus-)[0-9a-f]{8}"
    r"|\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?(\+00:00|Z)?"
)
PASSING = frozenset(  # of how it went, not of where it ended
    (
        *("id", "sequence", "observe_token", "fence", "attempt", "maybe_happened", "claim_token", "lease_owner"),
        *("poll_url", "waits_on", "waits_why", "woken_at", "priority", "cancel_requested_at", "accepted_at"),
        *("examined_at", "request_id", "retention", "encryption", "auditing"),
        *("asked_anew", "the repair", "the removal", "untidy", "passwords_refused", "sign_ins_refused", "repairs"),
        *("data_bytes", "expected_seconds", "run", "copied_at", "held_until", "too_late_to_undo"),
        *("published_again", "unshown_since", "scrambles_refused", "the end of the link", "another backup storage"),
        *("cast_passwords_refused", "cast_sign_ins_refused"),
        *("its key", "the key", "the service's own key", "trusted_at"),
    )
)
SWEEP = {"kind": "retire_credential", "actor": "system"}  # of what a repeated run may have left in the vault
SEEN = "pool."  # told by observers, of what stood there when they looked
Rows = dict[str, list[str]]


def rows() -> Rows:
    """Everything that is stored for good, without ids and times, in an order that does not depend on them."""
    models: dict[str, Any] = {
        "operations": Operation,
        "databases": Database,
        "pools": ElasticPool,
        "servers": SqlServer,
        "workspaces": Workspace,
        "services": ServiceInstance,
        "credentials": Credential,
        "outbox": OutboxEvent,
    }
    found = {name: model.objects.all() for name, model in models.items()}
    found["operations"] = Operation.objects.exclude(**SWEEP)
    found["outbox"] = OutboxEvent.objects.exclude(data__kind=SWEEP["kind"]).exclude(kind__startswith=SEEN)
    return {name: sorted(map(_plain, rows.values())) for name, rows in found.items()}


def faults_found(world: World, *, landed_late: bool) -> Iterator[str]:
    """What must never be, whatever happened."""
    yield from _not_over()
    yield from left_behind()
    yield from counters()
    yield from told_once()
    yield from _azure_differs(world)
    yield from _made_twice(world, landed_late=landed_late)
    yield from _secrets(world, landed_late=landed_late)


def cancelled_or_too_late(operation: Operation, expected: Rows) -> Iterator[str]:
    """After a cancel: cancelled without a trace, or as if there had been none."""
    operation.refresh_from_db()
    if operation.state != Operation.State.CANCELLED:
        yield from differences(expected, rows())
        return
    yield from _gone(operation)


def is_gone(operation: Operation) -> Iterator[str]:
    """After a deletion: no database, no room held, no secret that works."""
    yield from _gone(operation)


def differences(expected: Rows, found: Rows) -> Iterator[str]:
    for table, wanted in expected.items():
        if wanted != found[table]:
            for row in found[table]:
                if row not in wanted:
                    yield f"{table}: unexpected {row}"
            for row in wanted:
                if row not in found[table]:
                    yield f"{table}: missing {row}"


def _gone(operation: Operation) -> Iterator[str]:
    database = Database.objects.get(pk=operation.target_key.partition(":")[2])
    if (database.status, database.holds_room) != (Status.DELETED, False):
        yield f"the database is {database.status}, holds room: {database.holds_room}"
    if database.service is None or database.service.deleted_at is None:
        yield "its service still stands"


def _not_over() -> Iterator[str]:
    for operation in Operation.objects.exclude(state__in=Operation.TERMINAL):
        yield f"not over: {describe(operation)}"
    for operation in Operation.objects.filter(state=Operation.State.FAILED):
        yield f"failed: {describe(operation)}"


def left_behind() -> Iterator[str]:
    for lock in ResourceLock.objects.all():
        yield f"a lock is left: {lock}"
    for reservation in QuotaReservation.objects.all():
        yield f"a reservation is left: {reservation}"
    for run in StepRun.objects.filter(finished_at=None):
        yield f"a step was never finished: {run}"
    for operation in Operation.objects.filter(~Q(lease_owner="") | Q(lease_until__isnull=False)):
        yield f"a lease is left: {operation}"


def counters() -> Iterator[str]:
    for pool in ElasticPool.objects.all():
        held = list(pool.databases.filter(holds_room=True))
        counted = (len(held), sum(d.size_bytes for d in held), round(sum(d.vcores_demanded for d in held), 6))
        if counted != (pool.databases_committed, pool.bytes_committed, round(pool.vcores_demanded, 6)):
            yield f"{pool}: its counters differ from a recount {counted}"
    for server in SqlServer.objects.all():
        held = list(Database.objects.filter(server=server, holds_room=True))
        pools = sum(p.vcores for p in server.pools.filter(status__in=[Status.CREATING, Status.READY]))
        counted = (len(held), pools + sum(d.vcores or 0 for d in held if d.pool_id is None))
        if counted != (server.databases_committed, server.vcores_committed):
            yield f"{server}: its counters differ from a recount {counted}"


def told_once() -> Iterator[str]:
    """The end of each operation, in the audit log and to each who is to hear of it: its workspace, and who was told before."""
    ends = [f"operation.{state}" for state in Operation.TERMINAL]
    for operation in Operation.objects.all():
        end, hearers = f"operation.{operation.state}", {operation.workspace, *operation.choices.get("told", [])}
        audited = AuditEvent.objects.filter(action__in=ends, operation_id=operation.pk)
        if [one.action for one in audited] != [end]:
            yield f"AuditEvent: {operation} ended as {[one.action for one in audited]}"
        events = OutboxEvent.objects.filter(kind__in=ends, data__operation=str(operation.pk))
        told = sorted((one.workspace, one.kind) for one in events)
        if told != sorted((hearer, end) for hearer in hearers):
            yield f"OutboxEvent: {operation} ended as {told}"


def _azure_differs(world: World) -> Iterator[str]:
    """No orphan resource, no orphan row, every tag an operation of ours."""
    ours: dict[str, set[str]] = {
        "servers": set(SqlServer.objects.filter(status=Status.READY).values_list("azure_name", flat=True)),
        "elasticPools": set(ElasticPool.objects.filter(status=Status.READY).values_list("azure_name", flat=True)),
        "databases": set(Database.objects.filter(status=Status.READY).values_list("azure_name", flat=True)),
    }
    for kind, names in ours.items():
        there = world.local.resources(kind)
        if sorted(r.name for r in there) != sorted(names):
            yield f"{kind}: Azure has {[r.name for r in there]}, we have {sorted(names)}"
        for resource in there:
            if not Operation.objects.filter(pk=resource.body["tags"]["operation"]).exists():
                yield f"{resource.name} carries the tag of no operation"


def _made_twice(world: World, *, landed_late: bool) -> Iterator[str]:
    """Every resource was asked for once. A server may be asked for again with the same words, which changes nothing and has
    the same name in the ledger: by a request that lands late, by who cannot see the first one yet, and for a new password."""
    words = ("CreateLogicalDatabase", "CreateLogicalElasticPool", "UpsertLogicalServer")
    new_password = Operation.objects.filter(kind="rotate_server_admin").exists()
    repeats = landed_late or world.reads_lag or new_password
    made = Counter((e["operation"], e["id"].lower()) for e in world.local.effects() if e["operation"] in words)
    for (word, name), count in made.items():
        if count > 1 and not (repeats and word == "UpsertLogicalServer"):
            yield f"{word} of {name.rsplit('/', 1)[-1]}: {count} times"


def _secrets(world: World, *, landed_late: bool) -> Iterator[str]:
    secrets = world.local.secrets()
    for database in Database.objects.filter(status=Status.READY).select_related("service", "server"):
        for name in _read_by_consumers(database):
            enabled = [v["value"] for v in secrets.get(name, []) if v["attributes"]["enabled"]]
            if len(set(enabled) if landed_late else enabled) != 1:
                yield f"{name}: {len(enabled)} enabled versions of what consumers read"
            yield from (why for value in enabled if (why := _cannot_sign_in(value)))
    for server in SqlServer.objects.filter(status=Status.READY, auth_mode="sql"):
        yield from (why for why in [_administrator_cannot_sign_in(server)] if why)
    for database in Database.objects.filter(status=Status.DELETED):
        yield from _secrets_of_a_deleted(database, secrets)


def _secrets_of_a_deleted(database: Database, secrets: dict[str, list[dict[str, Any]]]) -> Iterator[str]:
    for name, versions in secrets.items():
        if not name.startswith(stable_secret_of(database)):
            continue
        if any(v["attributes"]["enabled"] for v in versions):
            yield f"{name} still works"
        if database.forgotten_at is not None:
            yield f"{name} is still in the vault"


def _read_by_consumers(database: Database) -> list[str]:
    """Nothing where only Entra enters."""
    if database.server is not None and database.server.auth_mode == "entra_only":
        return []
    with_cast = database.service is not None and database.service.has_cast
    return [stable_secret_of(database, purpose) for purpose in Purpose if purpose is Purpose.SERVICE or with_cast]


def _administrator_cannot_sign_in(server: SqlServer) -> str:
    found = factory.secret_store().get(server.admin_secret_name, server.admin_secret_version)
    if found is None:
        return f"{server}: its administrator's secret is gone"
    return _refused(LoginSpec(server.observed_endpoint, "master", server.administrator_login, found[0]))


def _cannot_sign_in(document: str) -> str:
    secret = json.loads(document)
    return _refused(LoginSpec(secret["endpoint"], secret["database"], secret["user"], Secret(secret["password"])))


def _refused(login: LoginSpec) -> str:
    """Empty, or why this sign-in fails."""
    try:
        factory.sql_logins().verify(login)
    except CloudError as error:
        return f"{login.user} cannot sign in to {login.database} with the kept secret: {error.code}"
    return ""


def _plain(row: dict[str, Any]) -> str:
    if "choices" in row:
        row["choices"] = _lasting(row["choices"])
    return VARIES.sub("*", json.dumps(_lasting(row), default=str, sort_keys=True))


def _lasting(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name not in PASSING}
