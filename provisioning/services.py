"""What may be asked for: databases for services, and their removal. Each wish is one transaction."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db import transaction

from cloud.identities import EntraPrincipal
from inventory.identifiers import azure_name, new_id
from inventory.models import Database, ServiceInstance, Workspace
from inventory.selectors import present_workspaces
from inventory.states import Status, move
from operations.errors import OperationInProgress, TooLateToCancel
from operations.models import Operation
from operations.services import active_operation, cancel, submit
from placement.engine.sizing import SizeRefused, Tier, tier_for, vcores_for_hyperscale
from placement.snapshot import limits, policy
from provisioning.cast import check_cast, meet_cast
from provisioning.changes.consent import UNTOLD, Consent
from provisioning.changes.growth import CONVERT, GROW, request_growth
from provisioning.errors import (
    ChangeNotSupported,
    RegionClosed,
    SizeNotSupported,
    UnsupportedServiceKind,
    WorkspaceBeingDeleted,
    WorkspaceGone,
)
from provisioning.identities import check_identity, identity_columns, meet_identity
from provisioning.keys.naming import allowed_key
from provisioning.keys.wish import KeyWish, give_at_creation, meet_key
from provisioning.service_events import wished
from provisioning.standing import Standing, check_room, hold, service_key, standing, way_of
from provisioning.warm.claiming import KIND as CLAIM
from provisioning.warm.claiming import claim
from rotation.services import make_way


@dataclass(frozen=True, slots=True)
class ServiceWish:
    """A service as its owner describes it; `size_bytes` is planned capacity, `cast` asks for DICOM Cast beside it.
    `identity`: as whom it signs in, where only Entra may. `key`: its customer's own, from the first moment."""

    name: str
    kind: str
    size_bytes: int
    identity: EntraPrincipal | None = None
    cast: bool = False
    key: KeyWish | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    """What became of a wish: the service, the operation that works on it if any, and whether it is new."""

    service: ServiceInstance
    operation: Operation | None
    is_new: bool = False


@transaction.atomic
def request_service(workspace: Workspace, wish: ServiceWish, *, actor: str, consent: Consent = UNTOLD) -> Granted:
    """Record the wish for a service with a database and start working on it.

    Equal to what is there: nothing new, the running operation if there is one. A failed creation is tried again with the
    same names. Another size of one that stands is a change, and needs consent where it disturbs. Raises WishRefused
    (WorkspaceGone, DisruptionNotAccepted, PlanChanged too), OperationInProgress.
    """
    check_wish(workspace, wish)
    if not hold(workspace):
        raise WorkspaceGone("There is no such workspace.")
    found = standing(workspace, wish.name)
    if found.is_being_removed:
        raise WorkspaceBeingDeleted("The workspace is being removed; it takes no wishes any more.")
    if found.service_id is not None:
        return _meet(ServiceInstance.objects.get(pk=found.service_id), wish, found, actor=actor, consent=consent)
    check_room(found)
    return _create(workspace, wish, actor=actor)


def check_wish(workspace: Workspace, wish: ServiceWish) -> Tier:
    """The tier that would hold it. Raises WishRefused."""
    if wish.key is not None:
        allowed_key(wish.key.uri)
    check_identity(workspace, wish.identity)
    if wish.kind not in ServiceInstance.Kind.values:
        raise UnsupportedServiceKind(f"A service of kind {wish.kind} keeps no data in Azure SQL; FHIR and DICOM do.")
    if wish.cast:
        check_cast(workspace, wish.kind)
    if not workspace.region.is_open:
        raise RegionClosed(f"{workspace.region.display_name} takes no new databases.")
    try:
        return tier_for(wish.size_bytes, limits())
    except SizeRefused as error:
        raise SizeNotSupported(str(error)) from error


@transaction.atomic
def request_deletion(service: ServiceInstance, *, actor: str, parent: Operation | None = None) -> Operation:
    """Remove a service's database. Always accepted: what runs is asked to stop, and the removal runs next.

    Repeating it gives the removal that is under way. Raises Database.DoesNotExist when it is gone.
    """
    way = _hold_way_and_workspace(service)
    database = Database.objects.exclude(status=Status.DELETED).get(service=service)
    active = _held_operation(database.key)
    make_way(database, actor=actor)
    if way is not None:
        _ask_to_stop(way, actor=actor)  # it asks for no more hops
    if active is None:
        database = Database.objects.select_for_update().exclude(status=Status.DELETED).get(pk=database.pk)
        move(database, Status.DELETING)
        return _submit_deletion(database, service, actor=actor, follows=None, parent=parent)
    if active.kind == "delete_database":
        return active
    standing = Operation.objects.filter(follows=active).first()
    if standing is not None:
        return standing
    _ask_to_stop(active, actor=actor)
    return _submit_deletion(database, service, actor=actor, follows=active, parent=parent)


def hold_ways(services: Iterable[ServiceInstance]) -> None:
    """Hold the ways of several hops that these services go, before their workspace is held: who removes many of them in one
    transaction does this first."""
    for key in sorted(map(service_key, services)):
        _held_operation(key)


def _hold_way_and_workspace(service: ServiceInstance) -> Operation | None:
    """The way of several hops that it goes, if any; held, then its workspace (one wish at a time there): in this order, as the
    engine does that asks for the next hop. One that was begun in between is held first too."""
    while True:
        before = transaction.savepoint()
        way = _held_operation(service_key(service))
        present_workspaces().select_for_update().filter(pk=service.workspace_id).first()
        if active_operation(service_key(service)) == way:
            return way
        transaction.savepoint_rollback(before)


def _held_operation(target: str) -> Operation | None:
    """The operation that is changing this target, held until our transaction ends.

    Operations are locked before what they change, as the engine does: the other way round, the two would wait for each other.
    """
    while (active := active_operation(target)) is not None:
        held = Operation.objects.select_for_update(of=("self",)).get(pk=active.pk)
        if not held.is_terminal:
            return held
    return None


def _submit_deletion(
    database: Database, service: ServiceInstance, *, actor: str, follows: Operation | None, parent: Operation | None
) -> Operation:
    return submit(
        "delete_database",
        target=database.key,
        actor=actor,
        workspace=service.workspace.name,
        follows=follows,
        parent=parent,
    )


def _ask_to_stop(operation: Operation, *, actor: str) -> None:
    try:
        cancel(operation, actor=actor)
    except TooLateToCancel:
        return  # it runs to its end, and the removal follows


def _create(workspace: Workspace, wish: ServiceWish, *, actor: str) -> Granted:
    columns = {"has_cast": wish.cast, **identity_columns(wish.identity)}
    service = ServiceInstance.objects.create(workspace=workspace, name=wish.name, kind=wish.kind, **columns)
    told, event = _as_input(wish), wished(service, wish, actor=actor)
    claimed = claim(
        service,
        tier=_tier(workspace, wish),
        size_bytes=wish.size_bytes,
        key=wish.key,
        actor=actor,
        wish=told,
        beside=event,
    )
    if claimed is not None:
        return Granted(service, claimed, is_new=True)
    database = _add_database(service, wish)
    give_at_creation(database, wish.key)
    operation = submit(
        "create_database",
        target=database.key,
        actor=actor,
        workspace=workspace.name,
        wish=told,
        beside=event,
    )
    return Granted(service, operation, is_new=True)


def _add_database(service: ServiceInstance, wish: ServiceWish) -> Database:
    """The row with every desired column; place and name are known before Azure hears of it."""
    row_id, rules, tier = new_id(), policy(), _tier(service.workspace, wish)
    single = tier == Database.Tier.HYPERSCALE
    vcores = vcores_for_hyperscale(wish.size_bytes, rules) if single else None
    return Database.objects.create(
        id=row_id,
        service=service,
        region=service.workspace.region,
        service_tier=tier,
        sku_name="HS_Gen5" if single else "",
        vcores=vcores,
        size_bytes=wish.size_bytes,
        retention_days=service.workspace.retention_days,
        azure_name=azure_name("d", row_id),
        vcores_demanded=rules.expected_vcores(service_kind=wish.kind, storage_bytes=wish.size_bytes),
    )


def _tier(workspace: Workspace, wish: ServiceWish) -> str:
    single = check_wish(workspace, wish) is Tier.HYPERSCALE
    return Database.Tier.HYPERSCALE if single else Database.Tier.GENERAL_PURPOSE


def _meet(service: ServiceInstance, wish: ServiceWish, found: Standing, *, actor: str, consent: Consent) -> Granted:
    database = Database.objects.select_for_update().exclude(status=Status.DELETED).get(service=service)
    running = active_operation(database.key) or way_of(database)
    meet_key(database, wish.key)
    if running is None:
        return Granted(service, _change(database, service, wish, found, actor=actor, consent=consent))
    if service.has_cast != wish.cast or not _is_repeated(running, database, service, wish):
        raise OperationInProgress(running)
    in_line = Operation.objects.filter(follows=running).first()
    if in_line is not None:
        raise OperationInProgress(in_line)  # a removal follows: that is what is wished for now
    meet_identity(service, database, wish.identity)
    return Granted(service, running)


def _change(
    database: Database, service: ServiceInstance, wish: ServiceWish, found: Standing, *, actor: str, consent: Consent
) -> Operation | None:
    """What makes a service that stands, or has failed, what is wished for; None where it is so already."""
    if service.kind != wish.kind:
        raise ChangeNotSupported("The service exists with another kind; changing it is not supported.")
    meet_identity(service, database, wish.identity)
    same_size, same_cast = database.size_bytes == wish.size_bytes, service.has_cast == wish.cast
    if same_size and database.status != Status.FAILED:
        return meet_cast(database, found, wanted=wish.cast, actor=actor)
    if not same_cast:
        raise ChangeNotSupported("Cast can be switched for a ready service of the size that it has.")
    check_room(found)
    if not same_size:
        return request_growth(database, wish.size_bytes, actor=actor, consent=consent)
    return _create_again(database, service, wish, actor=actor)


def _is_repeated(running: Operation, database: Database, service: ServiceInstance, wish: ServiceWish) -> bool:
    """True where the running operation gives the service this very size."""
    wished = running.input.get("size_bytes", database.size_bytes)
    same = (service.kind, wished) == (wish.kind, wish.size_bytes)
    return same and running.kind in ("create_database", CLAIM, GROW, CONVERT, *AS_IT_IS)


AS_IT_IS = (
    *("change_database", "move_database", "rehome_database", "change_backup_storage"),
    *("repair_database", "repair_inaccessible"),
)
"""What changes where a service stands, and neither its kind nor its size."""


def _as_input(wish: ServiceWish) -> dict[str, object]:
    told = {"kind": wish.kind, "size_bytes": wish.size_bytes, "service": wish.name}
    told |= {"key": wish.key.uri} if wish.key else {}
    return {**told, "cast": True} if wish.cast else told


def _create_again(database: Database, service: ServiceInstance, wish: ServiceWish, *, actor: str) -> Operation:
    """A new attempt at a failed creation, with the same row, names and place."""
    move(database, Status.CREATING, error_code="", error_message="")
    return submit(
        "create_database",
        target=database.key,
        actor=actor,
        workspace=service.workspace.name,
        wish={**_as_input(wish), "again": True},
    )
