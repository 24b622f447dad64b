"""A database's key is looked at again after a loss (revalidate), or given up for the server's own (revert)."""

from __future__ import annotations

from functools import partial

from simulator.arm.arm import Arm
from simulator.arm.call import Call
from simulator.arm.database_changes import check_idle, check_server_idle
from simulator.arm.database_keys import PROPERTIES, refusal
from simulator.arm.database_sizes import SMALLEST
from simulator.arm.errors import invalid
from simulator.arm.key_watch import well_again
from simulator.arm.limits import GIB, database_size
from simulator.arm.names import check_not_reserved
from simulator.arm.operations import Operation
from simulator.arm.polling import accepted
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import DATABASE, route
from simulator.arm.server_load import databases_named, single_collection
from simulator.arm.storage import used_bytes
from simulator.http import Response
from simulator.key_access import KeyRefused

PROTECTOR = DATABASE + "/encryptionProtector/{protector}"
REVALIDATE, REVERT = "databaseEncryptionProtectorRevalidate", "databaseEncryptionProtectorRevert"
REVALIDATE_WORD, REVERT_WORD = "RevalidateDatabaseEncryptionProtector", "RevertDatabaseEncryptionProtector"
SECONDS_PER_GB = 1.0
DEFAULT_RETENTION_DAYS = 7


@route("POST", PROTECTOR + "/revalidate")
def revalidate(call: Call) -> Response:
    """202: an Inaccessible database whose key is there again comes back, without pool, tags and history; else no change."""
    database = _with_key(call)
    gib = used_bytes(call, database) / GIB
    seconds = call.arm.seconds(60, 180) + SECONDS_PER_GB * gib
    return accepted(call, kind=REVALIDATE, word=REVALIDATE_WORD, target=database.id, seconds=seconds)


@route("POST", PROTECTOR + "/revert")
def revert(call: Call) -> Response:
    """202: from then on the server's own key protects it; what has no key of its own stays as it is."""
    database = _with_key(call)
    return accepted(call, kind=REVERT, word=REVERT_WORD, target=database.id, seconds=call.arm.seconds(10, 40))


def _with_key(call: Call) -> Resource:
    """The database, idle, with a key that can be read or none."""
    server, database = call.server(), call.existing(DATABASE)
    if call.names["protector"].lower() != "current":
        raise invalid("InvalidEncryptionProtectorName", "The encryption protector key name is not supported.")
    check_not_reserved(database.name)
    check_idle(call, database)
    check_server_idle(call, server)
    if database.properties.get("encryptionProtector"):
        try:
            call.arm.key_watch.usable(database)
        except KeyRefused as refused:
            raise refusal(refused) from refused
    return database


def register(arm: Arm) -> None:
    """Tie both to their ends."""
    arm.operations.when_done(REVALIDATE, REVALIDATE_WORD, partial(_finish_revalidate, arm))
    arm.operations.when_done(REVERT, REVERT_WORD, partial(_finish_revert, arm))


def _finish_revert(arm: Arm, operation: Operation) -> None:
    database = arm.resources.get(operation.target)
    if database is None:
        return
    reverted = database.changed(properties=dict.fromkeys(PROPERTIES))
    arm.resources.put(reverted)
    arm.key_watch.follow(reverted)


def _finish_revalidate(arm: Arm, operation: Operation) -> None:
    """Only a database that was Inaccessible loses something; Azure's page lists what."""
    database = arm.resources.get(operation.target)
    if database is None:
        return
    if database.properties["status"] != "Inaccessible":
        arm.resources.put(well_again(database))
        arm.key_watch.disturb()
        return
    at = operation.due or operation.started
    lost = {"online_at": at, "retention_days": DEFAULT_RETENTION_DAYS, "long_term": None, "key_lost_at": None}
    back = well_again(_single(database).with_body(tags=None)).changed(inner=lost)
    arm.resources.put(back.changed(properties={"status": "Online"}))
    arm.key_watch.disturb()


def _single(database: Resource) -> Resource:
    """Out of its pool, in the smallest size of its tier, with what that size has by itself."""
    if "elasticPoolId" not in database.properties:
        return database
    server = database.key.rsplit("/databases/", 1)[0]
    size = database_size({"name": SMALLEST[database.body["sku"]["tier"]]})
    names = ("currentServiceObjectiveName", "requestedServiceObjectiveName")
    properties: Body = {"elasticPoolId": None, "currentSku": size.sku_body(), **dict.fromkeys(names, size.objective)}
    kind = database.body["kind"].removesuffix(",pool")
    alone = database.changed(properties=properties).with_body(sku=size.sku_body(), kind=kind)
    return alone.moved((server, single_collection(server), databases_named(database.name)))
