"""What may be asked for: a service's database under a customer's key, under another one, or under the service's own."""

from __future__ import annotations

from django.db import transaction

from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from operations.models import Operation, Priority
from operations.services import active_operation, submit
from provisioning.conversions import held_database, refuse_busy, wished
from provisioning.errors import KeyChangeNotPossible
from provisioning.keys.capacity import check_vault
from provisioning.keys.naming import allowed_key
from provisioning.keys.telling import ACTOR
from provisioning.keys.wish import KeyWish
from provisioning.standing import check_room, standing
from provisioning.workflows.disable_cmk import DISABLE
from provisioning.workflows.enable_cmk import CHANGE, ENABLE
from provisioning.workflows.repair_inaccessible import KIND as REPAIR
from provisioning.workflows.repair_inaccessible import LOST


@transaction.atomic
def request_key(service: ServiceInstance, wish: KeyWish, *, changes: bool, actor: str) -> Operation:
    """Begin to put a service's database under the key; `changes`: it is under another key of its customer now. Repeating it
    gives the operation that is under way. Raises WishRefused, OperationInProgress, Database.DoesNotExist."""
    database, key = held_database(service), allowed_key(wish.uri)
    kind = CHANGE if changes else ENABLE
    running = active_operation(database.key)
    if running is not None and (running.kind, running.input.get("key")) == (kind, str(key)):
        return running
    refuse_busy(database, running)
    _check_present(database, wish, changes=changes)
    check_vault(key, database)
    return _submit(kind, service, database, KeyWish(str(key), wish.follows), actor=actor)


@transaction.atomic
def request_own_key(service: ServiceInstance, *, actor: str) -> Operation:
    """Begin to put the database back under the service's own key. The same conditions, and the same about repeating."""
    database = held_database(service)
    running = active_operation(database.key)
    if running is not None and running.kind == DISABLE:
        return running
    refuse_busy(database, running)
    if not database.key_uri:
        raise KeyChangeNotPossible("The service's database is under no customer's key.")
    return _submit(DISABLE, service, database, KeyWish(""), actor=actor)


@transaction.atomic
def request_repair(database: Database, *, actor: str = ACTOR) -> Operation | None:
    """Begin to bring a database back that Azure has cut off; None while something else works on it."""
    row = Database.objects.select_for_update(of=("self",)).select_related("service__workspace").get(pk=database.pk)
    if row.status != Status.READY or active_operation(row.key) is not None:
        return None
    move(row, Status.UPDATING)
    workspace = row.service.workspace.name if row.service else ""
    wish = {"attributes": list(LOST)}
    return submit(REPAIR, target=row.key, actor=actor, workspace=workspace, wish=wish, priority=Priority.REPAIR)


def _check_present(database: Database, wish: KeyWish, *, changes: bool) -> None:
    if changes and not database.key_uri:
        raise KeyChangeNotPossible("The service's database is under no customer's key: enable one first.")
    if not changes and database.key_uri:
        raise KeyChangeNotPossible("The service's database is under a customer's key already: change it instead.")
    if (database.key_uri, database.key_follows) == (wish.uri, wish.follows):
        raise KeyChangeNotPossible("The service's database is under this very key.")


def _submit(kind: str, service: ServiceInstance, database: Database, wish: KeyWish, *, actor: str) -> Operation:
    check_room(standing(service.workspace, service.name))
    former = {"uri": database.key_uri, "follows": database.key_follows}
    move(database, Status.UPDATING, key_uri=wish.uri, key_follows=wish.follows)
    return submit(
        kind,
        target=database.key,
        actor=actor,
        workspace=service.workspace.name,
        wish={"service": service.name, "key": wish.uri, "follows": wish.follows, "former": former},
        beside=wished(service, f"service.{kind}_requested", actor=actor, key=wish.uri),
    )
