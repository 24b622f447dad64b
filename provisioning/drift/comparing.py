"""A look against our rows: what differs, and of what the look can speak at all."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.conf import settings
from django.db.models import QuerySet

from cloud.protocols import ObservedDatabase, ObservedPool, ObservedServer
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from provisioning.drift import differences as of
from provisioning.drift.differences import Difference, ServerRules
from provisioning.drift.looking import PROTECTION, GroupLook, ServerLook
from provisioning.drift.making import keys_in_the_making, operations_in_the_making
from provisioning.models import Finding

Kind, Severity = Finding.Kind, Finding.Severity
ORPHAN = "azure:"
Seen = ObservedServer | ObservedPool | ObservedDatabase


@dataclass(frozen=True, slots=True)
class Comparison:
    """The differences that a look showed within a scope. `speaks_of` (target, attribute): whether it could have."""

    scope: str
    at: datetime
    differences: Sequence[Difference]
    speaks_of: Callable[[str, str], bool]


def compare_server(look: ServerLook) -> Comparison:
    """A server with all that stands in it; of one that is not there only that, since its group tells it."""
    if look.seen is None:
        return Comparison(look.server.key, look.at, (), lambda *_: False)
    pools, databases = _standing(ElasticPool, look.server), _standing(Database, look.server)
    rows = [look.server, *pools, *databases]
    listed: dict[Any, dict[str, Any]] = {
        ElasticPool: {one.name: one for one in look.pools},
        Database: {one.name: one for one in look.databases},
    }
    ready = [row for row in rows if row.status == Status.READY]
    found = [one for row in ready for one in _row_differences(row, look, listed.get(type(row), {}))]
    found += _orphans(look, pools, databases)
    return Comparison(look.server.key, look.at, found, _Spoken(look, {row.key: row.status for row in rows}))


def compare_group(look: GroupLook) -> Comparison:
    """Which servers of ours are not there, and which carry our tag without a row."""
    rows = SqlServer.objects.filter(subscription_id=look.subscription_id, resource_group=look.resource_group)
    standing, there = list(rows.exclude(status=Status.DELETED)), {one.name for one in look.servers}
    ready = [row for row in standing if row.status == Status.READY]
    gone = [of.missing(row) for row in ready if row.azure_name.lower() not in there]
    ours = [one for one in look.servers if one.tags.get("deployment") == settings.DEPLOYMENT]
    orphans = _without_row(ours, {row.azure_name.lower() for row in standing}, look.at)
    unclear = {row.key for row in standing} - {row.key for row in ready}
    scope = group_scope(look.subscription_id, look.resource_group)
    return Comparison(scope, look.at, [*gone, *orphans], lambda target, _: target not in unclear)


def group_scope(subscription_id: str, resource_group: str) -> str:
    return f"group:{subscription_id}/{resource_group}"


def server_rules() -> ServerRules:
    """What the settings demand of every server."""
    ranges = tuple((first, last) for first, last in settings.SQL_FIREWALL_RANGES)
    return ServerRules(settings.SQL_NETWORK_MODE == "firewall", ranges, settings.DEPLOYMENT)


@dataclass(frozen=True, slots=True)
class _Spoken:
    """A server's look speaks of every row that is ready, of orphans, and of rows that are gone since; of protection and
    auditing only where that was asked and answered."""

    look: ServerLook
    standing: Mapping[str, str]

    def __call__(self, target: str, attribute: str) -> bool:
        if target not in self.standing:
            return True
        if attribute in PROTECTION and target not in {f"database:{pk}" for pk in self.look.protections}:
            return False
        if attribute == "auditing" and self.look.auditing is None:
            return False
        return self.standing[target] == Status.READY


def _row_differences(
    row: SqlServer | ElasticPool | Database, look: ServerLook, listed: Mapping[str, Any]
) -> Iterator[Difference]:
    if isinstance(row, SqlServer):
        yield from _of_server(row, look)
        return
    seen = listed.get(row.azure_name.lower())
    if seen is None:
        yield of.missing(row)
    elif isinstance(row, ElasticPool):
        yield from of.pool_differences(row, seen, settings.DEPLOYMENT)
    else:
        yield from of.database_differences(row, seen, settings.DEPLOYMENT)
        if row.pk in look.protections:
            yield from of.protection_differences(row, look.protections[row.pk])


def _of_server(row: SqlServer, look: ServerLook) -> Iterator[Difference]:
    assert look.seen is not None, "asked before"
    yield from of.server_differences(row, look.seen, server_rules())
    yield from of.firewall_differences(row, look.rules, server_rules())
    yield from of.auditing_difference(row, is_on=look.auditing)


def _standing(model: type[Any], server: SqlServer) -> list[Any]:
    rows: QuerySet[Any] = model._default_manager.filter(server=server).exclude(status=Status.DELETED)
    related = ("pool", "service__workspace") if model is Database else ()
    return list(rows.select_related("server", *related))


def _orphans(look: ServerLook, pools: Iterable[ElasticPool], databases: Iterable[Database]) -> Iterator[Difference]:
    yield from _without_row(look.pools, {row.azure_name.lower() for row in pools}, look.at)
    names = {one.name for one in look.databases}
    elsewhere = Database.objects.filter(azure_name__in=names).exclude(status=Status.DELETED).exclude(server=look.server)
    by_key = {row.key: row.azure_name.lower() for row in elsewhere}
    on_its_way = {by_key[key] for key in keys_in_the_making(list(by_key), look.at)}
    known = {row.azure_name.lower() for row in databases} | on_its_way
    yield from _without_row(look.databases, known, look.at)


def _without_row(listed: Iterable[Seen], known: Collection[str], at: datetime) -> Iterator[Difference]:
    """What no row stands for and no operation is at work on: ours by its tag, or somebody else's."""
    strange = [one for one in listed if one.name not in known]
    making = operations_in_the_making((one.tags for one in strange), at) if strange else set()
    gone = _deleted_rows(strange)
    busy = keys_in_the_making([row.key for row in gone.values()], at) if gone else set()
    for one in strange:
        row = gone.get(one.name)
        if one.tags.get("operation") not in making and not (row and row.key in busy):
            yield _orphan(one, row)


def _deleted_rows(strange: Iterable[Seen]) -> Mapping[str, Any]:
    names = [one.name for one in strange]
    models: tuple[type[Any], ...] = (ElasticPool, Database)
    rows = [row for model in models for row in model._default_manager.filter(azure_name__in=names)]
    return {row.azure_name: row for row in rows if row.status == Status.DELETED}


def _orphan(one: Seen, row: Any) -> Difference:
    ours = one.tags.get("deployment") == settings.DEPLOYMENT
    note = (
        "Somebody else's, on a server of ours: adopt it or leave it." if not ours else "It carries our tag, and no row."
    )
    if ours and row is not None:
        note = "We deleted it; a late request of ours has made it again. Its data are not what was deleted."
    severity = Severity.HIGH if ours else Severity.LOW
    tags = {name: value for name, value in one.tags.items() if name in (*of.OWN_TAGS, "operation")}
    return Difference(
        f"{ORPHAN}{one.arm_id.lower()}", one.name, Kind.ORPHANED, "", severity, None, {"tags": tags}, note
    )
