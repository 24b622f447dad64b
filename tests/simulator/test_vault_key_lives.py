"""A key over time: rotated, deleted, recovered, kept over a restart, limited."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.keyvault.keys import KeyRotationLifetimeAction, KeyRotationPolicy, KeyRotationPolicyAction

from simulator.azure import Azure
from simulator.http import Request
from simulator.vaults import Vault
from tests.simulator.builders import bearer
from tests.simulator.key_clients import DEK, inner_code, keys, raw, remote


@pytest.fixture
def cloud() -> Azure:
    return Azure(real=lambda: 0.0)


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
    cloud.clock.advance(timedelta(seconds=6))
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
