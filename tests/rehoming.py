"""A second server beside the first, and a database on its way there."""

from __future__ import annotations

from inventory.identifiers import azure_name, new_id
from inventory.models import Database, ElasticPool, SqlServer
from operations.models import Operation
from operations.services import submit
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.rehoming import Destination, request_rehoming
from provisioning.places import server_name


def a_server_in_the_making(**columns: object) -> Operation:
    """Another server like the first, in its region and subscription unless `columns` say otherwise."""
    first = SqlServer.objects.earliest("created_at")
    row_id = new_id()
    defaults = {
        "subscription": first.subscription,
        "region": first.region,
        "resource_group": first.resource_group,
        "azure_name": server_name(first.region),
        "administrator_login": first.administrator_login,
        "admin_secret_name": f"{azure_name('s', row_id)}-admin",
    }
    server = SqlServer.objects.create(id=row_id, **{**defaults, **columns})
    return submit("create_server", target=server.key, actor="tests")


def other_server() -> SqlServer:
    return SqlServer.objects.latest("created_at")


def rehome(database: Database, server: SqlServer | None = None, pool: ElasticPool | None = None) -> Operation:
    destination = Destination(server or other_server(), pool)
    return request_rehoming(database, destination, actor="tests", reason="tests", consent=ACCEPTED)
