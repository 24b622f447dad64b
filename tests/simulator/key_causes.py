"""Situations in which Azure refuses a database's own key."""

from __future__ import annotations

from datetime import timedelta

from simulator.azure import Azure
from simulator.http import Response
from tests.simulator.builders import a_database, a_server, ask, settle
from tests.simulator.causes import Way
from tests.simulator.key_clients import keys
from tests.simulator.test_database_keys import an_encrypted_database, give_key, grant, pass_minutes, revoke
from tests.simulator.test_vault_access import a_protected_key, control


def unprotected(azure: Azure) -> Response:
    _, principal = a_protected_key(azure)
    uri = keys(azure, "https://other.vault.azure.net").create_rsa_key("one", size=2048).id
    control(azure, "/grant", vault="other", object_id=principal, keys=["get", "wrapKey", "unwrapKey"])
    return give_key(azure, a_database(azure, a_server(azure)), uri)


def unknown_key(azure: Azure) -> Response:
    uri, _ = a_protected_key(azure)
    return give_key(azure, a_database(azure, a_server(azure)), uri.replace("/one/", "/none/"))


def without_rights(azure: Azure) -> Response:
    uri, principal = a_protected_key(azure)
    revoke(azure, principal)
    return give_key(azure, a_database(azure, a_server(azure)), uri)


def with_vault(azure: Azure, **changed: object) -> Response:
    uri, _ = a_protected_key(azure)
    control(azure, "", name="main", **changed)
    return give_key(azure, a_database(azure, a_server(azure)), uri)


def with_key(azure: Azure, **changed: object) -> Response:
    uri, _ = a_protected_key(azure)
    keys(azure).update_key_properties("one", **changed)
    return give_key(azure, a_database(azure, a_server(azure)), uri)


def too_large(azure: Azure) -> Response:
    uri, _ = a_protected_key(azure, size=4096)
    return give_key(azure, a_database(azure, a_server(azure)), uri)


def without_identity(azure: Azure) -> Response:
    uri, _ = a_protected_key(azure)
    return ask(azure, "PATCH", a_database(azure, a_server(azure)), {"properties": {"encryptionProtector": uri}})


def of_nobody(azure: Azure) -> Response:
    identity = {"type": "UserAssigned", "userAssignedIdentities": {"/subscriptions/none": {}}}
    return ask(azure, "PATCH", a_database(azure, a_server(azure)), {"identity": identity})


def too_soon(azure: Azure) -> Response:
    path, _, _ = an_encrypted_database(azure)
    second, third = (keys(azure).rotate_key("one").id for _ in range(2))
    assert give_key(azure, path, second).status == 202
    settle(azure)
    return give_key(azure, path, third)


def inaccessible(azure: Azure) -> Response:
    path, _, principal = an_encrypted_database(azure)
    revoke(azure, principal)
    pass_minutes(azure, 31)
    grant(azure, principal)
    return ask(azure, "PATCH", path, {"tags": {}})


KEY_WAYS: dict[str, Way] = {
    "SecurityInvalidAzureKeyVaultRecoveryLevel": unprotected,
    "AzureKeyVaultKeyNameNotFound": unknown_key,
    "UmiMissingAkvPermissions": without_rights,
    "AzureKeyVaultMissingPermissions": lambda azure: with_vault(azure, deny_addresses=True, trusts_services=False),
    "AzureKeyVaultConnectionFailed": lambda azure: with_vault(azure, is_down=True),
    "AzureKeyVaultKeyDisabled": lambda azure: with_key(azure, enabled=False),
    "AzureKeyVaultInvalidExpirationDate": lambda azure: with_key(
        azure, expires_on=azure.clock.moment() - timedelta(days=1)
    ),
    "AzureKeyVaultRsaKeyNotSupported": too_large,
    "InvalidNumberOfIdentities": without_identity,
    "InvalidIdentityId": of_nobody,
    "PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse": too_soon,
    "DatabaseUnavailable": inaccessible,
}
