"""Clients of a vault's keys: the real SDK in process, and bare requests."""

from __future__ import annotations

import orjson
from azure.core.exceptions import HttpResponseError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient, KeyVaultKey
from azure.keyvault.keys.crypto import CryptographyClient

from simulator.azure import Azure
from simulator.http import Request
from simulator.transport import InProcessTransport
from tests.simulator.builders import bearer

AUTHORITY = "https://localhost:8443"
MAIN = "https://main.vault.azure.net"
SECRET = b"thirty-two bytes of a key, really"
DEK = SECRET[:32]


def a_credential(cloud: Azure) -> ClientSecretCredential:
    return ClientSecretCredential(
        cloud.tenant,
        cloud.entra.client_id,
        cloud.entra.client_secret,
        authority=AUTHORITY,
        disable_instance_discovery=True,
        transport=InProcessTransport(cloud),
    )


def keys(cloud: Azure, url: str = MAIN) -> KeyClient:
    return KeyClient(url, a_credential(cloud), transport=InProcessTransport(cloud), retry_total=0)


def crypto(cloud: Azure, key: KeyVaultKey | str) -> CryptographyClient:
    return CryptographyClient(key, a_credential(cloud), transport=InProcessTransport(cloud), retry_total=0)


def remote(cloud: Azure, key: KeyVaultKey) -> CryptographyClient:
    """A client that lets the vault do it: it does not look at the key first."""
    made = crypto(cloud, key.id)
    made._initialized, made._keys_get_forbidden = True, True
    return made


def inner_code(error: HttpResponseError) -> str:
    return error.error.innererror["code"]


def raw(cloud: Azure, method: str, path: str, document: object = None) -> tuple[int, dict]:
    headers = {"authorization": f"Bearer {bearer(cloud, 'https://vault.azure.net')}"}
    body = b"" if document is None else orjson.dumps(document)
    query = {"api-version": "7.6"}
    response = cloud.handle(Request(method, "main.vault.azure.net", 443, path, query, headers, body))
    return response.status, orjson.loads(response.body or b"null")
