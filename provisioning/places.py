"""Where a database goes: room taken in a pool or on a server, and new ones begun where none has room.

Beginning a pool or server is decided by one transaction at a time per place, and what is being made counts as a place with
room. So a crowd that finds an empty region makes as few pools as it needs, not one each.
"""

from __future__ import annotations

import secrets
from dataclasses import asdict

from django.conf import settings
from django.db import transaction

from inventory.identifiers import azure_name, new_id
from inventory.models import AuthMode, Database, ElasticPool, Region, SqlServer, Subscription
from inventory.states import Status
from operations.errors import QuotaExhausted
from operations.models import Operation
from operations.outcomes import StepError
from operations.services import reserve, serialise, submit
from placement.engine.decision import Decision
from placement.engine.sizing import PoolShape, pool_shape_for
from placement.services import choose_pool, give_room_back, take_room, take_server_room
from placement.snapshot import PRESENT, demand_of, policy

ATTEMPTS = 5
PLACES_TRIED = 5


class NoPlace(Exception):
    """No pool or server has room now, although the engine thought so: others were quicker. Try again."""

    code = "NoPlace"
    transient = True
    retry_after = None


class _Taken(Exception):
    """Others were quicker: undo what this attempt took."""


def leave_refused(operation: Operation, database: Database) -> None:
    """Give room back that Azure has refused, or that never came to be; nothing to do the first time.

    Raises StepError NoCapacity after several places.
    """
    refused = operation.choices.get("refused", [])
    if str(database.pool_id) in refused or str(database.server_id) in refused or _never_came_to_be(database):
        give_room_back(database)
        Database.objects.filter(pk=database.pk).update(pool=None, server=None)
    if len(refused) >= PLACES_TRIED:
        raise StepError("NoCapacity", "Azure has refused this database in several places. Try another region or size.")


def settle_beside(operation: Operation, database: Database, server: SqlServer) -> None:
    """Give the database a place on this server and no other: in a pool, a new one if need be, or on its own.

    Raises StepError NoRoomOnServer where the server has none, NoPlace where others were quicker.
    """
    refused = set(operation.choices.get("refused", ()))
    if database.service_tier == Database.Tier.HYPERSCALE:
        if str(server.pk) in refused or not take_server_room(server.pk, databases=1, vcores=database.vcores or 0):
            raise _full(server)
        why = f"Backups are restored on their own server; {server} has {database.vcores} vCores to spare."
        _save_place(database, server=server, pool=None, reason={"reason": why})
        return
    refused |= pools_elsewhere(database, server)
    if _take_best_pool(database, refused):
        return
    serialise(f"new-pool:{_place_key(database)}")
    if _take_best_pool(database, refused):
        return
    shape = pool_shape_for(demand_of(database), policy())
    serialise(f"new-server:{database.region_id}/{_auth_mode(database)}")
    if not take_server_room(server.pk, vcores=shape.vcores):
        raise _full(server)
    add_pool(operation, server, shape)
    if not _take_best_pool(database, refused):
        raise NoPlace("The new pool does not hold what it was made for.")


def settle_in_standing_pool(operation: Operation, database: Database, server: SqlServer) -> bool:
    """Give the database room in a pool of its tier that stands on this server; False where none has any."""
    refused = set(operation.choices.get("refused", ()))
    return _take_best_pool(database, refused | pools_elsewhere(database, server))


def settle_in_named_pool(database: Database, pool: ElasticPool) -> bool:
    """Give the database room in this pool and no other; False where it has none."""
    others = ElasticPool.objects.filter(server__region=database.region).exclude(pk=pool.pk)
    return _take_best_pool(database, {str(key) for key in others.values_list("pk", flat=True)})


def settle_in_pool(operation: Operation, database: Database) -> None:
    """Give the database a pool: the best one with room, else a new one. Raises QuotaExhausted, NoPlace."""
    refused = set(operation.choices.get("refused", ()))
    if _take_best_pool(database, refused):
        return
    serialise(f"new-pool:{_place_key(database)}")
    if _take_best_pool(database, refused):
        return
    _begin_pool(operation, database, refused)
    if not _take_best_pool(database, refused):
        raise NoPlace("The new pool does not hold what it was made for.")


def settle_on_server(operation: Operation, database: Database) -> None:
    """Give a single database a server with vCores to spare, else a new one. Raises QuotaExhausted."""
    refused = set(operation.choices.get("refused", ()))
    serialise(f"new-server:{database.region_id}/{_auth_mode(database)}")
    wanted = {"databases": 1, "vcores": database.vcores or 0}
    server = _server_with_room(database, refused, **wanted) or _new_server(operation, database, **wanted)
    _save_place(
        database, server=server, pool=None, reason={"reason": f"{server} has {database.vcores} vCores to spare."}
    )


def _take_best_pool(database: Database, refused: set[str]) -> bool:
    full = set(refused)
    for _ in range(ATTEMPTS):
        decision = choose_pool(database, exclude=full)
        if decision.pool_id is None:
            return False
        if _take(database, decision):
            return True
        full.add(decision.pool_id)
    raise NoPlace("Others took the room that was chosen.")


def _take(database: Database, decision: Decision) -> bool:
    """Take the chosen pool's and its server's room, both or none."""
    assert decision.pool_id is not None
    assert decision.ceilings is not None
    pool = ElasticPool.objects.select_related("server").get(pk=decision.pool_id)
    try:
        with transaction.atomic():
            if not (take_room(database, pool.pk, decision.ceilings) and take_server_room(pool.server_id, databases=1)):
                raise _Taken
    except _Taken:
        return False
    _save_place(database, server=pool.server, pool=pool, reason=decision.as_dict())
    return True


def _begin_pool(operation: Operation, database: Database, refused: set[str]) -> ElasticPool:
    """A pool large enough for the database, on a server with vCores to spare, else on a new one; both by operations."""
    shape = pool_shape_for(demand_of(database), policy())
    serialise(f"new-server:{database.region_id}/{_auth_mode(database)}")
    server = _server_with_room(database, refused, vcores=shape.vcores) or _new_server(
        operation, database, vcores=shape.vcores
    )
    return add_pool(operation, server, shape)


def add_pool(operation: Operation, server: SqlServer, shape: PoolShape) -> ElasticPool:
    """A pool row on a server whose room is taken, and the operation that makes it."""
    row_id = new_id()
    columns = {name: value for name, value in asdict(shape).items() if name != "zone_redundant"}
    pool = ElasticPool.objects.create(
        id=row_id, server=server, azure_name=azure_name("p", row_id), is_zone_redundant=shape.zone_redundant, **columns
    )
    submit("create_pool", target=pool.key, actor=operation.actor, priority=operation.priority, parent=operation)
    return pool


def _server_with_room(database: Database, refused: set[str], *, databases: int = 0, vcores: int) -> SqlServer | None:
    """The fullest server that still has room, its room taken; the name breaks ties. One that is full of databases takes no
    pool for another either."""
    candidates = SqlServer.objects.filter(
        region=database.region,
        auth_mode=_auth_mode(database),
        status__in=PRESENT,
        is_cordoned=False,
        databases_committed__lt=settings.SERVER_DATABASES,
    ).exclude(pk__in=[key for key in refused if key])
    for server in candidates.order_by("-vcores_committed", "azure_name"):
        if take_server_room(server.pk, databases=databases, vcores=vcores):
            return server
    return None


def _new_server(operation: Operation, database: Database, *, databases: int = 0, vcores: int) -> SqlServer:
    """A server row with its room taken, in the open subscription that has fewest there, and the operation that makes it."""
    region = database.region
    subscription = _subscription_for(region)
    server = SqlServer.objects.create(
        **_administrator_columns(database),
        subscription=subscription,
        region=region,
        resource_group=subscription.resource_group,
        azure_name=server_name(region),
        databases_committed=databases,
        vcores_committed=vcores,
    )
    making = submit(
        "create_server", target=server.key, actor=operation.actor, priority=operation.priority, parent=operation
    )
    _reserve_server(making, subscription, region)
    return server


def _administrator_columns(database: Database) -> dict[str, object]:
    """Where only Entra may sign in there is no administrator with a password."""
    row_id, mode = new_id(), _auth_mode(database)
    by_password = {"administrator_login": "sppadmin", "admin_secret_name": azure_name("s", row_id) + "-admin"}
    return {"id": row_id, "auth_mode": mode, **(by_password if mode == AuthMode.SQL else {})}


def server_name(region: Region) -> str:
    """A name to try: globally unique in Azure, so the random part is long enough not to meet another's."""
    return f"{settings.DEPLOYMENT}-{region.name}-{secrets.token_hex(4)}"


def _subscription_for(region: Region) -> Subscription:
    """The open subscription with most room for servers in this region. Raises QuotaExhausted when none is open."""
    open_ones = list(Subscription.objects.filter(is_open=True))
    if not open_ones:
        raise QuotaExhausted("subscriptions", 0)
    return min(open_ones, key=lambda s: (_servers(s, region) - s.servers_per_region, s.subscription_id))


def _servers(subscription: Subscription, region: Region) -> int:
    return SqlServer.objects.filter(subscription=subscription, region=region).exclude(status=Status.DELETED).count()


def _reserve_server(making: Operation, subscription: Subscription, region: Region) -> None:
    """Azure's limit of servers in a subscription and region (20 by default, 250 at most; limits of logical servers)."""
    key = f"servers:{subscription.subscription_id}/{region.name}"
    serialise(key)
    standing = SqlServer.objects.filter(subscription=subscription, region=region)
    used = standing.exclude(status__in=[Status.DELETED, Status.CREATING]).count()
    reserve(making, key, amount=1, used=used, limit=subscription.servers_per_region)


def _save_place(database: Database, *, server: SqlServer, pool: ElasticPool | None, reason: dict[str, object]) -> None:
    database.server, database.pool, database.holds_room, database.placement = server, pool, True, reason
    database.save(update_fields=["server", "pool", "holds_room", "placement"])


def pools_elsewhere(database: Database, server: SqlServer) -> set[str]:
    elsewhere = ElasticPool.objects.filter(server__region=database.region).exclude(server=server)
    return {str(key) for key in elsewhere.values_list("pk", flat=True)}


def _never_came_to_be(database: Database) -> bool:
    """Its pool or server failed before Azure ever showed the database: a second attempt needs another place."""
    places = [place for place in (database.pool, database.server) if place is not None]
    return not database.observed_arm_id and any(place.status == Status.FAILED for place in places)


def _full(server: SqlServer) -> StepError:
    text = f"{server} has no room for it, and it can go to no other server."
    return StepError("NoRoomOnServer", text)


def _place_key(database: Database) -> str:
    return f"{database.region_id}/{database.service_tier}/{_auth_mode(database)}"


def _auth_mode(database: Database) -> str:
    return database.service.workspace.auth_mode if database.service else AuthMode.SQL
