"""What an import would take, and what not and why. Azure is read, nothing is written anywhere."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from cloud import factory
from cloud.protocols import CallClass, ObservedDatabase, ObservedPool, ObservedServer, ServerRef, SqlManagement
from inventory.models import Database, ElasticPool, SqlServer, Subscription
from inventory.states import Status
from provisioning.adoption import rules
from provisioning.adoption.rules import Claim, Refusal, Room
from provisioning.errors import WishRefused


class UnknownSubscription(WishRefused):
    """No subscription of this id is known here."""

    code = "UnknownSubscription"


class NamedTwice(WishRefused):
    """Two claims are about one database: Azure's names are the same in capitals and in small letters."""

    code = "NamedTwice"


class Verdict(StrEnum):
    """IMPORT: it becomes ours. KNOWN: it is ours. REFUSED: it cannot be, for the first of the reasons."""

    IMPORT = "import"
    KNOWN = "known"
    REFUSED = "refused"


@dataclass(frozen=True, slots=True)
class AdoptionWish:
    """What to look at: a resource group, or only the `servers` named in it. `claims` go by the database's Azure name."""

    subscription_id: str
    resource_group: str
    servers: frozenset[str] = frozenset()
    claims: Mapping[str, Claim] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """What would become of one resource, and what Azure shows of it."""

    kind: str
    server: str
    name: str
    verdict: Verdict
    seen: Any
    refusal: Refusal | None = None
    retention_days: int | None = None


def as_spelt_here(wish: AdoptionWish) -> AdoptionWish:
    """The wish with names as we know them: Azure takes no notice of capitals, and its portal shows them as they were typed.

    Raises UnknownSubscription, NamedTwice.
    """
    subscription = Subscription.objects.filter(pk__iexact=wish.subscription_id).first()
    if subscription is None:
        raise UnknownSubscription("There is no such subscription here; add it to AZURE_SUBSCRIPTION_IDS first.")
    claims = {name.lower(): claim for name, claim in wish.claims.items()}
    if len(claims) < len(wish.claims):
        raise NamedTwice("A database is claimed twice, in capitals and in small letters.")
    known = SqlServer.objects.filter(subscription=subscription, resource_group__iexact=wish.resource_group).first()
    group = known.resource_group if known else wish.resource_group
    return AdoptionWish(subscription.pk, group, frozenset(name.lower() for name in wish.servers), claims)


def preview(wish: AdoptionWish) -> list[Entry]:
    """Servers, each followed by its pools and databases.

    Raises UnknownSubscription, NamedTwice, and CloudError where a listing fails: a part is no preview.
    """
    wish = as_spelt_here(wish)
    servers = _management().list_servers(wish.subscription_id, wish.resource_group)
    chosen = [one for one in servers if not wish.servers or one.name in wish.servers]
    return [entry for one in chosen for entry in _server(wish, one)]


def _server(wish: AdoptionWish, seen: ObservedServer) -> Iterator[Entry]:
    where = ServerRef(wish.subscription_id, wish.resource_group, seen.name)
    row = SqlServer.objects.filter(azure_name=seen.name, subscription_id=wish.subscription_id).first()
    is_ours = row is not None and row.resource_group == wish.resource_group and row.status == Status.READY
    entry = _entry("server", seen.name, seen, is_ours=is_ours, refusals=rules.server_refusals(seen))
    yield entry
    if entry.verdict is Verdict.REFUSED:
        return
    room, vcores = _room(row), row.vcores_committed if row else 0
    for pool in _management().list_pools(where):
        entry = _pool(row, seen, pool, vcores=vcores)
        if entry.verdict is Verdict.IMPORT:
            vcores += pool.sku.capacity or 0
            size = rules.size_of(pool)
            room.free_bytes[pool.name] = pool.max_size_bytes or 0
            room.free_slots[pool.name] = size.max_databases if size else 0
        yield entry
    yield from _databases(wish, where, seen, room)


def _pool(row: SqlServer | None, server: ObservedServer, seen: ObservedPool, *, vcores: int) -> Entry:
    known = ElasticPool.objects.filter(server=row, azure_name=seen.name, status=Status.READY) if row else None
    refusals = [*rules.pool_refusals(seen)]
    if vcores + (seen.sku.capacity or 0) > rules.MOST_SERVER_VCORES:
        refusals.append(Refusal("ServerFull", f"A server has at most {rules.MOST_SERVER_VCORES} vCores."))
    if row is not None and ElasticPool.objects.filter(server=row, azure_name=seen.name).exists():
        refusals.append(Refusal("NameTaken", "A pool of this name stood here before, or is being made."))
    return _entry("pool", server.name, seen, is_ours=bool(known and known.exists()), refusals=refusals)


def _databases(wish: AdoptionWish, where: ServerRef, server: ObservedServer, room: Room) -> Iterator[Entry]:
    """In the order of their names, each with the room that those before it have left."""
    management, twice = _management(), rules.claimed_twice(wish.claims)
    for seen in sorted(management.list_databases(where), key=lambda one: one.name):
        refusals = [*rules.database_refusals(seen, server, room, wish.claims.get(seen.name))]
        if seen.name in twice:
            refusals.append(Refusal("ClaimedTwice", "Another database is to be the same service."))
        yield _database(management, where, seen, refusals, room)


def _database(
    management: SqlManagement, where: ServerRef, seen: ObservedDatabase, refusals: Iterable[Refusal], room: Room
) -> Entry:
    known = Database.objects.filter(azure_name=seen.name, server__azure_name=where.name).exclude(status=Status.DELETED)
    entry = _entry("database", where.name, seen, is_ours=known.exists(), refusals=refusals)
    if entry.verdict is not Verdict.IMPORT:
        return entry
    if seen.pool_name is not None:
        room.take(seen.pool_name, seen.max_size_bytes or 0)
    days = management.get_retention_days(where, seen.name)
    return Entry("database", where.name, seen.name, Verdict.IMPORT, seen, retention_days=days)


def _entry(kind: str, server: str, seen: Any, *, is_ours: bool, refusals: Iterable[Refusal]) -> Entry:
    if is_ours:
        return Entry(kind, server, seen.name, Verdict.KNOWN, seen)
    refusal = next(iter(refusals), None)
    return Entry(kind, server, seen.name, Verdict.REFUSED if refusal else Verdict.IMPORT, seen, refusal)


def _room(row: SqlServer | None) -> Room:
    return rules.room_in(list(row.pools.all())) if row else Room()


def _management() -> SqlManagement:
    return factory.sql_management(CallClass.SAMPLING)
