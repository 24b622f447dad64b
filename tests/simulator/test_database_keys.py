"""A database's own key: what is checked when it is set, and what becomes of the database when the key is lost."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError

from simulator.azure import Azure
from simulator.http import Response
from tests.simulator.builders import a_database, a_pool, a_server, ask, settle, sql_client, whole_id
from tests.simulator.key_clients import keys
from tests.simulator.test_vault_access import a_protected_key, an_identity, control

GROUP, SERVER = "rg", "one"


def code_of(response: Response) -> str:
    return str(orjson.loads(response.body)["error"]["code"])


def give_key(azure: Azure, path: str, uri: str, **more: object) -> Response:
    identity = {"type": "UserAssigned", "userAssignedIdentities": {an_identity(azure)["id"]: {}}}
    return ask(azure, "PATCH", path, {"identity": identity, "properties": {"encryptionProtector": uri, **more}})


def shown(azure: Azure, path: str, **query: str) -> dict:
    return orjson.loads(ask(azure, "GET", path, **query).body)


def an_encrypted_database(azure: Azure, **more: object) -> tuple[str, str, str]:
    """Its path, the key and the principal that may use it; in a pool, with tags."""
    uri, principal = a_protected_key(azure)
    server = a_server(azure)
    path = a_database(azure, server, pool=a_pool(azure, server))
    assert ask(azure, "PATCH", path, {"tags": {"a": "b"}}).status == 202
    settle(azure)
    assert give_key(azure, path, uri, **more).status == 202
    settle(azure)
    return path, uri, principal


def revoke(azure: Azure, principal: str) -> None:
    assert control(azure, "/revoke", vault="main", object_id=principal)[0] == 200


def grant(azure: Azure, principal: str) -> None:
    words = ["get", "wrapKey", "unwrapKey"]
    assert control(azure, "/grant", vault="main", object_id=principal, keys=words)[0] == 200


def pass_minutes(azure: Azure, minutes: float) -> None:
    azure.clock.advance(timedelta(minutes=minutes))


def status_of(azure: Azure, path: str) -> str:
    return str(shown(azure, path)["properties"]["status"])


def serves(azure: Azure) -> bool:
    server = azure.sql_directory.server(SERVER)
    found = azure.sql_directory.database(server, "d1")
    return found is not None and found.online


def test_a_database_shows_its_key_and_identity_and_lists_its_keys_on_demand(azure):
    path, uri, _ = an_encrypted_database(azure)
    body = shown(azure, path)
    assert body["properties"]["encryptionProtector"] == uri
    (identity,) = body["identity"]["userAssignedIdentities"]
    assert identity.endswith("/userAssignedIdentities/i1")
    assert "keys" not in body["properties"]
    assert list(shown(azure, path, **{"$expand": "keys"})["properties"]["keys"]) == [uri]
    past = "keys($filter=pointInTime('2020-01-01T00:00:00Z'))"
    assert shown(azure, path, **{"$expand": past})["properties"]["keys"] == {}


@pytest.mark.parametrize(
    ("how", "code"),
    [
        ({"enabled": False}, "AzureKeyVaultKeyDisabled"),
        ({"expires_on": "past"}, "AzureKeyVaultInvalidExpirationDate"),
    ],
)
def test_a_key_that_cannot_be_used_is_refused(azure, how, code):
    uri, _ = a_protected_key(azure)
    path = a_database(azure, a_server(azure))
    past = azure.clock.moment() - timedelta(days=1)
    keys(azure).update_key_properties(
        "one", **{name: past if value == "past" else value for name, value in how.items()}
    )
    assert code_of(give_key(azure, path, uri)) == code


def test_each_refusal_of_a_vault_has_its_code(azure):
    uri, principal = a_protected_key(azure)
    path = a_database(azure, a_server(azure))
    revoke(azure, principal)
    assert code_of(give_key(azure, path, uri)) == "UmiMissingAkvPermissions"
    grant(azure, principal)
    assert code_of(give_key(azure, path, uri.replace("/one/", "/none/"))) == "AzureKeyVaultKeyNameNotFound"
    assert code_of(give_key(azure, path, "https://main.vault.azure.net/secrets/x")) == "AzureKeyVaultInvalidUri"
    control(azure, "", name="main", deny_addresses=True, trusts_services=False)
    assert code_of(give_key(azure, path, uri)) == "AzureKeyVaultMissingPermissions"
    control(azure, "", name="main", deny_addresses=False, is_down=True)
    assert code_of(give_key(azure, path, uri)) == "AzureKeyVaultConnectionFailed"
    control(azure, "", name="main", is_down=False)
    large = keys(azure).create_rsa_key("large", size=4096).id
    assert code_of(give_key(azure, path, large)) == "AzureKeyVaultRsaKeyNotSupported"
    open_vault = keys(azure, "https://other.vault.azure.net").create_rsa_key("one", size=2048).id
    control(azure, "/grant", vault="other", object_id=principal, keys=["get", "wrapKey", "unwrapKey"])
    assert code_of(give_key(azure, path, open_vault)) == "SecurityInvalidAzureKeyVaultRecoveryLevel"


def test_a_key_needs_exactly_one_identity_that_exists(azure):
    uri, _ = a_protected_key(azure)
    path = a_database(azure, a_server(azure))
    wish = {"properties": {"encryptionProtector": uri}}
    assert code_of(ask(azure, "PATCH", path, wish)) == "InvalidNumberOfIdentities"
    nobody = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/none": {}}}
    assert code_of(ask(azure, "PATCH", path, {**wish, "identity": nobody})) == "InvalidIdentityId"


def test_a_second_change_waits_while_the_log_is_under_the_key_before(azure):
    path, _, _ = an_encrypted_database(azure)
    second, third = (keys(azure).rotate_key("one").id for _ in range(2))
    assert give_key(azure, path, second).status == 202
    settle(azure)
    refused = give_key(azure, path, third)
    assert code_of(refused) == "PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse"
    pass_minutes(azure, 11)
    assert give_key(azure, path, third).status == 202
    settle(azure)
    assert len(shown(azure, path, **{"$expand": "keys"})["properties"]["keys"]) == 3


def test_sign_ins_end_within_ten_minutes_and_the_database_after_thirty(azure):
    path, _, principal = an_encrypted_database(azure)
    revoke(azure, principal)
    pass_minutes(azure, 9)
    assert (status_of(azure, path), serves(azure)) == ("Online", True)
    pass_minutes(azure, 2)
    assert (status_of(azure, path), serves(azure)) == ("Online", False)
    pass_minutes(azure, 20)
    assert status_of(azure, path) == "Inaccessible"
    listed = orjson.loads(ask(azure, "GET", path.rsplit("/databases", 1)[0] + "/inaccessibleDatabases").body)["value"]
    assert [one["name"] for one in listed] == ["d1"]
    assert code_of(ask(azure, "PATCH", path, {"tags": {}})) == "DatabaseUnavailable"


def test_a_key_that_is_back_in_time_heals_the_database_within_the_hour(azure):
    path, _, principal = an_encrypted_database(azure)
    revoke(azure, principal)
    pass_minutes(azure, 20)
    assert not serves(azure)
    grant(azure, principal)
    pass_minutes(azure, 61)
    assert (status_of(azure, path), serves(azure)) == ("Online", True)
    assert shown(azure, path)["tags"] == {"a": "b"}


def test_nobody_notices_a_key_that_is_gone_for_minutes(azure):
    _, _, principal = an_encrypted_database(azure)
    revoke(azure, principal)
    pass_minutes(azure, 5)
    grant(azure, principal)
    pass_minutes(azure, 60)
    assert serves(azure)


def test_while_a_vault_does_not_answer_azure_waits_for_a_day(azure):
    path, _, _ = an_encrypted_database(azure)
    control(azure, "", name="main", is_down=True)
    pass_minutes(azure, 23 * 60)
    assert serves(azure)
    pass_minutes(azure, 2 * 60)
    assert status_of(azure, path) == "Inaccessible"


def test_revalidation_brings_it_back_without_pool_tags_and_history(azure):
    path, _, principal = an_encrypted_database(azure)
    client = sql_client(azure)
    revoke(azure, principal)
    pass_minutes(azure, 31)
    with pytest.raises(HttpResponseError) as refused:
        client.database_encryption_protectors.begin_revalidate(GROUP, SERVER, "d1", "current")
    assert refused.value.error.code == "UmiMissingAkvPermissions"
    grant(azure, principal)
    pass_minutes(azure, 120)
    assert status_of(azure, path) == "Inaccessible"
    client.database_encryption_protectors.begin_revalidate(GROUP, SERVER, "d1", "current").result()
    body = shown(azure, path)
    assert (body["properties"]["status"], serves(azure)) == ("Online", True)
    assert "elasticPoolId" not in body["properties"]
    assert "tags" not in body
    assert "earliestRestoreDate" not in body["properties"]


def test_a_database_goes_back_to_the_servers_own_key(azure):
    path, uri, principal = an_encrypted_database(azure)
    sql_client(azure).database_encryption_protectors.begin_revert(GROUP, SERVER, "d1", "current").result()
    assert "encryptionProtector" not in shown(azure, path)["properties"]
    revoke(azure, principal)
    pass_minutes(azure, 60)
    assert serves(azure)
    assert list(shown(azure, path, **{"$expand": "keys"})["properties"]["keys"]) == [uri]


def test_a_new_version_is_followed_within_a_day_where_that_is_wished(azure):
    path, uri, _ = an_encrypted_database(azure, encryptionProtectorAutoRotation=True)
    newer = keys(azure).rotate_key("one").id
    assert shown(azure, path)["properties"]["encryptionProtector"] == uri
    ask(azure, "GET", path)
    pass_minutes(azure, 24 * 60)
    assert shown(azure, path)["properties"]["encryptionProtector"] == newer


def test_a_secondary_brings_the_primarys_key(azure):
    path, uri, _ = an_encrypted_database(azure)
    other = f"{a_server(azure, 'two')}/databases/d1"
    wish = {"createMode": "Secondary", "sourceDatabaseId": whole_id(azure, path)}
    refused = ask(azure, "PUT", other, {"location": "eastus", "properties": wish})
    assert code_of(refused) == "PerDatabaseCMKAKVKeyUriMissingOnGeoSecondary"
    identity = {"type": "UserAssigned", "userAssignedIdentities": {an_identity(azure)["id"]: {}}}
    whole = {"location": "eastus", "identity": identity, "properties": {**wish, "encryptionProtector": uri}}
    assert ask(azure, "PUT", other, whole).status == 202


def test_a_servers_keys_are_added_listed_and_taken_away(azure):
    uri, _ = a_protected_key(azure)
    path = a_server(azure)
    client = sql_client(azure)
    name = "_".join(("main", "one", uri.rsplit("/", 1)[1]))
    wish = {"properties": {"serverKeyType": "AzureKeyVault", "uri": uri}}
    with pytest.raises(HttpResponseError) as refused:
        client.server_keys.begin_create_or_update(GROUP, SERVER, name, wish)
    assert refused.value.error.code == "AzureKeyVaultNoServerIdentity"
    assert ask(azure, "PATCH", path, {"identity": {"type": "SystemAssigned"}}).status == 202
    settle(azure)
    grant(azure, shown(azure, path)["identity"]["principalId"])
    with pytest.raises(HttpResponseError) as misnamed:
        client.server_keys.begin_create_or_update(GROUP, SERVER, "other", wish)
    assert misnamed.value.error.code == "SecurityAzureKeyVaultInvalidKeyName"
    assert client.server_keys.begin_create_or_update(GROUP, SERVER, name, wish).result().properties.uri == uri
    assert {one.name for one in client.server_keys.list_by_server(GROUP, SERVER)} == {name, "ServiceManaged"}
    client.server_keys.begin_delete(GROUP, SERVER, name).result()
    assert {one.name for one in client.server_keys.list_by_server(GROUP, SERVER)} == {"ServiceManaged"}
    assert client.encryption_protectors.get(GROUP, SERVER, "current").properties.server_key_type == "ServiceManaged"
    assert code_of(ask(azure, "PUT", f"{path}/keys/x", {"properties": {"serverKeyType": "Own"}})) == "InvalidKeyType"
    assert code_of(ask(azure, "DELETE", f"{path}/keys/ServiceManaged")) == "InvalidKeyName"
    assert code_of(ask(azure, "GET", f"{path}/encryptionProtector/other")) == "InvalidEncryptionProtectorName"


def test_a_key_of_a_vault_that_is_deleted_is_not_found(azure):
    path, uri, _ = an_encrypted_database(azure)
    control(azure, "", name="main", is_deleted=True)
    with pytest.raises(ResourceExistsError) as refused:  # the SDK calls every 409 so
        sql_client(azure).database_encryption_protectors.begin_revert(GROUP, SERVER, "d1", "current")
    assert refused.value.error.code == "AzureKeyVaultKeyNameNotFound"
    assert uri in shown(azure, path)["properties"]["encryptionProtector"]
