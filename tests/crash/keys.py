"""Customers' keys to break: given, changed, taken back, at a creation and a claim; and the way back of a database cut off."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from cloud import factory
from cloud.keys import IdentityRef
from inventory.identifiers import azure_name
from inventory.models import Database, ServiceInstance, SqlServer, Workspace
from inventory.states import Status
from operations.clock import DatabaseNow
from operations.models import Operation
from provisioning import observe
from provisioning.changes.consent import UNTOLD
from provisioning.keys.plans import disable, enable
from provisioning.keys.wish import KeyWish
from provisioning.keys.wishes import request_repair
from provisioning.models import KeyUse, KeyWatch
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB
from tests.crash import judging
from tests.crash.change_ground import ChangeGround
from tests.crash.flows import FIRST, SECOND, Flow
from tests.crash.restores import Consumer
from tests.crash.warm import filled
from tests.crash.world import World
from tests.keyed import a_key, come_as_identities, grant, newest_key, revoke, trust_issuer

KINDS = ("enable_cmk", "change_cmk_key", "disable_cmk", "create_database", "claim_database", "repair_inaccessible")


def with_key(world: World) -> None:
    """The customer has a key, and has granted its use to the identity, which is there as an earlier attempt made it."""
    trust_issuer(world.local)
    server, workspace = SqlServer.objects.get(), Workspace.objects.get()
    where = IdentityRef(server.subscription_id, server.resource_group, azure_name("i", workspace.pk))
    factory.sql_management().put_identity(where, workspace.region_id, {})
    a_key(world.local)


def encrypted(world: World) -> None:
    with_key(world)
    world.run(give)


def encrypted_with_two_keys(world: World) -> None:
    encrypted(world)
    a_key(world.local)


def cut_off(world: World) -> None:
    """Azure has waited long enough; now the key is there again."""
    encrypted(world)
    revoke(world.local)
    world.local.pass_time(2000)
    grant(world.local)


def filled_with_key(world: World) -> None:
    with_key(world)
    filled(world)


def give() -> Operation:
    return enable(_service(), KeyWish(newest_key()), changes=False, actor="tests", consent=UNTOLD)


def change() -> Operation:
    return enable(_service(), KeyWish(newest_key()), changes=True, actor="tests", consent=UNTOLD)


def take_back() -> Operation:
    return disable(_service(), actor="tests", consent=UNTOLD)


def create() -> Operation:
    wish = ServiceWish(SECOND, "fhir", 100 * GIB, key=KeyWish(newest_key()))
    granted = request_service(Workspace.objects.get(), wish, actor="tests")
    assert granted.operation is not None
    return granted.operation


def repair() -> Operation:
    operation = request_repair(Database.objects.get(), actor="tests")
    assert operation is not None
    return operation


KEYS = (
    Flow("a key is given", give, furnished=True, share=0.06, prepare=with_key),
    Flow("a key is changed", change, furnished=True, share=0.06, prepare=encrypted_with_two_keys),
    Flow("a key is taken back", take_back, furnished=True, share=0.1, prepare=encrypted),
    Flow("pooled with a key", create, furnished=True, share=0.02, prepare=with_key),
    Flow("claim with a key", create, furnished=True, share=0.05, prepare=filled_with_key),
)
BACK = (Flow("a database cut off", repair, furnished=True, share=0.06, prepare=cut_off),)


class KeyGround(ChangeGround):
    """What holds besides: Azure has the key that the row wants, and nobody is kept from signing in by a change of it."""

    signs_in = True

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._token = directory / "token"

    def witness(self, world: World) -> Consumer | None:  # type: ignore[override]  # nobody signs in to what is cut off
        come_as_identities(world.local, self._token)
        return Consumer(world) if self.signs_in else None

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        SqlServer.objects.update(observe_due_at=DatabaseNow())  # a last look: not every run has one at its end
        observe.observe_due()
        yield from super().judge(world, landed_late=landed_late)
        shown = {one.name: one.body for one in world.local.resources("databases")}
        for database in Database.objects.filter(status=Status.READY):
            found = shown[database.azure_name]["properties"].get("encryptionProtector", "")
            if found != database.key_uri:
                yield f"{database} is under '{found}' in Azure, not '{database.key_uri}'"
            yield from _used(database)

    def judge_end(self, faults: Sequence[str], expected: judging.Rows | None) -> Iterator[str]:
        followed = Operation.objects.filter(kind__in=KINDS, parent=None).latest("created_at")
        if "delete" in faults:
            yield from judging.is_gone(followed)
        elif followed.state == Operation.State.CANCELLED:
            yield from _left(followed)
        elif expected is not None:
            yield from judging.differences(expected, judging.rows())


class BackGround(KeyGround):
    signs_in = False


def _used(database: Database) -> Iterator[str]:
    """One present use for a key, none without one; and a watch beside it."""
    present = list(KeyUse.objects.filter(database=database, used_until=None).values_list("uri", flat=True))
    if present != [database.key_uri] * bool(database.key_uri):
        yield f"{database}: its uses say {present}"
    if KeyWatch.objects.filter(database=database).exists() != bool(database.key_uri):
        yield f"{database}: watched, or not, against its key"


def _left(followed: Operation) -> Iterator[str]:
    """After a cancel in time the database stands as before; one that was being made is gone."""
    database = Database.objects.get(pk=followed.target_key.partition(":")[2])
    made = followed.kind == "create_database"
    wanted = Status.DELETED if made else Status.READY
    if database.status != wanted:
        yield f"after the cancel {database} is {database.status}"


def _service() -> ServiceInstance:
    return ServiceInstance.objects.get(name=FIRST)
