"""Keys of a vault through the real SDK: made, wrapped with, rotated, switched off, deleted, protected, limited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.keys import (
    KeyClient,
    KeyOperation,
    KeyRotationLifetimeAction,
    KeyRotationPolicy,
    KeyRotationPolicyAction,
    KeyVaultKey,
)
from azure.keyvault.keys.crypto import CryptographyClient, EncryptionAlgorithm, KeyWrapAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import key_material
from simulator.azure import Azure
from simulator.http import Request
from simulator.transport import InProcessTransport
from simulator.vaults import Vault
from tests.simulator.builders import bearer

AUTHORITY = "https://localhost:8443"
MAIN = "https://main.vault.azure.net"
SECRET = b"thirty-two bytes of a key, really"
DEK = SECRET[:32]


@pytest.fixture
def cloud() -> Azure:
    return Azure(real=lambda: 0.0)


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


@pytest.mark.parametrize("algorithm", [KeyWrapAlgorithm.rsa_oaep, KeyWrapAlgorithm.rsa_oaep_256])
def test_what_a_key_wraps_only_it_unwraps(cloud, algorithm):
    client = keys(cloud)
    one, other = client.create_rsa_key("one", size=2048), client.create_rsa_key("other", size=2048)
    wrapped = remote(cloud, one).wrap_key(algorithm, DEK)
    assert wrapped.encrypted_key != DEK
    assert wrapped.key_id == one.id
    assert remote(cloud, one).unwrap_key(algorithm, wrapped.encrypted_key).key == DEK
    with pytest.raises(HttpResponseError) as refused:
        remote(cloud, other).unwrap_key(algorithm, wrapped.encrypted_key)
    assert refused.value.status_code == 400


def test_what_the_client_wraps_by_itself_the_vault_unwraps(cloud):
    key = keys(cloud).create_rsa_key("one", size=2048)
    client = crypto(cloud, key)
    assert client.unwrap_key("RSA-OAEP", client.wrap_key("RSA-OAEP", DEK).encrypted_key).key == DEK


def test_a_text_is_encrypted_and_decrypted(cloud):
    client = remote(cloud, keys(cloud).create_rsa_key("one", size=2048))
    hidden = client.encrypt(EncryptionAlgorithm.rsa_oaep_256, SECRET)
    assert client.decrypt(EncryptionAlgorithm.rsa_oaep_256, hidden.ciphertext).plaintext == SECRET


@pytest.mark.parametrize(("size", "hardware"), [(2048, True), (3072, False)])
def test_a_key_has_the_size_and_type_asked_for(cloud, size, hardware):
    made = keys(cloud).create_rsa_key("one", size=size, hardware_protected=hardware, tags={"a": "1"})
    assert len(made.key.n) * 8 == size
    assert made.key_type == ("RSA-HSM" if hardware else "RSA")
    assert made.properties.tags == {"a": "1"}
    assert (made.properties.recovery_level, made.properties.recoverable_days) == ("Recoverable+Purgeable", 90)


@pytest.mark.parametrize(
    "document",
    [
        {"kty": "EC"},
        {"kty": "RSA", "key_size": 1024},
        {"kty": "RSA", "key_size": "2048"},
        {"kty": "RSA", "key_ops": ["fly"]},
        {"kty": "RSA", "attributes": {"enabled": "yes"}},
        [],
    ],
)
def test_a_key_that_azure_would_not_make_is_refused(cloud, document):
    status, body = raw(cloud, "POST", "/keys/one/create", document)
    assert (status, body["error"]["code"]) == (400, "BadParameter")


def test_a_second_creation_is_a_new_version_and_the_old_one_stays(cloud):
    client = keys(cloud)
    first, second = client.create_rsa_key("one", size=2048), client.create_rsa_key("one", size=2048)
    assert client.get_key("one").properties.version == second.properties.version
    assert client.get_key("one", first.properties.version).key.n == first.key.n != second.key.n
    versions = [one.version for one in client.list_properties_of_key_versions("one")]
    assert versions == [first.properties.version, second.properties.version]
    assert [one.name for one in client.list_properties_of_keys()] == ["one"]


def test_a_key_made_elsewhere_is_imported_and_unwraps(cloud):
    private = rsa.generate_private_key(65_537, 2048).private_numbers()
    numbers = {"n": private.public_numbers.n, "e": 65_537, "d": private.d, "p": private.p, "q": private.q}
    jwk = {name: key_material.packed(value.to_bytes((value.bit_length() + 7) // 8)) for name, value in numbers.items()}
    status, made = raw(cloud, "PUT", "/keys/brought", {"key": {"kty": "RSA", **jwk}})
    assert (status, made["key"]["n"]) == (200, jwk["n"])
    client = crypto(cloud, keys(cloud).get_key("brought"))
    assert client.unwrap_key("RSA-OAEP", client.wrap_key("RSA-OAEP", DEK).encrypted_key).key == DEK
    assert raw(cloud, "PUT", "/keys/half", {"key": {"kty": "RSA", "n": jwk["n"]}})[0] == 400


def test_a_disabled_key_does_nothing(cloud):
    client = keys(cloud)
    key = client.create_rsa_key("one", size=2048)
    wrapped = remote(cloud, key).wrap_key("RSA-OAEP", DEK).encrypted_key
    client.update_key_properties("one", enabled=False)
    for act in (remote(cloud, key).wrap_key, remote(cloud, key).unwrap_key):
        with pytest.raises(HttpResponseError) as refused:
            act("RSA-OAEP", wrapped)
        assert (refused.value.status_code, inner_code(refused.value)) == (403, "KeyDisabled")
    assert client.get_key("one").properties.enabled is False
    client.update_key_properties("one", enabled=True)
    assert remote(cloud, key).unwrap_key("RSA-OAEP", wrapped).key == DEK


@pytest.mark.parametrize(("word", "code"), [({"expires_on": -1}, "KeyExpired"), ({"not_before": 1}, "KeyNotYetValid")])
def test_a_key_out_of_its_time_unwraps_and_does_not_wrap(cloud, word, code):
    client = keys(cloud)
    key = client.create_rsa_key("one", size=2048)
    wrapped = remote(cloud, key).wrap_key("RSA-OAEP", DEK).encrypted_key
    dates = {name: cloud.clock.moment() + timedelta(days=days) for name, days in word.items()}
    client.update_key_properties("one", **dates)
    with pytest.raises(HttpResponseError) as refused:
        remote(cloud, key).wrap_key("RSA-OAEP", DEK)
    assert (refused.value.status_code, inner_code(refused.value)) == (403, code)
    assert remote(cloud, key).unwrap_key("RSA-OAEP", wrapped).key == DEK


def test_a_key_does_only_what_it_is_made_for(cloud):
    client = keys(cloud)
    key = client.create_rsa_key("one", size=2048, key_operations=[KeyOperation.unwrap_key])
    with pytest.raises(HttpResponseError) as refused:
        remote(cloud, key).wrap_key("RSA-OAEP", DEK)
    assert inner_code(refused.value) == "KeyOperationForbidden"


def test_rotating_by_hand_makes_a_version_of_the_same_size(cloud):
    client = keys(cloud)
    first = client.create_rsa_key("one", size=3072)
    second = client.rotate_key("one")
    assert second.properties.version != first.properties.version
    assert (len(second.key.n) * 8, second.key_type) == (3072, "RSA")


def test_a_policy_rotates_keys_as_time_goes_by(cloud):
    client = keys(cloud)
    client.create_rsa_key("one", size=2048)
    assert [one.action for one in client.get_key_rotation_policy("one").lifetime_actions] == ["Notify"]
    rotate = KeyRotationLifetimeAction(KeyRotationPolicyAction.rotate, time_after_create="P30D")
    made = client.update_key_rotation_policy("one", KeyRotationPolicy(lifetime_actions=[rotate], expires_in="P90D"))
    assert (made.expires_in, made.lifetime_actions[0].time_after_create) == ("P90D", "P30D")
    start = cloud.clock.moment()
    cloud.clock.advance(timedelta(days=29))
    assert len(list(client.list_properties_of_key_versions("one"))) == 1
    cloud.clock.advance(timedelta(days=32))
    versions = list(client.list_properties_of_key_versions("one"))
    ages = [round((one.created_on - start) / timedelta(days=1)) for one in versions[1:]]
    assert ages == [30, 60]
    assert versions[-1].expires_on - versions[-1].created_on == timedelta(days=90)
    assert client.get_key("one").properties.version == versions[-1].version


@pytest.mark.parametrize(
    "policy",
    [
        {"attributes": {"expiryTime": "P10D"}},
        {"attributes": {"expiryTime": "soon"}},
        {"lifetimeActions": [{"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "rotate"}}]},
        {"lifetimeActions": [{"trigger": {"timeAfterCreate": "P3D"}, "action": {"type": "rotate"}}]},
        {"lifetimeActions": [{"trigger": {}, "action": {"type": "rotate"}}]},
        {"lifetimeActions": [7]},
        {"lifetimeActions": {}},
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(cloud, policy):
    keys(cloud).create_rsa_key("one", size=2048)
    assert raw(cloud, "PUT", "/keys/one/rotationpolicy", policy)[0] == 400


def test_a_deleted_key_comes_back_or_goes_for_good(cloud):
    client = keys(cloud)
    made = client.create_rsa_key("one", size=2048)
    deleted = client.begin_delete_key("one").result()
    assert deleted.scheduled_purge_date - deleted.deleted_date == timedelta(days=90)
    with pytest.raises(ResourceNotFoundError):
        client.get_key("one")
    with pytest.raises(ResourceExistsError) as taken:
        client.create_rsa_key("one", size=2048)
    assert inner_code(taken.value) == "ObjectIsDeletedButRecoverable"
    assert [one.name for one in client.list_deleted_keys()] == ["one"]
    assert client.begin_recover_deleted_key("one").result().id == made.id
    client.begin_delete_key("one").result()
    client.purge_deleted_key("one")
    assert client.create_rsa_key("one", size=2048).id != made.id


def test_a_protected_vault_purges_nothing_before_its_time(cloud):
    cloud.vaults.vaults.put(Vault("main", purge_protection=True, soft_delete_days=7))
    client = keys(cloud)
    made = client.create_rsa_key("one", size=2048)
    assert (made.properties.recovery_level, made.properties.recoverable_days) == ("CustomizedRecoverable", 7)
    client.begin_delete_key("one").result()
    with pytest.raises(HttpResponseError) as refused:
        client.purge_deleted_key("one")
    assert refused.value.status_code == 403
    cloud.clock.advance(timedelta(days=7, seconds=1))
    assert list(client.list_deleted_keys()) == []
    with pytest.raises(ValueError, match="irreversible"):
        cloud.vaults.vaults.put(Vault("main"))


def test_a_backup_brings_every_version_back(cloud):
    client = keys(cloud)
    for _ in range(2):
        client.create_rsa_key("one", size=2048)
    blob = client.backup_key("one")
    client.begin_delete_key("one").result()
    client.purge_deleted_key("one")
    client.restore_key_backup(blob)
    assert len(list(client.list_properties_of_key_versions("one"))) == 2


def test_keys_survive_a_restart(tmp_path):
    before = Azure(tmp_path, real=lambda: 0.0)
    key = keys(before).create_rsa_key("one", size=2048)
    wrapped = remote(before, key).wrap_key("RSA-OAEP", DEK).encrypted_key
    before.close()
    after = Azure(tmp_path, real=lambda: 0.0)
    assert remote(after, key).unwrap_key("RSA-OAEP", wrapped).key == DEK
    after.close()


def test_the_twenty_first_creation_in_ten_seconds_waits():
    moments = [0.0]
    cloud = Azure(real=lambda: moments[0])
    document = {"kty": "RSA", "key_size": 2048}
    make = [raw(cloud, "POST", f"/keys/k{number}/create", document)[0] for number in range(21)]
    assert make == [200] * 20 + [429]
    headers = {"authorization": f"Bearer {bearer(cloud, 'https://vault.azure.net')}"}
    request = Request("POST", "main.vault.azure.net", 443, "/keys/k/create", {"api-version": "7.6"}, headers,
                      orjson.dumps(document))  # fmt: skip
    refused = cloud.handle(request)
    assert (refused.status, refused.headers["retry-after"]) == (429, "10")
    assert orjson.loads(refused.body)["error"]["code"] == "Throttled"
    moments[0] = 10.0
    assert cloud.handle(request).status == 200


def test_three_hundred_secrets_in_ten_seconds_are_the_limit_of_one_vault_unless_limits_are_off():
    def sets(cloud: Azure) -> list[int]:
        return [raw(cloud, "PUT", "/secrets/s", {"value": "x"})[0] for _ in range(301)]

    assert sets(Azure(real=lambda: 0.0))[299:] == [200, 429]
    assert set(sets(Azure(real=lambda: 0.0, throttled=False))) == {200}


def test_dates_of_a_key_are_read_back(cloud):
    client = keys(cloud)
    expires = datetime(2040, 1, 1, tzinfo=UTC)
    client.create_rsa_key("one", size=2048, expires_on=expires, enabled=True)
    assert client.get_key("one").properties.expires_on == expires
