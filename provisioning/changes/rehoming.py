"""A database to another server: planned by trying, told, then requested."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import transaction

from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status, move
from inventory.transitions import Row, StepKind, Tier
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import active_operation, submit
from operations.workflow import workflow_of
from provisioning import rehoming
from provisioning.beginnings import HOLD, Copying
from provisioning.changes.consent import Consent
from provisioning.changes.forecast import disruption_of, planned, priced_pool, when_copied, workspaces_of
from provisioning.changes.placements import placement_of
from provisioning.changes.plan import Change, Plan, WayBack, When
from provisioning.changes.pools import granted
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.changes.states import revision_of
from provisioning.changes.trial import tried
from provisioning.errors import MoveNotPossible, ServiceNotReady
from provisioning.standing import refuse_on_way
from provisioning.targets import stand_in_of
from provisioning.tier_changes import return_until

WAY = "move_across"
EVERY = frozenset(Tier)
ACROSS = Row(
    StepKind.MOVE,
    EVERY,
    EVERY,
    frozenset(),
    "active geo-replication: planned failover",
    minutes=rehoming.SEEDING_BASE_SECONDS / 60,
    minutes_per_gb=rehoming.SEEDING_SECONDS_PER_GB / 60,
    drops=2,
    drop_seconds=int(rehoming.SWITCH_SECONDS),
)
"""No row of the table, whose states know no servers. Connections drop at the switch, and once more, when the old place goes,
for whoever has stayed there."""
NOTICES = (
    "The endpoint changes: read the secret anew after the switch. User and password stay.",
    "The old endpoint only reads from the switch on, until the new version of the secret is acknowledged or its time is over.",
)
GO_BACK = "The same way back; the endpoint changes again."
NO_RETURN = "The way back from Hyperscale to General Purpose ends."


@dataclass(frozen=True, slots=True)
class Destination:
    """The server that a database shall stand on; in this pool of it (None: wherever it fits best)."""

    server: SqlServer
    pool: ElasticPool | None = None


@transaction.atomic
def request_rehoming(
    database: Database, destination: Destination, *, actor: str, reason: str, consent: Consent
) -> Operation:
    """Move a database to another server. Raises WishRefused (MoveNotPossible, DisruptionNotAccepted, PlanChanged),
    OperationInProgress."""
    plan = plan_rehoming(database, destination, actor=actor, reason=reason)
    return granted(plan, consent, lambda: _submit(database, destination, actor=actor, reason=reason))


def plan_rehoming(database: Database, destination: Destination, *, actor: str, reason: str) -> Plan:
    """What `request_rehoming` would do now: done, looked at, and undone."""
    return tried(lambda: _told(_submit(database, destination, actor=actor, reason=reason)))


def _submit(database: Database, destination: Destination, *, actor: str, reason: str) -> Operation:
    row = Database.objects.select_for_update(of=("self",)).get(pk=database.pk)
    _refuse_busy(row)
    _refuse_place(row, destination.server)
    _refuse_pool(row, destination)
    move(row, Status.UPDATING)
    wish = {
        "reason": reason,
        "from": str(row.server_id),
        "to": str(destination.server.pk),
        "pool": str(destination.pool.pk) if destination.pool else None,
    }
    workspace = row.service.workspace.name if row.service else ""
    operation = submit(rehoming.KIND, target=row.key, actor=actor, workspace=workspace, wish=wish)
    rehoming.add_stand_in(operation, row)
    return operation


def _refuse_busy(database: Database) -> None:
    """Also what an earlier change has left behind is still being removed. Raises OperationInProgress, ServiceNotReady."""
    left = database.stand_ins.exclude(status=Status.DELETED)
    for row in (database, *left):
        running = active_operation(row.key)
        if running is not None:
            raise OperationInProgress(running)
    refuse_on_way(database)
    if database.status != Status.READY or database.server is None or database.stands_in_for_id is not None:
        raise ServiceNotReady("Only a ready database can move to another server.")


def _refuse_place(database: Database, server: SqlServer) -> None:
    """Raises MoveNotPossible with what stands against it."""
    here = database.server
    assert here is not None, "a ready one has it"
    if server.pk == here.pk:
        raise MoveNotPossible(f"It stands on {server} already; leave the server out to move it to another pool there.")
    if server.status != Status.READY or server.is_cordoned:
        raise MoveNotPossible(f"{server} is {server.status}{', and closed' if server.is_cordoned else ''}.")
    if server.region_id != database.region_id:
        raise MoveNotPossible(f"It stays in {database.region_id}; {server} is in {server.region_id}.")
    if server.subscription_id != here.subscription_id:
        raise MoveNotPossible("Azure replicates a database by this way within one subscription only.")
    if server.auth_mode != here.auth_mode:
        raise MoveNotPossible(f"{server} does not let in who may sign in now: it is {server.auth_mode}.")


def _refuse_pool(database: Database, destination: Destination) -> None:
    """A pool that was named stands on the server that was named, and takes its kind. Raises MoveNotPossible."""
    pool = destination.pool
    if pool is None:
        return
    if database.pool is None:
        raise MoveNotPossible("It stands in no pool, and a change of that is no move.")
    if pool.server_id != destination.server.pk:
        raise MoveNotPossible(f"{pool} is not a pool of {destination.server}.")
    if pool.service_tier != database.service_tier:
        raise MoveNotPossible(f"{pool} is of tier {pool.service_tier}, the database of {database.service_tier}.")


def _told(operation: Operation) -> Plan:
    """The plan of a move that has just been asked for; room is taken as it would be."""
    before = Database.objects.select_related("pool", "server").get(pk=operation.target_key.partition(":")[2])
    workflow_of(operation.kind).step("place")(operation)
    made = list(Operation.objects.filter(parent=operation))
    pools = [priced_pool(p) for p in ElasticPool.objects.filter(pk__in=[o.target_key.partition(":")[2] for o in made])]
    alone = [Priced(before.service_tier, before.vcores or 0, before.size_bytes)] if before.pool is None else []
    seconds = rehoming.seeding_seconds(before.size_bytes)
    until = return_until(before)
    change = Change(
        way=WAY,
        changes=(WAY,),
        disruption=disruption_of((ACROSS,), when=_when(before, seconds)),
        cost=monthly_cost(before.region_id, alone, [*alone, *pools]),
        way_back=WayBack((WAY,), None, GO_BACK),
        irreversible=(NO_RETURN,) if until is not None and until > clock.now() else (),
        revision=revision_of(before),
        notices=NOTICES,
        wished=(operation.input["to"], operation.input["pool"] or ""),
    )
    operations = (*(planned(one) for one in made), planned(operation, seconds=seconds))
    return Plan("change", operations, placement_of(operation, stand_in_of(operation)), change=change)


def _when(database: Database, seconds: float) -> When:
    return when_copied(workspaces_of(database), Copying(seconds, rehoming.SWITCH_SECONDS, HOLD))
