"""One walk through the calls that the contract knows, and a client that keeps every exchange of it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from simulator.azure import Azure
from simulator.http import Request, Response
from tests.conformance.key_preparation import a_key_for_servers
from tests.conformance.recording import Interaction
from tests.conformance.replay import VAULTS, body_of
from tests.simulator.builders import PASSWORD, bearer, settle

VAULT = "v.vault.azure.net"
GROUP = "/resourceGroups/one"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/first"
POOL, DATABASE = f"{SERVER}/elasticPools/p", f"{SERVER}/databases/d"
LOGIN = {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}
STANDARD = {"location": "eastus", "sku": {"name": "S0"}}
SIZE = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
Step = tuple[str, str, Any]
ADMINISTRATOR = f"{SERVER}/administrators/ActiveDirectory"
SOMEBODY = {
    "administratorType": "ActiveDirectory",
    "login": "somebody",
    "sid": "11111111-1111-4111-8111-111111111111",
    "tenantId": "22222222-2222-4222-8222-222222222222",
}
LOCATION = "/providers/Microsoft.Sql/locations/eastus"
A_VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/a-vault"
VAULT_SETTINGS = {
    "tenantId": "22222222-2222-4222-8222-222222222222",
    "sku": {"family": "A", "name": "standard"},
    "accessPolicies": [],
}
AROUND_A_DATABASE: list[Step] = [
    ("GET", f"{DATABASE}/usages", None),
    ("GET", f"{SERVER}/databases/absent", None),
    ("GET", f"{POOL}/databases", None),
    ("PATCH", POOL, {"sku": {**SIZE, "capacity": 4}}),
    ("GET", f"{POOL}/operations", None),
    ("POST", f"{POOL}/operations/{{latest}}/cancel", None),
    ("PUT", f"{SERVER}/databases/large", {"location": "eastus", "sku": {"name": "P1"}}),
    ("POST", f"{SERVER}/databases/large/failover", None),
    ("POST", f"{SERVER}/databases/large/move", {"id": "{root}" + f"{SERVER}/databases/renamed"}),
    ("GET", f"{SERVER}/providers/Microsoft.Insights/metricDefinitions", None),
    ("GET", f"{SERVER}/providers/Microsoft.Insights/metrics", None),
    ("PUT", ADMINISTRATOR, {"properties": SOMEBODY}),
    ("GET", ADMINISTRATOR, None),
    ("GET", f"{SERVER}/administrators", None),
    ("DELETE", ADMINISTRATOR, None),
    ("GET", f"{LOCATION}/capabilities", None),
    ("GET", f"{LOCATION}/usages", None),
    ("GET", f"{LOCATION}/usages/ServerQuota", None),
    ("PUT", A_VAULT, {"location": "eastus", "tags": {}, "properties": VAULT_SETTINGS}),
    ("GET", A_VAULT, None),
    ("POST", "/providers/Microsoft.KeyVault/unregister", None),
    ("PUT", A_VAULT, {"location": "eastus", "tags": {}, "properties": VAULT_SETTINGS}),
    ("POST", "/providers/Microsoft.KeyVault/register", None),
    ("GET", "/resources", None),
    ("GET", "/resourcegroups", None),
    ("PUT", GROUP, {"location": "eastus", "tags": {"a": "c"}, "managedBy": "/subscriptions/somebody"}),
    ("HEAD", "/resourceGroups/absent", None),
    ("DELETE", "/resourceGroups/absent", None),
]
JOURNEY: list[tuple[str, str, Any]] = [
    ("PUT", GROUP, {"location": "eastus", "tags": {"a": "b"}}),
    ("GET", GROUP, None),
    ("HEAD", GROUP, None),
    ("PUT", SERVER, {"location": "eastus", "properties": LOGIN}),
    ("GET", SERVER, None),
    ("PATCH", SERVER, {"tags": {"c": "d"}}),
    ("GET", f"{GROUP}/providers/Microsoft.Sql/servers", None),
    ("PUT", POOL, {"location": "eastus", "sku": SIZE}),
    ("GET", POOL, None),
    ("GET", f"{SERVER}/elasticPools", None),
    ("PUT", DATABASE, STANDARD),
    ("GET", DATABASE, None),
    ("GET", f"{SERVER}/databases", None),
    ("PATCH", DATABASE, {"sku": {"name": "S1"}}),
    ("GET", f"{DATABASE}/operations", None),
    ("POST", f"{DATABASE}/operations/{{latest}}/cancel", None),
    *AROUND_A_DATABASE,
    ("DELETE", DATABASE, None),
    ("DELETE", DATABASE, None),  # again soon after
    ("DELETE", POOL, None),
    ("DELETE", SERVER, None),
    ("GET", SERVER, None),
    ("DELETE", GROUP, None),
]


class Client:
    """Sends what the journey says and keeps every exchange, polls among them."""

    def __init__(self) -> None:
        self.azure = Azure(real=lambda: 0.0)
        self.exchanges: list[tuple[Interaction, Response]] = []
        self.root = f"/subscriptions/{self.azure.arm.subscriptions[0]}"
        self.latest = ""

    def ask(self, method: str, path: str, document: Any = None, *, host: str = "management.azure.com") -> Response:
        """One request as the newest client would send it."""
        whole = path if ".vault." in host else self.root + path.replace("{latest}", self.latest)
        if isinstance(document, dict) and "{root}" in str(document.get("id")):
            document = {"id": document["id"].replace("{root}", self.root)}
        return self.send(method, whole, {"api-version": version_of(path, host)}, document, host)

    def send(
        self, method: str, path: str, query: dict[str, str], document: Any = None, host: str = "management.azure.com"
    ) -> Response:
        token = bearer(self.azure, VAULTS) if ".vault." in host else bearer(self.azure)
        body = b"" if document is None else orjson.dumps(document)
        request = Request(method, host, 443, path, query, {"authorization": f"Bearer {token}"}, body)
        response = self.azure.handle(request)
        self._keep(request, response, document)
        self.latest = response.headers.get("x-ms-request-id", "") if response.status == 202 else self.latest
        return response

    def poll(self, response: Response) -> Iterator[Response]:
        """The operation's address at the start and when it is over; the other where there is none; both of some."""
        names = [name for name in ("azure-asyncoperation", "location") if name in response.headers]
        before = self.exchanges[-1][0]
        both = (before.method == "DELETE") != (
            "/replicationLinks/" in before.path
        )  # of a link that is ended, the first
        for moment in (self._begun, lambda: settle(self.azure)):
            moment()
            for name in names if both else names[:1]:
                split = urlsplit(response.headers[name])
                yield self.send("GET", unquote(split.path), dict(parse_qsl(split.query)))

    def _begun(self) -> None:
        self.azure.clock.advance(timedelta(seconds=1))

    def bare(self, method: str, path: str) -> None:
        """A request without a token: the challenge."""
        request = Request(method, VAULT, 443, path, {"api-version": "7.4"}, {}, b"")
        self._keep(request, self.azure.handle(request), None)

    def _keep(self, request: Request, response: Response, document: Any) -> None:
        query = dict(request.query)
        said = Interaction(
            0, request.method, request.host, request.path, query, {}, document,
            response.status, response.headers, body_of(response), None,
        )  # fmt: skip
        self.exchanges.append((said, response))


SECRETS: list[Step] = [
    ("PUT", "/secrets/s", {"value": "x", "tags": {"a": "b"}}),
    ("GET", "/secrets/s/", None),
    ("GET", "/secrets/s/{version}", None),
    ("GET", "/secrets", None),
    ("GET", "/secrets/s/versions", None),
    ("PATCH", "/secrets/s/", {"tags": {"a": "c"}, "contentType": "text"}),
    ("POST", "/secrets/s/backup", None),
    ("POST", "/keys/k/create", {"kty": "RSA"}),
    ("DELETE", "/secrets/s", None),
    ("PUT", "/secrets/s", {"value": "x"}),
    ("GET", "/deletedsecrets", None),
    ("DELETE", "/deletedsecrets/s", None),
    ("POST", "/secrets/restore", {"value": "{backup}"}),
]


def version_of(path: str, host: str) -> str:
    """The api-version that a client of that service asks for."""
    if ".vault." in host:
        return "7.0" if path.startswith("/keys") else "7.4"
    if "Microsoft.Insights" in path:
        return "2018-01-01"
    if path.endswith("register"):
        return "2016-02-01"
    if "/providers/" not in path:
        return "2022-09-01"
    return "2023-02-01" if "Microsoft.KeyVault" in path else "2023-05-01-preview"


def walk() -> Client:
    """The whole journey; polls are made at the start and at the end of each operation."""
    client = Client()
    for method, path, document in JOURNEY:
        response = client.ask(method, path, document)
        if response.status == 202 and method != "PATCH":
            list(client.poll(response))
        elif method not in ("PATCH", "GET"):
            settle(client.azure)
    _walk_along_a_link(client)
    _walk_to_a_servers_keys(client)
    _walk_through_the_vault(client)
    return client


def _walk_along_a_link(client: Client) -> None:
    """A secondary on another server, failed over and back, and let go."""
    group = "/resourceGroups/two"
    here, there = (f"{group}/providers/Microsoft.Sql/servers/{name}/databases/d" for name in ("third", "fourth"))
    secondary = {"createMode": "Secondary", "sourceDatabaseId": client.root + here}
    steps: list[Step] = [
        ("PUT", group, {"location": "eastus"}),
        ("PUT", here.removesuffix("/databases/d"), {"location": "eastus", "properties": LOGIN}),
        ("PUT", there.removesuffix("/databases/d"), {"location": "eastus", "properties": LOGIN}),
        ("PUT", here, {"location": "eastus"}),
        ("PUT", there, {"location": "eastus", "properties": secondary}),
        ("GET", f"{here}/replicationLinks", None),
        ("POST", f"{there}/replicationLinks/{{link}}/failover", None),
        ("POST", f"{here}/replicationLinks/{{link}}/forceFailoverAllowDataLoss", None),
        ("DELETE", f"{here}/replicationLinks/{{link}}", None),
    ]
    link = ""
    for method, path, document in steps:
        response = client.ask(method, path.replace("{link}", link), document)
        if method == "GET":
            link = body_of(response)["value"][0]["name"]
        elif response.status == 202:
            list(client.poll(response))


def _walk_to_a_servers_keys(client: Client) -> None:
    """A key of a vault that the server's own identity may use."""
    group = "/resourceGroups/keys"
    server = f"{group}/providers/Microsoft.Sql/servers/with-keys"
    wish = {"location": "eastus", "identity": {"type": "SystemAssigned"}, "properties": LOGIN}
    client.ask("PUT", group, {"location": "eastus"})
    made = client.ask("PUT", server, wish)
    list(client.poll(made))
    vault, name, version = a_key_for_servers(client.azure)
    key = f"{server}/keys/{vault}_{name}_{version}"
    uri = f"https://{vault}.vault.azure.net/keys/{name}/{version}"
    added = client.ask("PUT", key, {"properties": {"serverKeyType": "AzureKeyVault", "uri": uri}})
    list(client.poll(added))
    client.ask("GET", f"{server}/keys")
    client.ask("GET", key)


def _walk_through_the_vault(client: Client) -> None:
    client.bare("PUT", "/secrets/s")
    client.bare("POST", "/keys/k/create")
    known: dict[str, str] = {}
    for method, path, document in SECRETS:
        said = {name: known.get(str(value), value) for name, value in document.items()} if document else None
        response = client.ask(method, path.format_map({"version": known.get("version", "")}), said, host=VAULT)
        shown = body_of(response) or {}
        if path.endswith("/backup"):
            known["{backup}"] = shown["value"]
        known.setdefault("version", str(shown.get("id", "")).rpartition("/")[2])
