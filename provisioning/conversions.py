"""What may be asked for: a pooled database into Hyperscale, the consent to its switch, and the way back. Each wish is one
transaction."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from django.db import transaction

from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from inventory.transitions import Home
from operations import audit
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation
from operations.services import active_operation, note, submit
from operations.waking import wake
from placement.engine.sizing import SizeRefused, vcores_for_hyperscale
from placement.snapshot import limits, policy
from provisioning.errors import ChangeNotSupported, NoConsentNeeded, ServiceNotReady, SizeNotSupported, WorkspaceGone
from provisioning.standing import check_room, hold, refuse_on_way, standing
from provisioning.tier_changes import HYPERSCALE_SKU, add_stand_in
from provisioning.windows import KEY as WINDOW
from provisioning.workflows.convert_to_hyperscale import KIND, consent_key

WORDS = ("size_bytes", "cutover", "home", "zone_redundant")
"""What tells one wish for another tier from another."""


class Cutover(StrEnum):
    """When the switch, at which every connection drops once, is made: in the owner's next window, or when he consents."""

    AUTOMATIC = "automatic"
    CONSENT = "consent"


@dataclass(frozen=True, slots=True)
class ConversionWish:
    """`size_bytes` is the planned capacity afterwards (None: as it is). `home`: in a Hyperscale pool of its server, or on its
    own (None: in a pool where one without zone redundancy has room)."""

    cutover: Cutover = Cutover.CONSENT
    size_bytes: int | None = None
    home: Home | None = None
    zone_redundant: bool = False


@transaction.atomic
def request_conversion(
    service: ServiceInstance, wish: ConversionWish, *, actor: str, parent: Operation | None = None
) -> Operation:
    """Begin to convert a service's database to Hyperscale. The same wish again gives the conversion that is under way.

    Raises WishRefused, OperationInProgress; what only the database itself can tell (in-memory tables) fails the operation
    before anything has begun.
    """
    database = held_database(service)
    running = active_operation(database.key)
    asked = {"size_bytes": wish.size_bytes or database.size_bytes, **_as_input(wish)}
    if running is not None and is_repeated(running, KIND, asked):
        return running
    refuse_busy(database, running, hop_of=parent)
    if database.service_tier == Database.Tier.HYPERSCALE:
        raise ChangeNotSupported("It is a Hyperscale database already.")
    check_room(standing(service.workspace, service.name))
    size = wish.size_bytes or database.size_bytes
    vcores = _vcores(database, size)
    move(database, Status.UPDATING)
    operation = submit(
        KIND,
        target=database.key,
        actor=actor,
        workspace=service.workspace.name,
        wish={"service": service.name, "vcores": vcores, **asked},
        parent=parent,
        beside=wished(service, "service.conversion_requested", actor=actor, cutover=wish.cutover, size_bytes=size),
    )
    tier = {"service_tier": Database.Tier.HYPERSCALE, "sku_name": HYPERSCALE_SKU}
    add_stand_in(operation, database, size_bytes=size, vcores=vcores, **tier)
    return operation


@transaction.atomic
def consent(operation: Operation, *, actor: str) -> Operation:
    """Let a conversion switch over as soon as it is ready, without its owner's windows (a freeze of the fleet holds it still);
    given once, it stays given. Raises NoConsentNeeded."""
    row = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    is_over = row.is_terminal or row.cancel_requested_at is not None
    if row.kind != KIND or is_over or not _waits_for_a_word(row):
        raise NoConsentNeeded("The operation waits for nobody's consent.")
    if "consented_by" not in row.choices:
        over_windows = {"actor": actor, "reason": "Its owner consents to the switch.", "over_freezes": False}
        given = row.choices.get("start_now") or over_windows  # an operator's word may reach further
        note(row, {"start_now": given, "consented_by": actor})
        audit.record(
            "operation.consented", actor=actor, target=row.target_key, workspace=row.workspace, operation_id=row.pk
        )
        wake([consent_key(row), *filter(None, [row.waits_on])])
    row.refresh_from_db()
    return row


def _waits_for_a_word(row: Operation) -> bool:
    return row.input["cutover"] == Cutover.CONSENT or row.waits_on.startswith(WINDOW)


def held_database(service: ServiceInstance) -> Database:
    """The service's database, ours until the transaction ends. Raises WorkspaceGone, Database.DoesNotExist."""
    if not hold(service.workspace):
        raise WorkspaceGone("There is no such workspace.")
    return Database.objects.select_for_update(of=("self",)).exclude(status=Status.DELETED).get(service=service)


def is_repeated(running: Operation, kind: str, asked: Mapping[str, object]) -> bool:
    """Whether what runs is of this kind and was asked for in the same words, and nothing else follows it."""
    same = running.kind == kind and all(running.input.get(name) == asked.get(name) for name in WORDS)
    return same and not Operation.objects.filter(follows=running).exists()


def refuse_busy(database: Database, running: Operation | None, *, hop_of: Operation | None = None) -> None:
    """Raises OperationInProgress, also while it is on another way than the one that this is a hop of; ServiceNotReady."""
    if running is not None:
        raise OperationInProgress(Operation.objects.filter(follows=running).first() or running)
    if hop_of is None:
        refuse_on_way(database)
    if database.status != Status.READY:
        raise ServiceNotReady(f"The service's database is {database.status}; only a ready one can be changed.")


def _vcores(database: Database, size: int) -> int:
    """Compute for the new tier. Raises SizeNotSupported for a size below what is planned now, or beyond Hyperscale."""
    if size < database.size_bytes or size > limits().hyperscale_bytes:
        raise SizeNotSupported("Hyperscale would hold less than planned now, or more than it can.")
    try:
        return vcores_for_hyperscale(size, policy())
    except SizeRefused as error:
        raise SizeNotSupported(str(error)) from error


def _as_input(wish: ConversionWish) -> dict[str, object]:
    told: dict[str, object] = {"cutover": wish.cutover.value}
    return told if wish.home is None else {**told, "home": wish.home.value, "zone_redundant": wish.zone_redundant}


def wished(service: ServiceInstance, action: str, *, actor: str, **after: object) -> AuditEvent:
    return audit.event(
        action,
        actor=actor,
        target=f"service:{service.pk}",
        workspace=service.workspace.name,
        after={"name": service.name, **{name: str(value) for name, value in after.items()}},
    )
