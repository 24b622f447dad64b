"""A server on which only Entra may sign in, made of one that had passwords: what is checked there may then be spoilt."""

from __future__ import annotations

from cloud.secrets import Secret
from cloud.sql_drivers import SqlTarget
from inventory.models import Database, SqlServer
from operations import clock
from rotation.models import Credential
from rotation.schedule import next_rotation_at, policy_of
from tests.cloud.in_process import InProcessSql
from tests.local_azure import LocalAzure
from tests.simulator.builders import ask, settle

SERVICE = "claims-api"


def let_only_entra_in(azure: LocalAzure, database: Database, *, with_user: bool = True) -> None:
    """We are the server's Entra administrator, passwords are off, and the service has a user of its own."""
    server = database.server
    assert server is not None
    make_administrator(azure, server, azure.azure.entra.client_id)
    _put(azure, server, "azureADOnlyAuthentications/Default", {"azureADOnlyAuthentication": True})
    SqlServer.objects.filter(pk=server.pk).update(auth_mode="entra_only")
    azure.azure.entra.add_app(SERVICE)
    if with_user:
        as_administrator(azure, database, f"CREATE USER [{SERVICE}] FROM EXTERNAL PROVIDER")
    Credential.objects.filter(database=database).delete()
    now = clock.now()
    due = next_rotation_at(database.pk, now, policy_of(database))
    row = {"user_name": SERVICE, "status": "active", "promoted_at": now, "rotate_after": due}
    Credential.objects.create(database=database, slot="a", **row)


def make_administrator(azure: LocalAzure, server: SqlServer, client_id: str) -> None:
    """From now on this application is the server's Entra administrator, and no other."""
    who = {
        "administratorType": "ActiveDirectory",
        "principalType": "Application",
        "login": "somebody",
        "sid": client_id,
    }
    _put(azure, server, "administrators/ActiveDirectory", who)


def as_administrator(azure: LocalAzure, database: Database, statement: str) -> None:
    """Run a statement over a sign-in by our own token."""
    entra = azure.azure.entra
    token = entra.token(entra.client_id, "https://database.windows.net", authority="https://localhost")
    server = str(database.server)
    target = SqlTarget("localhost", 1433, server, database.azure_name, "", Secret(""), Secret(token))
    InProcessSql(azure.azure.sql_directory).connect(target).execute(statement)


def _put(azure: LocalAzure, server: SqlServer, resource: str, properties: dict[str, object]) -> None:
    group = f"/subscriptions/{server.subscription_id}/resourceGroups/{server.resource_group}"
    path = f"{group}/providers/Microsoft.Sql/servers/{server.azure_name}/{resource}"
    answer = ask(azure.azure, "PUT", path, {"properties": properties})
    assert answer.status in (200, 201, 202), answer
    settle(azure.azure)
