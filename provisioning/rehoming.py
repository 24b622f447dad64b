"""A database's way to another server, as our rows have it: room there beside the old one, the exchange of the two places when
it has arrived, what its consumers are told, and what becomes of the place that it left."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.conf import settings
from django.db.models.functions import Least

from inventory.calendar import NEVER
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status, move
from notifications.services import tell
from operations import audit, clock, locks
from operations.clock import DatabaseNow
from operations.models import Operation
from operations.outcomes import StepError
from operations.workflow import Ending, workflow_of
from placement.services import give_room_back
from provisioning import stand_ins
from provisioning.places import settle_beside, settle_in_named_pool, settle_in_standing_pool
from provisioning.pool_events import news_of_database
from provisioning.targets import database_of, server_row_of, stand_in_of
from rotation import readdress
from rotation.vault import vault_url

KIND = "rehome_database"
SWITCH_SECONDS = 60.0  # connections are ended and roles change within seconds (Microsoft, active geo-replication, 2022)
SEEDING_BASE_SECONDS = 300.0
SEEDING_SECONDS_PER_GB = 7.2  # up to about 500 GB an hour (Microsoft, active geo-replication, 2022)
GIBIBYTE = 2**30


def seeding_seconds(size_bytes: int) -> float:
    """How long it takes until a replica of so many bytes is in step, at most."""
    return SEEDING_BASE_SECONDS + SEEDING_SECONDS_PER_GB * size_bytes / GIBIBYTE


def add_stand_in(operation: Operation, database: Database) -> Database:
    """The row of the replica: the same settings, and the same name on another server. Who waits for it asks Azure itself."""
    same = ("region_id", "service_tier", "sku_name", "vcores", "size_bytes", "retention_days", "backup_redundancy")
    return Database.objects.create(
        id=operation.pk,
        stands_in_for=database,
        azure_name=database.azure_name,
        status=Status.UPDATING,
        vcores_demanded=database.vcores_demanded,
        **{name: getattr(database, name) for name in same},
    )


def settle_on(operation: Operation, stand_in: Database, database: Database) -> None:
    """Take room on the server that it moves to: in the pool that was named, else in the best one, a new one if need be; what
    stands on its own does so there too. Raises StepError NoRoomOnServer."""
    server = SqlServer.objects.get(pk=operation.input["to"])
    stand_in.service, stand_in.pool = database.service, database.pool  # as neighbours and zones count it; not saved
    pool = operation.input["pool"]
    if pool is not None:
        found = settle_in_named_pool(stand_in, ElasticPool.objects.get(pk=pool))
    elif database.pool is not None and database.service_tier == Database.Tier.HYPERSCALE:
        found = settle_in_standing_pool(operation, stand_in, server)
    else:
        settle_beside(operation, stand_in, server)
        found = True
    if not found:
        raise StepError("NoRoomOnServer", f"{server} has no room for it in the pool that it should stand in.")


def exchange(operation: Operation) -> None:
    """The row leads to the new place, and its stand-in to the old one, which keeps its life's dates: so a restore to a moment
    before finds the backups where they are. The way back from Hyperscale stays behind."""
    database, stand_in = database_of(operation), stand_in_of(operation)
    for one in news_of_database(database, {"observed_pool_name": stand_in.observed_pool_name}):
        one.tell()
    stand_ins.exchange(database, stand_in)
    was = {name: getattr(database, name) for name in ("ready_at", "created_at", "converted_at")}
    Database.objects.filter(pk=stand_in.pk).update(**was)
    now = {"ready_at": clock.now(), "converted_at": None, "return_alerted_days": None}
    Database.objects.filter(pk=database.pk).update(**now)
    server = SqlServer.objects.filter(pk=operation.input["to"])
    server.update(observe_due_at=Least("observe_due_at", DatabaseNow()))  # what is shown of it is of before


def announce(operation: Operation) -> str:
    """Tell of the new endpoint, and until when the old one can be read (given back, ISO 8601, UTC)."""
    database, left = database_of(operation), stand_in_of(operation)
    kept_until = _kept_until(operation).isoformat()
    facts = {
        "service": database.service.name if database.service else "",
        "endpoint": server_row_of(database).observed_endpoint,
        "former_endpoint": server_row_of(left).observed_endpoint,
        "kept_until": kept_until,
        "secrets": readdress.record_endpoint(operation, database),
        "vault": vault_url(),
    }
    kind = "database.endpoint_changed"
    tell(kind, target=database.key, workspace=operation.workspace, facts=facts)
    audit.record(
        kind,
        actor=operation.actor,
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        request=operation.trace_id,
        before={"endpoint": facts["former_endpoint"]},
        after=facts,
        reason=str(operation.input["reason"]),
    )
    locks.release(operation)
    return kept_until


def settle(operation: Operation, ending: Ending) -> None:
    """It serves at its new place; or at the old one, as before. The other place is dropped by an operation of its own.

    Given up in the middle, nobody can say which of the two is needed: what no row leads to any more is then found as an
    orphan, and goes by an operator's word.
    """
    database, stand_in = database_of(operation), stand_in_of(operation)
    move(database, Status.READY, error_code="", error_message="")
    readdress.sweep(operation, database)
    if ending is Ending.FAILED and _switch_has_begun(operation):
        give_room_back(stand_in)
        move(stand_in, Status.DELETED, deleted_at=clock.now())
    elif stand_in.server is None:
        move(stand_in, Status.DELETED, deleted_at=clock.now())
    else:
        stand_ins.remove(operation, stand_in)


def _switch_has_begun(operation: Operation) -> bool:
    workflow = workflow_of(operation.kind)
    return workflow.position(operation.step) >= workflow.position(workflow.point_of_no_return)


def _kept_until(operation: Operation) -> datetime:
    """For the time that consumers have to follow a new credential, or to the end of the window, if that is later; no longer
    than old credentials work at most."""
    now, window = clock.now(), datetime.fromisoformat(operation.choices["window"]["ends_at"])
    least = now + timedelta(seconds=settings.CREDENTIAL_OVERLAP_SECONDS)
    if window == NEVER:
        return least
    return max(least, min(window, least + timedelta(seconds=settings.CREDENTIAL_DRAIN_SECONDS)))
