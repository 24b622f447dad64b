"""Changes of what stands to break: growth, moves, pools; and what must hold at their end."""

from __future__ import annotations

from collections.abc import Iterator

from inventory.models import Database, ElasticPool, ServiceInstance, Workspace
from inventory.states import Status
from inventory.transitions import Backup
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import (
    PoolWish,
    request_drain,
    request_move,
    request_pool_deletion,
    request_resize,
)
from provisioning.changes.ways import Wish, request_way
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB, TIB
from tests.crash import judging
from tests.crash.flows import FIRST, Flow, request
from tests.crash.world import World
from tests.rehoming import a_server_in_the_making, rehome

REASON = "tests"


def grow(size_bytes: int, name: str = FIRST, kind: str = "fhir") -> Operation:
    wish = ServiceWish(name, kind, size_bytes)
    granted = request_service(Workspace.objects.get(), wish, actor="tests", consent=ACCEPTED)
    assert granted.operation is not None
    return granted.operation


def move_away() -> Operation:
    database = Database.objects.select_related("pool", "server", "service__workspace").get()
    return request_move(database, actor="tests", reason=REASON, consent=ACCEPTED)


def resize() -> Operation:
    return request_resize(_pool(), PoolWish(16), actor="tests", consent=ACCEPTED)


def drain() -> Operation:
    return request_drain(_pool(), actor="tests", reason=REASON, consent=ACCEPTED)


def delete_empty() -> Operation:
    return request_pool_deletion(_pool(databases_committed=0), actor="tests")


def moved_once(world: World) -> None:
    """The first pool is empty."""
    world.run(move_away)


def with_hyperscale(world: World) -> None:
    world.run(lambda: request("archive", 5 * TIB, "dicom"))


def with_other_server(world: World) -> None:
    """A second server stands beside the first, and nothing on it."""
    world.run(a_server_in_the_making)


def to_other_server() -> Operation:
    return rehome(Database.objects.select_related("pool", "server", "service__workspace").get())


def by_hops() -> Operation:
    """Other backups, then a pool with zones."""
    wish = Wish(zone_redundant=True, backup=Backup.ZONE)
    operation = request_way(ServiceInstance.objects.get(), wish, actor="tests", consent=ACCEPTED)
    assert operation is not None
    return operation


CHANGES = (
    Flow("growth in its pool", lambda: grow(700 * GIB), furnished=True, share=0.05),
    Flow("growth by moving", lambda: grow(3 * TIB), furnished=True, share=0.02),
    Flow(
        "growth of compute",
        lambda: grow(15 * TIB, "archive", "dicom"),
        furnished=True,
        share=0.04,
        prepare=with_hyperscale,
    ),
    Flow("move", move_away, furnished=True, share=0.02),
    Flow("move to another server", to_other_server, furnished=True, share=0.02, prepare=with_other_server),
    Flow("change by hops", by_hops, furnished=True, share=0.02),
    Flow("resize of a pool", resize, furnished=True, share=0.05),
    Flow("drain", drain, furnished=True, share=0.02),
    Flow("deletion of a pool", delete_empty, furnished=True, share=0.05, prepare=moved_once),
)

MOVES = tuple(flow for flow in CHANGES if flow.name in ("move", "move to another server", "change by hops"))


def as_before(operation: Operation, expected: judging.Rows) -> Iterator[str]:
    """After a cancel in time everything serves as it did; too late, it is as if there had been none."""
    operation.refresh_from_db()
    if operation.state != Operation.State.CANCELLED:
        yield from judging.differences(expected, judging.rows())
        return
    yield from _unsettled()
    if Operation.objects.filter(parent=operation, kind="move_database").exists():
        return  # what a drain had begun arrives
    for database in Database.objects.all():
        if operation.kind != "grow_database" and database.size_bytes not in (500 * GIB, 5 * TIB):
            yield f"after the cancel {database} has {database.size_bytes} bytes"
        if (
            operation.kind == "grow_database"
            and database.size_bytes != operation.choices.get("former_bytes", database.size_bytes)
            and database.key == operation.target_key
        ):
            yield f"after the cancel {database} has another size"


def _unsettled() -> Iterator[str]:
    """What is not ready although nothing is under way any more; what stood in for a database is gone."""
    for database in Database.objects.filter(stands_in_for=None).exclude(status=Status.READY):
        yield f"after the cancel {database} is {database.status}"
    for stand_in in Database.objects.exclude(stands_in_for=None).exclude(status=Status.DELETED):
        yield f"after the cancel what stood in is {stand_in.status}"
    for pool in ElasticPool.objects.exclude(status=Status.READY):
        yield f"after the cancel {pool} is {pool.status}"


def is_gone(operation: Operation) -> Iterator[str]:
    """After a deletion of the database: it is gone, whatever was being done to it or its pool."""
    database = Database.objects.earliest("pk")
    if operation.target_key.startswith("database:"):
        database = Database.objects.get(pk=operation.target_key.partition(":")[2])
    if (database.status, database.holds_room) != (Status.DELETED, False):
        yield f"the database is {database.status}, holds room: {database.holds_room}"


def changed_in_azure(world: World) -> Iterator[str]:
    """Azure has what the rows say: pool, limit and compute of each database, size of each pool."""
    pools = {r.name: r for r in world.local.resources("elasticPools")}
    yield from _backups_in_azure(world)
    for row in ElasticPool.objects.filter(status=Status.READY):
        there = pools[row.azure_name].body
        found = (there["sku"]["capacity"], there["properties"]["maxSizeBytes"], there["properties"]["zoneRedundant"])
        if found != (row.vcores, row.max_size_bytes, row.is_zone_redundant):
            yield f"{row} has {found} in Azure"
    databases = {r.name: r for r in world.local.resources("databases")}
    for database in Database.objects.filter(status=Status.READY).select_related("pool"):
        body = databases[database.azure_name].body
        pool = str(body["properties"].get("elasticPoolId", "")).rpartition("/")[2]
        if pool != (database.pool.azure_name if database.pool else ""):
            yield f"{database} stands in {pool} in Azure"
        if database.pool and body["properties"]["maxSizeBytes"] != database.size_bytes:
            yield f"{database} has another limit in Azure"
        if database.pool is None and body["sku"]["capacity"] != database.vcores:
            yield f"{database} has other compute in Azure"


def _backups_in_azure(world: World) -> Iterator[str]:
    """Each ready database's backups are stored as its row says."""
    shown = {r.name: r.body["properties"] for r in world.local.resources("databases")}
    for database in Database.objects.filter(status=Status.READY):
        stored = shown[database.azure_name]["currentBackupStorageRedundancy"]
        if stored != database.backup_redundancy:
            yield f"the backups of {database} are {stored} in Azure"


def _pool(**columns: object) -> ElasticPool:
    rows = ElasticPool.objects.select_related("server").filter(status=Status.READY, **columns)
    return rows.earliest("created_at")
