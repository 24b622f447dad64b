"""Customers' keys through our own adapters: databases' keys, identities, and a key looked at as one of them."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import jwt
import orjson
import pytest
from azure.keyvault.keys._shared import http_challenge_cache
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.errors import Rejected
from cloud.key_inspector import ForeignChallenge, check_challenge
from cloud.key_uris import KeyUri, KeyUriRefused, key_uri
from cloud.keys import IdentityRef, KeyRefused, KeyTrouble, OwnKey, Trust
from cloud.protocols import ServerRef
from cloud.settings import CloudSettings
from simulator.arm.federation import AUDIENCE, ISSUERS
from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.vault_keys import KeyCall
from tests.cloud.builders import POOLED, a_pool, a_server, finish
from tests.cloud.in_process import configure

ISSUER, SUBJECT, HOSTS = "https://issuer.example", "worker", (".vault.azure.net",)
RIGHTS = {"keys": ("get", "wrapkey", "unwrapkey")}


def identity_ref(azure: Azure) -> IdentityRef:
    return IdentityRef(azure.arm.subscriptions[0], "rg-1", "i-1")


def a_key(azure: Azure, *, bits: int = 2048) -> KeyUri:
    vaults = azure.vaults.vaults
    vaults.put(replace(vaults.get("customer"), purge_protection=True, is_open=False))
    body = orjson.dumps({"kty": "RSA", "key_size": bits})
    request = Request("POST", "customer.vault.azure.net", 443, "", {"api-version": "7.4"}, {}, body)
    made = KeyCall(azure.store, azure.clock, vaults.get("customer"), request).create("one")
    return key_uri(orjson.loads(made.body)["key"]["kid"], hosts=HOSTS)


def grant(azure: Azure, principal: str) -> None:
    vaults = azure.vaults.vaults
    vaults.put(vaults.get("customer").granting(principal, RIGHTS))


def come_as_identities(azure: Azure, directory: Path, around: Callable[..., Response] | None = None) -> None:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    pem = key.public_key().public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    azure.store.put(ISSUERS, ISSUER, {"public_key": pem.decode()})
    claims = {"iss": ISSUER, "sub": SUBJECT, "aud": AUDIENCE, "exp": int(time.time()) + 600}
    (directory / "token").write_text(jwt.encode(claims, key, algorithm="RS256"))
    more = {"around": around} if around else {}
    file = str(directory / "token")
    configure(azure, federated_token_file=file, verify_challenge_resource=False, **more)


def an_identity(azure: Azure) -> tuple[ServerRef, str, str]:
    """A server with a database d-1, and principal and client id of an identity that trusts us."""
    server = a_pool(azure, a_server(azure))
    arm = factory.sql_management()
    finish(azure, arm.begin_create_database(server, "d-1", POOLED))
    made = arm.put_identity(identity_ref(azure), "eastus", {"workspace": "w"})
    arm.put_trust(identity_ref(azure), "worker", Trust(ISSUER, SUBJECT))
    return server, made.principal_id, made.client_id


def test_an_identity_is_made_once_and_found_again(azure: Azure):
    arm = factory.sql_management()
    a_server(azure)
    assert arm.find_identity(identity_ref(azure)) is None
    made = arm.put_identity(identity_ref(azure), "eastus", {})
    assert arm.put_identity(identity_ref(azure), "eastus", {}) == made
    assert arm.find_identity(identity_ref(azure)) == made


def test_a_database_takes_a_key_shows_it_and_gives_it_up(azure: Azure):
    server, principal, _ = an_identity(azure)
    arm, key = factory.sql_management(), a_key(azure)
    grant(azure, principal)
    wanted = OwnKey(str(key), arm.find_identity(identity_ref(azure)).arm_id, follows=True)
    finish(azure, arm.begin_update_database(server, "d-1", DatabaseChange(key=wanted)))
    seen = arm.get_database(server, "d-1").key
    assert (seen.uri, seen.identity_id.lower(), seen.follows) == (wanted.uri, wanted.identity_id.lower(), True)
    assert [one.key for one in arm.list_databases(server)] == [seen]
    assert arm.list_database_keys(server, "d-1") == [str(key)]
    assert arm.list_database_keys(server, "d-9") is None
    finish(azure, arm.begin_revalidate_key(server, "d-1"))
    finish(azure, arm.begin_revert_key(server, "d-1"))
    assert arm.get_database(server, "d-1").key is None


def test_a_key_that_its_identity_may_not_use_is_refused_for_good(azure: Azure):
    server, _, _ = an_identity(azure)
    arm, key = factory.sql_management(), a_key(azure)
    wanted = OwnKey(str(key), arm.find_identity(identity_ref(azure)).arm_id)
    with pytest.raises(Rejected) as refused:
        arm.begin_update_database(server, "d-1", DatabaseChange(key=wanted))
    assert refused.value.code == "UmiMissingAkvPermissions"


def test_we_look_at_a_key_as_the_identity(azure: Azure, tmp_path: Path):
    _, principal, client_id = an_identity(azure)
    key = a_key(azure, bits=3072)
    come_as_identities(azure, tmp_path)
    inspector = factory.key_inspector(client_id)
    with pytest.raises(KeyRefused) as refused:
        inspector.facts(key)
    assert refused.value.trouble is KeyTrouble.PERMISSION
    grant(azure, principal)
    facts = inspector.facts(key)
    assert (facts.uri, facts.kind, facts.bits, facts.enabled, facts.is_protected) == (key, "RSA", 3072, True, True)
    inspector.prove(key)
    newer = a_key(azure)
    assert inspector.newest(key).uri == newer


@pytest.mark.parametrize(
    ("change", "trouble"),
    [
        ({"deny_addresses": True}, KeyTrouble.FIREWALL),
        ({"is_down": True}, KeyTrouble.UNREACHABLE),
        ({"is_deleted": True}, KeyTrouble.DELETED),
        ({"grants": {}}, KeyTrouble.PERMISSION),
    ],
)
def test_each_way_to_lose_a_vault_has_its_word(azure: Azure, tmp_path: Path, change: dict, trouble: KeyTrouble):
    _, principal, client_id = an_identity(azure)
    key = a_key(azure)
    grant(azure, principal)
    come_as_identities(azure, tmp_path)
    factory.key_inspector(client_id).prove(key)
    azure.vaults.vaults.put(replace(azure.vaults.vaults.get("customer"), **change))
    with pytest.raises(KeyRefused) as refused:
        factory.key_inspector(client_id).prove(key)
    assert refused.value.trouble is trouble


def test_an_identity_that_does_not_trust_us_tells_nothing_of_the_key(azure: Azure, tmp_path: Path):
    a_server(azure)
    made = factory.sql_management().put_identity(identity_ref(azure), "eastus", {})
    key = a_key(azure)
    come_as_identities(azure, tmp_path)
    with pytest.raises(KeyRefused) as refused:
        factory.key_inspector(made.client_id).prove(key)
    assert (refused.value.trouble, refused.value.trouble.is_loss) == (KeyTrouble.NOBODY, False)


def test_a_foreign_challenge_ends_the_call_before_a_token_is_asked_for(azure: Azure, tmp_path: Path):
    _, principal, client_id = an_identity(azure)
    key, asked = a_key(azure), []
    grant(azure, principal)

    def around(request: Request, call: Callable[[], Response]) -> Response:
        asked.append(f"{request.method} {request.host}{request.path}")
        response = call()
        for name in [name for name in response.headers if name.lower() == "www-authenticate"]:
            response.headers[name] = response.headers[name].replace("https://localhost", "https://evil.example")
        return response

    come_as_identities(azure, tmp_path, around)
    http_challenge_cache.clear()  # as a process that has just started
    with pytest.raises(KeyRefused) as refused:
        factory.key_inspector(client_id).facts(key)
    assert refused.value.code == "ForeignChallenge"
    assert not [one for one in asked if "token" in one]


@pytest.mark.parametrize(
    "header",
    [
        "",
        'Bearer authorization="https://login.example/T", resource="https://vault.azure.net"',
        'Bearer authorization="http://login.microsoftonline.com/T", resource="https://vault.azure.net"',
        'Bearer authorization="https://login.microsoftonline.com/OTHER", resource="https://vault.azure.net"',
        'Bearer authorization="https://login.microsoftonline.com/T", resource="https://management.azure.com"',
    ],
)
def test_only_our_own_authority_is_answered(header: str):
    with pytest.raises(ForeignChallenge):
        check_challenge(header, CloudSettings("T"))


def test_our_own_authority_is_answered():
    header = 'Bearer authorization="https://login.microsoftonline.com/T", resource="https://vault.azure.net"'
    check_challenge(header, CloudSettings("T"))


def test_a_key_uri_is_read_and_written_alike():
    text = "https://customer.vault.azure.net/keys/One-1/0123456789abcdef0123456789abcdef"
    read = key_uri(text, hosts=HOSTS)
    assert (str(read), read.vault, read.name) == (text, "customer.vault.azure.net", "One-1")
    assert key_uri(text.replace("customer", "CUSTOMER"), hosts=HOSTS) == read
    local = text.replace(".azure.net", ".localhost:8443")
    assert str(key_uri(local, hosts=(".vault.localhost:8443",))) == local
    with pytest.raises(KeyUriRefused):
        key_uri(local, hosts=HOSTS)
