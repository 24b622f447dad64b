"""Keys of a vault through the real SDK: made, wrapped with, rotated, switched off, deleted, protected, limited."""

from __future__ import annotations

from datetime import timedelta

import pytest
from azure.core.exceptions import HttpResponseError
from azure.keyvault.keys import KeyOperation
from azure.keyvault.keys.crypto import EncryptionAlgorithm, KeyWrapAlgorithm
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator import key_material
from simulator.azure import Azure
from tests.simulator.key_clients import DEK, SECRET, crypto, inner_code, keys, raw, remote


@pytest.fixture
def cloud() -> Azure:
    return Azure(real=lambda: 0.0)


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
