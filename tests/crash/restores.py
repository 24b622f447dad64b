"""Restores to break, and what must hold at their end and, of a service that stands, at every moment."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from cloud.sql_failures import SqlFailure
from inventory.models import Database, Workspace
from inventory.states import Status
from operations import clock
from operations.models import Operation
from provisioning.restores import RestoreWish, request_restore
from rotation.models import Credential
from rotation.names import SLOTS, Purpose, stable_secret_of, user_of
from rotation.orphans import orphaned_versions
from tests.builders import TIB
from tests.crash import judging
from tests.crash.flows import FIRST, SECOND, Flow, delete, request
from tests.crash.rotations import Witness, refusal
from tests.crash.world import World

HOUR = timedelta(hours=1)


def with_backups(world: World) -> None:
    """The one database is an hour old, for Azure and for people."""
    world.local.pass_time(HOUR.total_seconds())
    azure_now = datetime.fromtimestamp(world.local.azure.clock.now(), UTC)
    clock.advance(azure_now - clock.now(), business=True)


def deleted_with_backups(world: World) -> None:
    with_backups(world)
    world.run(lambda: delete(FIRST))


def hyperscale_deleted(world: World) -> None:
    """A Hyperscale service beside the pooled one was deleted; its first backup was there at once."""
    world.run(lambda: request(SECOND, 50 * TIB, "dicom"))
    with_backups(world)
    world.run(lambda: delete(SECOND))


def undelete() -> Operation:
    return request_restore(Workspace.objects.get(), RestoreWish(FIRST), actor="tests")


def undelete_hyperscale() -> Operation:
    return request_restore(Workspace.objects.get(), RestoreWish(SECOND), actor="tests")


def take_back(name: str = FIRST) -> Operation:
    wish = RestoreWish(name, clock.now() - HOUR / 2)
    return request_restore(Workspace.objects.get(), wish, actor="tests")


def take_back_with_cast() -> Operation:
    return take_back(SECOND)


RESTORES = (
    Flow("undelete", undelete, furnished=True, share=0.02, prepare=deleted_with_backups),
    Flow("undelete hyperscale", undelete_hyperscale, furnished=True, share=0.02, prepare=hyperscale_deleted),
    Flow("to a moment", take_back, furnished=True, share=0.02, prepare=with_backups),
    Flow(
        "to a moment with cast",
        take_back_with_cast,
        furnished=True,
        share=0.015,
        beside="with cast",
        prepare=with_backups,
    ),
)


class Consumer(Witness):
    """Signs in to a service that stands, also while it is being restored."""

    def look(self, after: str) -> None:
        standing = Database.objects.filter(status__in=(Status.READY, Status.UPDATING), deleted_at=None)
        for database in standing.filter(stands_in_for=None):
            self.looks += 1
            why = refusal(self.world, database)
            if why:
                self.failures.append(f"no credential works after {after}: {why}")


def restore_faults(world: World, *, landed_late: bool) -> Iterator[str]:
    """At the end: made once, under one active user; every other password that was ever known is refused."""
    words = ("CreateRestoreRequest",)
    made = Counter(e["id"].lower() for e in world.local.effects() if e["operation"] in words)
    yield from (f"{name} was restored {count} times" for name, count in made.items() if count > 1)
    for database in Database.objects.filter(status=Status.READY).select_related("service"):
        for purpose in _wished(database):
            yield from _of_one_purpose(world, database, purpose)
        if not landed_late:
            yield from (f"{version} is enabled and nobody's" for version in orphaned_versions(database))


def _wished(database: Database) -> list[Purpose]:
    cast = database.service is not None and database.service.has_cast
    return [Purpose.SERVICE, Purpose.CAST] if cast else [Purpose.SERVICE]


def _of_one_purpose(world: World, database: Database, purpose: Purpose) -> Iterator[str]:
    why = refusal(world, database, purpose)
    if why:
        yield f"{database}: {why}"
    active = Credential.objects.filter(database=database, slot__in=SLOTS[purpose], status=Credential.Status.ACTIVE)
    if active.count() != 1:
        yield f"{database}: {active.count()} users of the {purpose} are active"
    yield from _old_passwords(world, database, purpose)


def as_before(operation: Operation, expected: judging.Rows) -> Iterator[str]:
    """After a cancel: what stood stands, what was deleted is deleted; or, too late, as if there had been none."""
    operation.refresh_from_db()
    if operation.state != Operation.State.CANCELLED:
        yield from judging.differences(expected, judging.rows())
        return
    database = Database.objects.get(pk=operation.target_key.partition(":")[2])
    wanted = Status.DELETED if operation.input["undeletes"] else Status.READY
    found = (database.status, database.azure_name)
    if found != (wanted, stable_secret_of(database)):
        yield f"after the cancel it is {found}"
    if operation.input["undeletes"] and (database.restorable_until is None or database.service.deleted_at is None):
        yield "it cannot be restored any more"


def _old_passwords(world: World, database: Database, purpose: Purpose) -> Iterator[str]:
    versions = world.local.secrets()[stable_secret_of(database, purpose)]
    documents = [json.loads(version["value"]) for version in versions]
    for document in documents[:-1]:
        if document["password"] == documents[-1]["password"]:
            continue
        for user in map(user_of, SLOTS[purpose]):
            try:
                world.local.session({**document, "database": database.azure_name, "user": user}).close()
            except SqlFailure:
                continue
            yield f"{database}: an old password of {user} works"
