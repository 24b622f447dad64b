"""Customers' keys for tests: a vault of theirs, what they grant in it, and a token by which identities let us come."""

from __future__ import annotations

import time
from dataclasses import replace
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import jwt
import orjson
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from operations.clock import DatabaseNow
from provisioning.keys.watching import watch_due
from provisioning.models import KeyWatch
from simulator.arm.federation import AUDIENCE, ISSUERS
from simulator.http import Request
from simulator.vault_keys import KeyCall
from tests.local_azure import LocalAzure

ISSUER, SUBJECT = "https://issuer.example", "system:serviceaccount:spp:worker"
VAULT = "customer"
_latest: list[LocalAzure] = []
RIGHTS = {"keys": ("get", "wrapkey", "unwrapkey")}


@cache
def _issuer() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def federate(local: LocalAzure, directory: Path, settings: Any) -> None:
    """From now on we have a token of an issuer, and identities are told to trust it."""
    trust_issuer(local)
    write_token(directory / "token")
    settings.KEY_TOKEN_ISSUER, settings.KEY_TOKEN_SUBJECT = ISSUER, SUBJECT
    come_as_identities(local, directory / "token")


def trust_issuer(local: LocalAzure) -> None:
    """The directory can ask the issuer for its public key."""
    _latest[:] = [local]
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    pem = _issuer().public_key().public_bytes(serialization.Encoding.PEM, form)
    local.azure.store.put(ISSUERS, ISSUER, {"public_key": pem.decode()})


def write_token(file: Path) -> None:
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": int(time.time()) + 86_400}
    file.write_text(jwt.encode(claims, _issuer(), algorithm="RS256"))


def come_as_identities(local: LocalAzure, token: Path) -> None:
    _latest[:] = [local]
    local.more = {"federated_token_file": str(token)}
    local.new_clients()


def a_key(local: LocalAzure, name: str = "one", *, bits: int = 2048, **vault: Any) -> str:
    """The URI of a (new version of a) key in the customer's protected vault; every identity may use what is there."""
    vaults = local.azure.vaults.vaults
    vaults.put(replace(vaults.get(VAULT), **{"purge_protection": True, "is_open": False, **vault}))
    grant(local)
    made = _call(local, orjson.dumps({"kty": "RSA", "key_size": bits})).create(name)
    return str(orjson.loads(made.body)["key"]["kid"])


def newest_key(name: str = "one") -> str:
    """The URI of its newest version, in the Azure that was last made ready for keys."""
    versions = (_latest[-1].azure.store.get("keys", f"{VAULT}/{name}") or {})["versions"]
    return f"https://{VAULT}.vault.azure.net/keys/{name}/{versions[-1]['version']}"


def grant(local: LocalAzure) -> None:
    """The customer lets the identities use his keys."""
    _look(local)
    vault = local.azure.vaults.vaults.get(VAULT)
    for one in local.azure.arm.resources:
        if one.type == "userAssignedIdentities":
            vault = vault.granting(one.properties["principalId"], RIGHTS)
    local.azure.vaults.vaults.put(vault)
    _look(local)


def revoke(local: LocalAzure) -> None:
    """He takes all of that back."""
    _look(local)
    vault = local.azure.vaults.vaults.get(VAULT)
    local.azure.vaults.vaults.put(replace(vault, grants={}))
    _look(local)


def change_vault(local: LocalAzure, **changed: Any) -> None:
    _look(local)
    local.azure.vaults.vaults.put(replace(local.azure.vaults.vaults.get(VAULT), **changed))
    _look(local)


def change_key(local: LocalAzure, name: str = "one", **attributes: object) -> None:
    """enabled, exp or nbf of its newest version."""
    _call(local, orjson.dumps({"attributes": attributes})).update(name)
    _look(local)


def delete_key(local: LocalAzure, name: str = "one") -> None:
    _call(local, b"").delete(name)
    _look(local)


def watch(local: LocalAzure, seconds: float = 0.0) -> KeyWatch:
    """Let time pass, then have every key looked at; the one watch there is."""
    local.pass_time(seconds)
    KeyWatch.objects.update(due_at=DatabaseNow())
    watch_due()
    return KeyWatch.objects.get()


def watch_for(local: LocalAzure, span: timedelta, *, every: float = 5.0) -> float:
    """Watch as beat does, until a key is lost; the seconds that it took. Fails when that never comes."""
    passed = 0.0
    while passed < span.total_seconds():
        watch_due()
        if KeyWatch.objects.filter(state=KeyWatch.State.LOST).exists():
            return passed
        local.pass_time(every)
        passed += every
    raise AssertionError("nobody has noticed")


def _call(local: LocalAzure, body: bytes) -> KeyCall:
    vaults = local.azure.vaults.vaults
    request = Request("POST", f"{VAULT}.vault.azure.net", 443, "", {"api-version": "7.4"}, {}, body)
    return KeyCall(local.azure.store, local.azure.clock, vaults.get(VAULT), request)


def _look(local: LocalAzure) -> None:
    """Azure meets what is so now; before a change and after it, as requests would have it."""
    local.azure.arm.key_watch.disturb()
    local.azure.arm.key_watch.look()
