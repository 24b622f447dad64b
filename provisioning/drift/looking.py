"""One look at a server, or at a resource group's servers, for comparison. It is complete, or it is none: what fails raises."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from django.conf import settings

from cloud import factory
from cloud.changes import FirewallRule
from cloud.protocols import CallClass, ObservedDatabase, ObservedPool, ObservedServer, SqlManagement
from inventory.models import Database, SqlServer
from inventory.states import Status
from operations.clock import database_now
from provisioning.drift.differences import Protection
from provisioning.models import Finding
from provisioning.targets import reference

PROTECTION = ("retention_days", "encryption")


@dataclass(frozen=True, slots=True)
class ServerLook:
    """What Azure showed of one server from `at` on. `seen` None: there is no such server, and nothing else was asked.

    `protections` are of the few databases whose turn it was; `last` is the name of the last of them, "" after the end.
    """

    at: datetime
    server: SqlServer
    seen: ObservedServer | None
    pools: Sequence[ObservedPool] = ()
    databases: Sequence[ObservedDatabase] = ()
    rules: Sequence[FirewallRule] = ()
    auditing: bool | None = None
    protections: Mapping[UUID, Protection] = field(default_factory=dict)
    last: str = ""


@dataclass(frozen=True, slots=True)
class GroupLook:
    """All servers of one resource group."""

    at: datetime
    subscription_id: str
    resource_group: str
    servers: Sequence[ObservedServer]


def look_at_server(server: SqlServer, after: str) -> ServerLook:
    """Five calls, and two for each database whose protection is examined: those after the name `after`, and the suspects."""
    management, at, where = _management(), database_now(), reference(server)
    seen = management.get_server(where)
    if seen is None:
        return ServerLook(at, server, None)
    turn = _next_databases(server, after)
    return ServerLook(
        at,
        server,
        seen,
        management.list_pools(where),
        management.list_databases(where),
        management.list_firewall_rules(where),
        management.get_auditing_enabled(where),
        {row.pk: _protection(management, row) for row in {one.pk: one for one in (*turn, *_suspects(server))}.values()},
        turn[-1].azure_name if len(turn) == settings.DRIFT_PROTECTIONS else "",
    )


def look_at_group(subscription_id: str, resource_group: str) -> GroupLook:
    at = database_now()
    return GroupLook(at, subscription_id, resource_group, _management().list_servers(subscription_id, resource_group))


def _management() -> SqlManagement:
    return factory.sql_management(CallClass.SAMPLING)


def _next_databases(server: SqlServer, after: str) -> list[Database]:
    rows = Database.objects.filter(server=server, status=Status.READY, azure_name__gt=after).select_related("server")
    return list(rows.order_by("azure_name")[: settings.DRIFT_PROTECTIONS])


def _suspects(server: SqlServer) -> list[Database]:
    """Those whose protection was found wanting: asked at every look until it is well."""
    found = Finding.objects.filter(scope=server.key, attribute__in=PROTECTION).exclude(state=Finding.State.RESOLVED)
    ids = [target.partition(":")[2] for target in found.values_list("target", flat=True)]
    rows = Database.objects.filter(pk__in=ids, server=server, status=Status.READY).select_related("server")
    return list(rows.order_by("azure_name")[: settings.DRIFT_PROTECTIONS])


def _protection(management: SqlManagement, row: Database) -> Protection:
    where = reference(row.server)  # type: ignore[arg-type]  # it stands on the server that we look at
    days = management.get_retention_days(where, row.azure_name)
    return Protection(days, management.get_tde_enabled(where, row.azure_name))
