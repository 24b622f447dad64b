"""Services of workspaces in which only Entra may sign in, and signing in as one."""

from __future__ import annotations

from cloud.identities import EntraPrincipal
from cloud.secrets import Secret
from cloud.sql_drivers import SqlTarget
from inventory.models import Database, Workspace
from simulator.entra import Entra
from tests.builders import a_region, a_workspace
from tests.cloud.in_process import InProcessSession, InProcessSql
from tests.local_azure import LocalAzure


def an_entra_workspace(name: str = "humana") -> Workspace:
    return a_workspace(name, a_region("eastus"), auth_mode="entra_only")


def an_identity(entra: Entra, name: str = "claims-api") -> EntraPrincipal:
    """An application that the customer's directory knows; its ids follow from seed and name."""
    client_id, _ = entra.add_app(name)
    return EntraPrincipal(name, entra.object_id_of(client_id), client_id)


def sign_in_as(azure: LocalAzure, identity: EntraPrincipal, database: Database) -> InProcessSession:
    """A connection by a token of this identity. Raises SqlFailure."""
    entra = azure.azure.entra
    token = entra.token(identity.client_id, "https://database.windows.net", authority="https://localhost")
    server = str(database.server)
    target = SqlTarget("localhost", 1433, server, database.azure_name, "", Secret(""), Secret(token))
    return InProcessSql(azure.azure.sql_directory).connect(target)
