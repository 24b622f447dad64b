"""Repairs to break: what was changed outside, found by two looks, and begun to be put back; and an orphan that is removed."""

from __future__ import annotations

from collections.abc import Iterator

from django.conf import settings

from cloud import factory
from cloud.changes import DatabaseChange, PoolChange, ServerChange
from cloud.protocols import DatabaseSpec, Sku
from inventory.models import Database, SqlServer
from operations import clock
from operations.models import Operation
from provisioning import observe
from provisioning.drift.orphans import request_removal
from provisioning.drift.repairs import request_repair
from provisioning.models import Finding
from rotation.models import Credential
from rotation.names import stable_secret_of
from rotation.services import request_first_credential
from tests.builders import GIB
from tests.crash.flows import FIRST, Flow, delete
from tests.crash.world import World
from tests.drifting import UNSETTLED_SECONDS, change_outside, change_pool_outside, finish, look, where


def changed_database(world: World) -> None:
    database = Database.objects.select_related("server", "pool").get()
    change_outside(
        world.local,
        database,
        DatabaseChange(max_size_bytes=900 * GIB, tags={"cost-centre": "7", **_made_by("create_database")}),
    )
    finish(world.local, factory.sql_management().begin_set_retention(where(database), database.azure_name, 1))
    _found(world, 3)


def changed_pool(world: World) -> None:
    database = Database.objects.select_related("server", "pool").get()
    pool = database.pool
    assert pool is not None
    bigger = Sku(pool.sku_name, pool.service_tier, pool.family, 2 * pool.vcores)
    change_pool_outside(world.local, database, PoolChange(bigger, tags=_made_by("create_pool")))
    _found(world, 2)


def changed_server(world: World) -> None:
    server, arm = where(Database.objects.select_related("server").get()), factory.sql_management()
    finish(world.local, arm.begin_update_server(server, ServerChange(minimal_tls_version="1.0")))
    arm.set_firewall_rule(server, "everyone", "0.0.0.0", "255.255.255.255")
    arm.delete_firewall_rule(server, "range-0")
    _found(world, 3)


def resurrected(world: World) -> None:
    """A late request of the creation lands after the deletion."""
    database = Database.objects.select_related("server", "pool").get()
    creation = Operation.objects.get(kind="create_database")
    world.run(lambda: delete(FIRST))
    assert database.pool is not None
    tags = {"deployment": settings.DEPLOYMENT, "database": str(database.pk), "operation": str(creation.pk)}
    spec = DatabaseSpec("eastus", pool_name=database.pool.azure_name, max_size_bytes=GIB, tags=tags)
    finish(world.local, factory.sql_management().begin_create_database(where(database), database.azure_name, spec))
    _found(world, 1)


def without_credential(world: World) -> None:
    """As an adopted database is: nobody of ours may sign in, and its server's administrator is ours."""
    database = Database.objects.get()
    for name, versions in world.local.secrets().items():
        for version in versions if name.startswith(stable_secret_of(database)) else ():
            factory.secret_store().disable(name, version["version"])
    Credential.objects.all().delete()


def _made_by(kind: str) -> dict[str, str]:
    """The one tag that is left."""
    return {"operation": str(Operation.objects.get(kind=kind).pk)}


def _found(world: World, count: int) -> None:
    world.local.pass_time(UNSETTLED_SECONDS)
    look(world.local, times=2)
    assert Finding.objects.filter(state=Finding.State.OPEN).count() == count, list(Finding.objects.values())


def repair() -> Operation:
    return request_repair(Finding.objects.filter(state=Finding.State.OPEN)[0].target, actor="tests")


def remove() -> Operation:
    return request_removal(Finding.objects.get(state=Finding.State.OPEN), actor="tests", reason="Nobody's.")


def issue() -> Operation:
    database = Database.objects.select_related("server", "service__workspace").get()
    return request_first_credential(database, actor="tests", reason="It was adopted.")


REPAIRS = (
    Flow("repair of a database", repair, furnished=True, share=0.1, prepare=changed_database),
    Flow("repair of a pool", repair, furnished=True, share=0.15, prepare=changed_pool),
    Flow("repair of a server", repair, furnished=True, share=0.1, prepare=changed_server),
    Flow("removal of an orphan", remove, furnished=True, share=0.15, prepare=resurrected),
    Flow("first credential", issue, furnished=True, share=0.08, creates=False, prepare=without_credential),
)


def repair_faults(world: World, operation: Operation) -> Iterator[str]:
    """At the end a look shows what we want; after a cancel that came in time it waits to be repaired.

    A deletion cancels a repair too: then the database is gone, and what was wrong with it.
    """
    operation.refresh_from_db()
    world.local.pass_time(UNSETTLED_SECONDS)
    look(world.local, times=2)
    SqlServer.objects.update(observe_due_at=clock.database_now())
    observe.observe_due()
    deleted = Operation.objects.filter(kind="delete_database", target_key=operation.target_key).exists()
    stays = operation.state == Operation.State.CANCELLED and not (deleted and operation.kind == "repair_database")
    wanted = Finding.State.OPEN if stays else Finding.State.RESOLVED
    for finding in Finding.objects.exclude(state=wanted):
        yield f"{finding} is {finding.state}: {finding.observed}"
