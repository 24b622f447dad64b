"""Which row an operation is about, and how Azure knows it."""

from __future__ import annotations

from django.conf import settings

from cloud import factory
from cloud.protocols import CallClass, ServerRef, SqlManagement
from inventory.identifiers import azure_name
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from operations.models import Operation, Priority


def database_of(operation: Operation) -> Database:
    return Database.objects.select_related("server", "pool", "service__workspace", "region").get(pk=_id_of(operation))


def stand_in_of(operation: Operation) -> Database:
    """The row of what a restore makes in Azure; its id, and so its Azure name, is the operation's."""
    rows = Database.objects.select_related("server", "pool", "region", "stands_in_for__service__workspace")
    return rows.get(pk=operation.pk)


def restored_row_of(operation: Operation) -> Database:
    """The row that holds the name which a restore makes in Azure: its stand-in, or, once the two have exchanged places,
    the database itself. So whoever comes late still acts under that name and no other."""
    rows = Database.objects.select_related("server", "pool", "region", "stands_in_for__service__workspace")
    return rows.get(azure_name=azure_name("d", operation.pk), pk__in=[operation.pk, _id_of(operation)])


def workspace_of(operation: Operation) -> Workspace:
    return Workspace.objects.get(pk=_id_of(operation))


def pool_of(operation: Operation) -> ElasticPool:
    return ElasticPool.objects.select_related("server").get(pk=_id_of(operation))


def server_of(operation: Operation) -> SqlServer:
    return SqlServer.objects.select_related("subscription", "region").get(pk=_id_of(operation))


def server_row_of(database: Database) -> SqlServer:
    """The server that the database was placed on."""
    assert database.server is not None, "not placed yet"
    return database.server


def reference(server: SqlServer) -> ServerRef:
    """The server's address in Azure Resource Manager."""
    return ServerRef(server.subscription_id, server.resource_group, server.azure_name)


def tags_for(operation: Operation, **ids: object) -> dict[str, str]:
    """Tags by which inventory can be rebuilt from Azure, and by which we know our own."""
    fixed = {"deployment": settings.DEPLOYMENT, "operation": str(operation.pk)}
    return {**fixed, **{name: str(value) for name, value in ids.items() if value}}


def management_for(operation: Operation) -> SqlManagement:
    """Azure Resource Manager in the name of the operation's class, whose share of the request budget it uses."""
    return factory.sql_management(CallClass[Priority(operation.priority).name])


def _id_of(operation: Operation) -> str:
    return operation.target_key.partition(":")[2]
