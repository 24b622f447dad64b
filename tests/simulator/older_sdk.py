"""Run with an older azure-mgmt-sql in front of the path: a server, a pool and databases, from their making to their end.

The contract line of a simulator comes as the only argument; what was done is printed as JSON.
"""

from __future__ import annotations

import json
import ssl
import sys
import urllib.parse
import urllib.request
from typing import Any

from azure.core.credentials import AccessToken
from azure.mgmt.sql import SqlManagementClient
from azure.mgmt.sql._version import VERSION

ARM = "https://management.azure.com"
GROUP, PASSWORD = "rg", "Correct-Horse-9"


class Token:
    """A client's own way to a token, since that library's version is not what is tried here."""

    def __init__(self, contract: dict[str, Any]) -> None:
        self._contract = contract

    def get_token(self, *scopes: str, **kwargs: object) -> AccessToken:
        known = self._contract
        form = {"grant_type": "client_credentials", "client_id": known["client_id"]}
        form |= {"client_secret": known["client_secret"], "scope": f"{ARM}/.default"}
        url = f"{known['authority']}/{known['tenant']}/oauth2/v2.0/token"
        answer = _opened(known, url, urllib.parse.urlencode(form).encode())
        return AccessToken(answer["access_token"], 4_102_444_800)


def _opened(contract: dict[str, Any], url: str, body: bytes, **more: Any) -> Any:

    tls = ssl.create_default_context(cafile=contract["ca"])
    with urllib.request.urlopen(urllib.request.Request(url, body, **more), context=tls, timeout=30) as answer:
        return json.loads(answer.read() or b"null")


def main(contract: dict[str, Any]) -> dict[str, Any]:
    token = Token(contract)
    url = f"{contract['arm']}/subscriptions/{contract['subscription']}/resourcegroups/{GROUP}?api-version=2022-09-01"
    headers = {"Authorization": f"Bearer {token.get_token().token}", "Content-Type": "application/json"}
    _opened(contract, url, b'{"location": "eastus"}', headers=headers, method="PUT")
    client = SqlManagementClient(
        token,
        contract["subscription"],
        base_url=contract["arm"],
        credential_scopes=[ARM + "/.default"],
        connection_verify=contract["ca"],
        polling_interval=0.2,
    )
    return {"version": VERSION, **_lived(client)}


def _lived(client: SqlManagementClient) -> dict[str, Any]:
    login = {"administrator_login": "boss", "administrator_login_password": PASSWORD}
    server = client.servers.begin_create_or_update(GROUP, "one", {"location": "eastus", **login}).result()
    size = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
    pool = client.elastic_pools.begin_create_or_update(GROUP, "one", "p", {"location": "eastus", "sku": size}).result()
    wish = {"location": "eastus", "elastic_pool_id": pool.id, "tags": {"a": "b"}}
    made = client.databases.begin_create_or_update(GROUP, "one", "d", wish).result()
    changed = client.databases.begin_update(GROUP, "one", "d", {"tags": {"a": "c"}}).result()
    names = sorted(one.name for one in client.databases.list_by_server(GROUP, "one"))
    client.databases.begin_delete(GROUP, "one", "d").result()
    client.elastic_pools.begin_delete(GROUP, "one", "p").result()
    client.servers.begin_delete(GROUP, "one").result()
    left = [one.name for one in client.servers.list_by_resource_group(GROUP)]
    shown = {"server": server.state, "pool": pool.state, "database": made.status, "tags": changed.tags}
    return {**shown, "names": names, "left": left}


if __name__ == "__main__":
    sys.stdout.write(json.dumps(main(json.loads(sys.argv[1]))))
