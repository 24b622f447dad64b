"""Clients and resources for the simulator's own tests."""

from __future__ import annotations

from datetime import timedelta
from weakref import WeakKeyDictionary

import orjson
from azure.core.credentials import AccessToken
from azure.mgmt.sql import SqlManagementClient

from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.transport import Around, InProcessTransport, plain

PASSWORD = "Correct-Horse-9"
ARM = "https://management.azure.com"
VERSION = "2023-08-01"
_TOKENS: WeakKeyDictionary[Azure, dict[str, str]] = WeakKeyDictionary()


class Token:
    """A credential that takes tokens from the simulator's own directory."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure

    def get_token(self, *scopes: str, **kwargs: object) -> AccessToken:
        return AccessToken(bearer(self._azure), 4_102_444_800)


def bearer(azure: Azure, audience: str = ARM) -> str:
    """A token of the default application, signed once an audience."""
    known = _TOKENS.setdefault(azure, {})
    if audience not in known:
        known[audience] = azure.entra.token(azure.entra.client_id, audience, authority="https://localhost")
    return known[audience]


def sql_client(azure: Azure, around: Around = plain) -> SqlManagementClient:
    """The real SDK, in process."""
    return SqlManagementClient(
        Token(azure),
        azure.arm.subscriptions[0],
        base_url="https://localhost:8443",
        credential_scopes=[ARM + "/.default"],
        transport=InProcessTransport(azure, around),
        retry_total=0,
    )


def ask(azure: Azure, method: str, path: str, document: object = None, **query: str) -> Response:
    """One raw ARM request below the first subscription (or at an absolute path)."""
    whole = path if path.startswith("/subscriptions") else f"/subscriptions/{azure.arm.subscriptions[0]}{path}"
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    query = {"api-version": VERSION, **query}
    body = b"" if document is None else orjson.dumps(document)
    return azure.handle(Request(method, "localhost", 8443, whole, query, headers, body))


def a_group(azure: Azure, name: str = "rg", location: str = "eastus") -> str:
    assert ask(azure, "PUT", f"/resourceGroups/{name}", {"location": location}).status in (200, 201)
    return f"/resourceGroups/{name}"


def a_server(azure: Azure, name: str = "one", location: str = "eastus") -> str:
    """A finished server; returns its path below the subscription."""
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/{name}"
    properties = {"administratorLogin": "fleetadmin", "administratorLoginPassword": PASSWORD}
    assert ask(azure, "PUT", path, {"location": location, "properties": properties}).status == 202
    settle(azure)
    return path


def a_pool(azure: Azure, server: str, name: str = "p1", capacity: int = 4, **properties: object) -> str:
    path = f"{server}/elasticPools/{name}"
    sku = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": capacity}
    answer = ask(azure, "PUT", path, {"location": "eastus", "sku": sku, "properties": properties})
    assert answer.status == 202, answer.body
    settle(azure)
    return path


def a_database(azure: Azure, server: str, name: str = "d1", pool: str | None = None) -> str:
    path = f"{server}/databases/{name}"
    assert begin_database(azure, path, pool).status == 202
    settle(azure)
    return path


def begin_database(azure: Azure, path: str, pool: str | None = None) -> Response:
    properties = {"elasticPoolId": whole_id(azure, pool)} if pool else {}
    return ask(azure, "PUT", path, {"location": "eastus", "properties": properties})


def whole_id(azure: Azure, path: str) -> str:
    return f"/subscriptions/{azure.arm.subscriptions[0]}{path}"


def settle(azure: Azure) -> None:
    """Move the clock until nothing runs any more."""
    while (due := azure.arm.operations.next_due()) is not None:
        azure.clock.advance(timedelta(seconds=max(due - azure.clock.now(), 0) + 0.001))
        azure.arm.operations.settle()
