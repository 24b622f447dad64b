"""Identities, vaults and keys that a recorded database or server was given and its flow never made."""

from __future__ import annotations

import re
from dataclasses import replace

from simulator.azure import Azure
from simulator.http import Request
from simulator.vault_keys import KeyCall
from tests.conformance.names import Names, neighbour
from tests.conformance.recording import Interaction
from tests.simulator.builders import ask

KEY = re.compile(r"https://([^./]+)\.[^/]+/keys/([^/]+)/([0-9a-f]{32})")
IDENTITY = re.compile(r"/subscriptions/[^/]+(/resourceGroups/[^/]+)(/providers/.*)", re.IGNORECASE)
RIGHTS = {"keys": ("get", "wrapkey", "unwrapkey")}


def prepare_keys(azure: Azure, one: Interaction, names: Names) -> None:
    """What the body of a PUT names: a database's identity and its key, in a vault that protects it; or a server's key."""
    body = one.request_body if one.method == "PUT" and isinstance(one.request_body, dict) else {}
    for path in (body.get("identity") or {}).get("userAssignedIdentities") or ():
        _make_identity(azure, path, neighbour(str(body["location"])))
    asked = body.get("properties") or {}
    if found := KEY.fullmatch(str(asked.get("encryptionProtector", ""))):
        _protect(azure, found[1])
        _make_key(azure, *found.groups(), names=names)
    elif found := KEY.fullmatch(str(asked.get("uri", ""))):
        _make_key(azure, *found.groups(), names=names)


def grant_servers(azure: Azure) -> None:
    """Recordings show every principal as zeros: what was granted to one of them is granted to the servers' identities."""
    servers = [one for one in azure.arm.resources if one.type == "servers"]
    principals = [(one.body.get("identity") or {}).get("principalId") for one in servers]
    for document in list(azure.vaults.vaults.all()):
        vault = azure.vaults.vaults.get(document["name"])
        for principal in filter(None, principals):
            vault = vault.granting(principal, RIGHTS)
        azure.vaults.vaults.put(vault)


def a_key_for_servers(azure: Azure) -> tuple[str, str, str]:
    """Vault, name and version of a key that every server's identity may use."""
    vault, name = "main", "protector"
    query, body = {"api-version": "7.4"}, b'{"kty": "RSA"}'
    request = Request("POST", f"{vault}.vault.azure.net", 443, "", query, {}, body)
    KeyCall(azure.store, azure.clock, azure.vaults.vaults.get(vault), request).create(name)
    azure.vaults.vaults.put(azure.vaults.vaults.get(vault))
    grant_servers(azure)
    return vault, name, (azure.store.get("keys", f"{vault}/{name}") or {})["versions"][-1]["version"]


def _make_identity(azure: Azure, path: str, location: str) -> None:
    found = IDENTITY.fullmatch(path)
    assert found is not None, path
    ask(azure, "PUT", found[1], {"location": location})
    ask(azure, "PUT", found[1] + found[2], {"location": location})


def _protect(azure: Azure, vault: str) -> None:
    """Against purges; every identity may use its keys."""
    kept = replace(azure.vaults.vaults.get(vault), purge_protection=True)
    for one in azure.arm.resources:
        if one.type == "userAssignedIdentities":
            kept = kept.granting(one.properties["principalId"], RIGHTS)
    azure.vaults.vaults.put(kept)


def _make_key(azure: Azure, vault: str, name: str, version: str, *, names: Names) -> None:
    """One version, which stands for the recorded one."""
    if azure.store.get("keys", f"{vault}/{name}") is None:
        query, body = {"api-version": "7.4"}, b'{"kty": "RSA"}'
        request = Request("POST", f"{vault}.vault.azure.net", 443, "", query, {}, body)
        KeyCall(azure.store, azure.clock, azure.vaults.vaults.get(vault), request).create(name)
    versions = (azure.store.get("keys", f"{vault}/{name}") or {})["versions"]
    names.same_text(version, versions[-1]["version"])
