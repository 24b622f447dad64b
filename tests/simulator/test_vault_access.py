"""Vaults and identities as resources, access to vaults, and whether an identity can use a key."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError

from simulator.azure import Azure
from simulator.http import Request
from simulator.key_access import KeyRefused, Reason
from simulator.key_vault import ROUTES
from tests.simulator.builders import a_group, ask, settle, whole_id
from tests.simulator.key_clients import keys, raw

MAIN = "https://main.vault.azure.net"
ROLE = "Key Vault Crypto Service Encryption User"


def control(azure: Azure, path: str, **document: object) -> tuple[int, dict]:
    response = azure.handle(Request("POST", "localhost", 1, f"/_sim/vaults{path}", {}, {}, orjson.dumps(document)))
    return response.status, orjson.loads(response.body)


def an_identity(azure: Azure, name: str = "i1") -> dict[str, str]:
    path = f"{a_group(azure)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{name}"
    response = ask(azure, "PUT", path, {"location": "eastus"})
    assert response.status in (200, 201)
    return orjson.loads(response.body)


def a_protected_key(azure: Azure, size: int = 2048) -> tuple[str, str]:
    """A key in a protected vault, and the principal of an identity that may use it."""
    assert control(azure, "", name="main", purge_protection=True)[0] == 200
    principal = an_identity(azure)["properties"]["principalId"]
    assert control(azure, "/grant", vault="main", object_id=principal, role=ROLE)[0] == 200
    return keys(azure).create_rsa_key("one", size=size).id, principal


def reason_of(azure: Azure, uri: str, principal: str) -> Reason:
    with pytest.raises(KeyRefused) as refused:
        azure.key_access.usable(uri, object_id=principal)
    return refused.value.reason


def test_an_identity_with_the_role_can_use_the_key_and_learns_of_newer_versions(azure):
    uri, principal = a_protected_key(azure)
    found = azure.key_access.usable(uri, object_id=principal)
    assert (found.vault, found.name, found.newest_version) == ("main", "one", found.version)
    assert len(found.thumbprint) == 40
    newer = keys(azure).rotate_key("one").properties.version
    assert azure.key_access.usable(uri, object_id=principal).newest_version == newer
    assert azure.key_access.usable(f"{MAIN}/keys/one", object_id=principal).version == newer


def test_each_way_of_losing_a_key_has_its_own_reason(azure):
    uri, principal = a_protected_key(azure)
    client = keys(azure)
    assert reason_of(azure, uri, "somebody else") is Reason.PERMISSIONS_MISSING
    assert reason_of(azure, f"{MAIN}/keys/none", principal) is Reason.KEY_MISSING
    assert reason_of(azure, "http://main/one", principal) is Reason.NO_KEY_URI
    control(azure, "/revoke", vault="main", object_id=principal)
    assert reason_of(azure, uri, principal) is Reason.PERMISSIONS_MISSING
    control(azure, "/grant", vault="main", object_id=principal, keys=["get", "wrapKey", "unwrapKey"])
    assert azure.key_access.usable(uri, object_id=principal)
    client.update_key_properties("one", enabled=False)
    assert reason_of(azure, uri, principal) is Reason.KEY_DISABLED
    client.update_key_properties("one", enabled=True, expires_on=azure.clock.moment() - timedelta(days=1))
    assert reason_of(azure, uri, principal) is Reason.KEY_EXPIRED
    assert azure.key_access.readable(uri, object_id=principal)
    client.begin_delete_key("one").result()
    assert reason_of(azure, uri, principal) is Reason.KEY_MISSING


def test_a_vault_that_is_deleted_closed_or_unprotected_is_a_reason_too(azure):
    uri, principal = a_protected_key(azure)
    control(azure, "", name="main", deny_addresses=True)
    assert azure.key_access.usable(uri, object_id=principal)
    control(azure, "", name="main", trusts_services=False)
    assert reason_of(azure, uri, principal) is Reason.FIREWALL
    control(azure, "", name="main", deny_addresses=False, is_deleted=True)
    assert reason_of(azure, uri, principal) is Reason.VAULT_MISSING
    other = keys(azure, "https://other.vault.azure.net").create_rsa_key("one", size=2048).id
    control(azure, "/grant", vault="other", object_id=principal, role=ROLE)
    assert reason_of(azure, other, principal) is Reason.VAULT_UNPROTECTED


def test_a_key_of_4096_bits_is_none_for_sql(azure):
    uri, principal = a_protected_key(azure, size=4096)
    assert reason_of(azure, uri, principal) is Reason.KEY_UNSUPPORTED


def test_a_closed_vault_asks_for_permissions_by_word(azure):
    control(azure, "", name="main", is_open=False)
    assert raw(azure, "PUT", "/secrets/s", {"value": "x"})[1]["error"]["innererror"]["code"] == "AccessDenied"
    object_id = azure.entra.verify(
        azure.entra.token(azure.entra.client_id, "https://vault.azure.net", authority="https://localhost"),
        "https://vault.azure.net",
    )["oid"]
    control(azure, "/grant", vault="main", object_id=object_id, secrets=["set"])
    assert raw(azure, "PUT", "/secrets/s", {"value": "x"})[0] == 200
    assert raw(azure, "GET", "/secrets/s")[0] == 403
    control(azure, "", name="main", rbac=True)
    assert raw(azure, "GET", "/secrets/s")[1]["error"]["innererror"]["code"] == "ForbiddenByRbac"
    control(azure, "/grant", vault="main", object_id=object_id, role="Key Vault Administrator")
    assert raw(azure, "GET", "/secrets/s")[0] == 200


def test_a_firewall_keeps_clients_out(azure):
    control(azure, "", name="main", deny_addresses=True)
    with pytest.raises(HttpResponseError) as refused:
        keys(azure).get_key("one")
    assert (refused.value.status_code, refused.value.error.innererror["code"]) == (403, "ForbiddenByFirewall")
    control(azure, "", name="main", allowed_addresses=["127.0.0.1"])
    assert keys(azure).create_rsa_key("one", size=2048)


@pytest.mark.parametrize(
    ("path", "document"),
    [
        ("", {"name": "main", "colour": "red"}),
        ("", {"name": "main", "purge_protection": "yes"}),
        ("", {"name": "-"}),
        ("", {"name": "main", "soft_delete_days": 3}),
        ("/grant", {"vault": "main", "object_id": "o", "role": "King"}),
        ("/revoke", {"vault": "main"}),
    ],
)
def test_a_wish_that_makes_no_sense_is_refused(azure, path, document):
    assert control(azure, path, **document)[0] == 400


def test_an_identity_keeps_its_principal_until_it_is_deleted(azure):
    first, again = an_identity(azure), an_identity(azure)
    assert first["properties"].keys() == {"tenantId", "principalId", "clientId"}
    assert first == again
    path = first["id"]
    assert orjson.loads(ask(azure, "GET", path).body) == first
    listed = orjson.loads(ask(azure, "GET", path.rsplit("/", 1)[0]).body)["value"]
    assert [one["name"] for one in listed] == ["i1"]
    assert (ask(azure, "DELETE", path).status, ask(azure, "DELETE", path).status) == (200, 204)
    assert ask(azure, "GET", path).status == 404
    assert an_identity(azure)["properties"]["principalId"] != first["properties"]["principalId"]


def a_vault(azure: Azure, name: str = "fleet-keys", group: str = "rg", **properties: object) -> tuple[int, dict]:
    path = f"{a_group(azure, group)}/providers/Microsoft.KeyVault/vaults/{name}"
    whole = {"tenantId": azure.tenant, "sku": {"family": "A", "name": "premium"}, "accessPolicies": [], **properties}
    response = ask(azure, "PUT", path, {"location": "eastus", "properties": whole})
    return response.status, orjson.loads(response.body)


def test_a_vault_is_made_through_arm_and_asks_for_its_access_policies(azure):
    principal = an_identity(azure)["properties"]["principalId"]
    permissions = {"keys": ["get", "wrapKey", "unwrapKey"]}
    policy = {"tenantId": azure.tenant, "objectId": principal, "permissions": permissions}
    status, made = a_vault(azure, enablePurgeProtection=True, softDeleteRetentionInDays=7, accessPolicies=[policy])
    shown = made["properties"]
    assert (status, shown["enablePurgeProtection"], shown["softDeleteRetentionInDays"]) == (200, True, 7)
    assert (shown["provisioningState"], shown["vaultUri"]) == (
        "RegisteringDns",
        "https://fleet-keys.vault.localhost:8443",
    )
    assert shown["accessPolicies"][0]["objectId"] == principal
    with pytest.raises(HttpResponseError) as refused:
        keys(azure, "https://fleet-keys.vault.azure.net").create_rsa_key("one", size=2048)
    assert refused.value.status_code == 403
    azure.clock.advance(timedelta(seconds=11))
    ready = orjson.loads(ask(azure, "GET", made["id"]).body)["properties"]
    address = "https://fleet-keys.vault.localhost:8443/"
    assert ready == {**shown, "provisioningState": "Succeeded", "vaultUri": address}


def test_purge_protection_is_never_lifted_and_a_name_is_taken_everywhere(azure):
    assert a_vault(azure, enablePurgeProtection=True)[0] == 200
    status, refused = a_vault(azure, enablePurgeProtection=False)
    assert status == 400
    assert "irreversible" in refused["error"]["message"]
    assert a_vault(azure, group="other")[0] == 409
    assert a_vault(azure, name="a")[0] == 400


def test_a_deleted_vault_is_out_of_reach_until_it_is_put_again(azure):
    _, made = a_vault(azure)
    assert ask(azure, "DELETE", made["id"]).status == 200
    assert ask(azure, "GET", made["id"]).status == 404
    assert azure.vaults.vaults.get("fleet-keys").is_deleted
    assert a_vault(azure)[0] == 200
    assert not azure.vaults.vaults.get("fleet-keys").is_deleted


def test_vaults_and_identities_go_with_their_group(azure):
    identity = an_identity(azure)["id"]
    vault = a_vault(azure)[1]["id"]
    assert ask(azure, "DELETE", whole_id(azure, "/resourceGroups/rg")).status == 202
    settle(azure)
    assert azure.arm.resources.get(identity) is None
    assert azure.arm.resources.get(vault) is None


def test_every_route_of_a_vault_says_what_it_does():
    assert [route.path.pattern for route in ROUTES if not route.handler.__doc__] == []
    assert len({(route.method, route.path.pattern) for route in ROUTES}) == len(ROUTES)
