"""The workflows, each begun as a user would begin it, in the world where it costs least to prove."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from inventory.models import Database, ServiceInstance, Workspace
from operations import clock
from operations.models import Operation
from provisioning import forgetting
from provisioning.services import ServiceWish, request_deletion, request_service
from provisioning.workspaces import request_removal
from tests.builders import GIB, TIB, a_region, a_subscription, a_workspace
from tests.crash.world import Snapshot, World

FIRST, SECOND = "claims", "imaging"


@dataclass(frozen=True)
class Flow:
    """`begin` gives the operation that the user follows; `furnished`: a server with a pool and one database stand there.

    `beside`: a second one too, of a DICOM service `with cast`, or one whose cast was switched off again (`cast gone`).
    `prepare`: what happened to all this since.

    `share`: which part of its cases the budgeted run takes. `stale`: for how many seconds Azure's reads lag behind.
    `steps`: only after these it is struck.
    """

    name: str
    begin: Callable[[], Operation]
    furnished: bool
    share: float
    creates: bool = True
    stale: float = 0.0
    steps: tuple[str, ...] = ()
    beside: str = ""
    prepare: Callable[[World], None] | None = None

    def __str__(self) -> str:
        return self.name


def request(name: str, size_bytes: int, kind: str = "fhir", *, cast: bool = False) -> Operation:
    granted = request_service(Workspace.objects.get(), ServiceWish(name, kind, size_bytes, cast=cast), actor="tests")
    assert granted.operation is not None
    return granted.operation


def delete(name: str) -> Operation:
    return request_deletion(ServiceInstance.objects.get(name=name, deleted_at=None), actor="tests")


def past_its_grace(world: World) -> None:
    """The one service was deleted, and nobody can bring it back any more."""
    world.run(lambda: delete(FIRST))
    database = Database.objects.get()
    grace = timedelta(days=database.retention_days)
    world.local.pass_time(grace.total_seconds())
    clock.advance(grace, business=True)


def forget() -> Operation:
    begun = forgetting.request_forgetting(Database.objects.get().pk)
    assert begun is not None
    return begun


def remove_workspace() -> Operation:
    operation = request_removal(Workspace.objects.get(), actor="tests")
    assert operation is not None
    return operation


def with_cast() -> Operation:
    return request(SECOND, 500 * GIB, "dicom", cast=True)


def without_cast() -> Operation:
    return request(SECOND, 500 * GIB, "dicom")


FLOWS = (
    Flow("first of a region", lambda: request(FIRST, 500 * GIB), furnished=False, share=0.04),
    Flow("pooled", lambda: request(SECOND, 500 * GIB), furnished=True, share=0.08),
    Flow("hyperscale", lambda: request(SECOND, 50 * TIB, "dicom"), furnished=True, share=0.04),
    Flow("pooled with cast", with_cast, furnished=True, share=0.05),
    Flow("removal of a workspace", remove_workspace, furnished=True, share=0.06, creates=False, beside="with cast"),
    Flow("deletion", lambda: delete(FIRST), furnished=True, share=0.15, creates=False),
    Flow("forgetting", forget, furnished=True, share=0.15, creates=False, prepare=past_its_grace),
    Flow("first of a region, stale reads", lambda: request(FIRST, 500 * GIB), furnished=False, share=0.015, stale=30.0),
    Flow("pooled, stale reads", lambda: request(SECOND, 500 * GIB), furnished=True, share=0.03, stale=30.0),
)


def empty_world(directory: Path) -> Snapshot:
    """An open subscription, a region and a workspace; Azure is empty."""
    world = World(directory)
    a_subscription(world.local.subscription_id)
    a_workspace("cigna", a_region("eastus"))
    return world.snapshot()


def furnished_world(directory: Path, empty: Snapshot) -> Snapshot:
    """The same with a server, a pool and one ready database in it."""
    world = World(directory, empty)
    world.run(lambda: request(FIRST, 500 * GIB))
    return world.snapshot()


def world_with_cast(directory: Path, furnished: Snapshot) -> Snapshot:
    """A second ready database beside the first, of a DICOM service with cast."""
    world = World(directory, furnished)
    world.run(with_cast)
    return world.snapshot()


def world_without_cast(directory: Path, served: Snapshot) -> Snapshot:
    """The same after its cast was switched off."""
    world = World(directory, served)
    world.run(without_cast)
    return world.snapshot()
