"""A service's database under its customer's key: given, changed, taken back; refused before anything has changed."""

from __future__ import annotations

from datetime import timedelta

import pytest

from cloud import factory
from inventory.models import Database, ServiceInstance, Workspace, WorkspaceIdentity
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import UNTOLD, Consent, PlanChanged
from provisioning.drift.repairs import request_repair
from provisioning.errors import ChangeNotSupported, KeyChangeNotPossible, KeyNotAllowed, VaultFull
from provisioning.keys.plans import disable, enable, plan_key
from provisioning.keys.using import needed_keys
from provisioning.keys.wish import KeyWish
from provisioning.models import Finding, KeyUse, KeyWatch
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB
from tests.drifting import UNSETTLED_SECONDS, finish, look, where
from tests.keyed import a_key, change_key, change_vault, federate, grant, revoke
from tests.local_azure import LocalAzure, run_until_settled
from tests.warming import a_filled_stock

pytestmark = pytest.mark.usefixtures("workspace")


@pytest.fixture
def federated(azure: LocalAzure, tmp_path, settings) -> LocalAzure:
    federate(azure, tmp_path, settings)
    return azure


def a_standing(azure: LocalAzure, name: str = "claims", key: KeyWish | None = None) -> ServiceInstance:
    request_service(Workspace.objects.get(), ServiceWish(name, "fhir", 100 * GIB, key=key), actor="tests")
    run_until_settled(azure)
    return ServiceInstance.objects.get(name=name)


def given(azure: LocalAzure, service: ServiceInstance, uri: str, *, follows: bool = False, changes: bool = False):
    """The operation at its end; the customer grants what the first attempt asks for, and asks again."""
    operation = enable(service, KeyWish(uri, follows), changes=changes, actor="tests", consent=UNTOLD)
    run_until_settled(azure)
    operation.refresh_from_db()
    if operation.error_code == "KeyNotUsable" and "Grant the role" in operation.error_message:
        grant(azure)
        return given(azure, service, uri, follows=follows, changes=changes)
    return operation


def in_azure(azure: LocalAzure) -> dict:
    (found,) = azure.resources("databases")
    return found.body


def database() -> Database:
    return Database.objects.select_related("service__workspace", "server", "pool").get()


def test_a_standing_database_is_put_under_the_key_by_the_workspaces_identity(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    operation = given(federated, service, uri)
    assert (operation.kind, operation.state, operation.error_message) == ("enable_cmk", "succeeded", "")
    identity = WorkspaceIdentity.objects.get()
    shown = in_azure(federated)
    assert shown["properties"]["encryptionProtector"] == uri
    assert [name.lower() for name in shown["identity"]["userAssignedIdentities"]] == [identity.arm_id.lower()]
    assert (identity.trusts_us, operation.choices["posture"], operation.choices["keys"]) == (True, "identity", [uri])
    row = database()
    assert (row.status, row.key_uri, row.observed_key_uri) == ("ready", uri, uri)
    assert [(use.uri, use.used_until) for use in KeyUse.objects.all()] == [(uri, None)]
    assert KeyWatch.objects.filter(database=row).exists()


def test_what_is_not_granted_yet_is_said_and_nothing_has_changed(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    operation = enable(service, KeyWish(uri), changes=False, actor="tests", consent=UNTOLD)
    run_until_settled(federated)
    operation.refresh_from_db()
    principal = WorkspaceIdentity.objects.get().principal_id
    assert (operation.state, operation.error_code) == ("failed", "KeyNotUsable")
    assert principal in operation.error_message
    assert "encryptionProtector" not in in_azure(federated)["properties"]
    assert (database().status, database().key_uri) == ("ready", "")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda azure: a_key(azure, bits=4096), "4096"),
        (lambda azure: change_key(azure, enabled=False), "disabled"),
        (lambda azure: change_key(azure, exp=1_000_000_000), "expired"),
        (lambda azure: change_key(azure, nbf=4_000_000_000), "valid before"),
    ],
)
def test_a_key_that_azure_would_not_take_is_refused_before_it_is_asked(federated: LocalAzure, spoil, words):
    service, uri = a_standing(federated), a_key(federated)
    given(federated, service, uri)
    disable(service, actor="tests", consent=UNTOLD)
    run_until_settled(federated)
    uri = spoil(federated) or uri
    operation = given(federated, service, uri)
    assert (operation.state, operation.error_code) == ("failed", "KeyNotUsable")
    assert words in operation.error_message
    assert "encryptionProtector" not in in_azure(federated)["properties"]


def test_a_vault_without_purge_protection_is_refused(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated, purge_protection=False)
    operation = given(federated, service, uri)
    assert (operation.state, operation.error_code) == ("failed", "KeyNotUsable")
    assert "purge protection" in operation.error_message


def test_without_a_token_azure_itself_says_whether_the_identity_may_use_the_key(azure: LocalAzure):
    service, uri = a_standing(azure), a_key(azure)
    operation = enable(service, KeyWish(uri), changes=False, actor="tests", consent=UNTOLD)
    run_until_settled(azure)
    operation.refresh_from_db()
    assert (operation.state, operation.error_code) == ("failed", "UmiMissingAkvPermissions")
    grant(azure)
    operation = given(azure, service, uri)
    assert (operation.state, operation.choices["posture"]) == ("succeeded", "database")


def test_a_vault_that_lets_only_trusted_services_in_is_azures_to_judge(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    change_vault(federated, deny_addresses=True)
    operation = enable(service, KeyWish(uri), changes=False, actor="tests", consent=UNTOLD)
    run_until_settled(federated)
    grant(federated)
    operation = given(federated, service, uri)
    assert (operation.state, operation.choices["posture"]) == ("succeeded", "database")


def test_a_key_is_changed_and_the_one_before_is_still_needed_for_backups(federated: LocalAzure):
    service, first = a_standing(federated), a_key(federated)
    given(federated, service, first)
    second = a_key(federated)
    operation = given(federated, service, second, changes=True)
    assert (operation.kind, operation.state) == ("change_cmk_key", "succeeded")
    assert in_azure(federated)["properties"]["encryptionProtector"] == second
    assert {one.uri for one in needed_keys(database())} == {first, second}
    clock.advance(timedelta(days=database().retention_days + 1), business=True)
    assert [one.uri for one in needed_keys(database())] == [second]


def test_a_change_waits_while_azures_log_is_under_an_older_key(federated: LocalAzure):
    service, first = a_standing(federated), a_key(federated)
    given(federated, service, first)
    given(federated, service, a_key(federated), changes=True)
    third = a_key(federated)
    operation = given(federated, service, third, changes=True)
    assert operation.state == "succeeded"
    assert in_azure(federated)["properties"]["encryptionProtector"] == third


def test_the_key_is_taken_back_and_the_service_protects_the_database_again(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    given(federated, service, uri)
    operation = disable(service, actor="tests", consent=UNTOLD)
    run_until_settled(federated)
    operation.refresh_from_db()
    assert (operation.kind, operation.state) == ("disable_cmk", "succeeded")
    assert "encryptionProtector" not in in_azure(federated)["properties"]
    assert (database().key_uri, database().status) == ("", "ready")
    assert not KeyWatch.objects.exists()
    assert KeyUse.objects.get().used_until is not None
    with pytest.raises(KeyChangeNotPossible):
        disable(service, actor="tests", consent=UNTOLD)


def test_a_plan_shows_what_to_grant_and_changes_nothing(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    before = Operation.objects.count()
    plan = plan_key(service, KeyWish(uri), changes=False, actor="tests")
    assert plan.change is not None
    assert (plan.change.way, plan.change.disruption.drops) == ("enable_cmk", 0)
    assert any("Key Vault Crypto Service Encryption User" in notice for notice in plan.change.notices)
    assert (Operation.objects.count(), database().key_uri) == (before, "")
    with pytest.raises(PlanChanged):
        enable(service, KeyWish(a_key(federated)), changes=False, actor="tests", consent=Consent(plan.hash))
    assert enable(service, KeyWish(uri), changes=False, actor="tests", consent=Consent(plan.hash)).kind == "enable_cmk"


@pytest.mark.parametrize(
    "uri",
    [
        "http://customer.vault.azure.net/keys/one/" + "0" * 32,
        "https://customer.vault.azure.net.evil.example/keys/one/" + "0" * 32,
        "https://vault.azure.net/keys/one/" + "0" * 32,
        "https://a.b.vault.azure.net/keys/one/" + "0" * 32,
        "https://customer.vault.azure.net@evil.example/keys/one/" + "0" * 32,
        "https://customer.vault.azure.net:8443/keys/one/" + "0" * 32,
        "https://169.254.169.254/keys/one/" + "0" * 32,
        "https://customer.vault.azure.net/secrets/one/" + "0" * 32,
        "https://customer.vault.azure.net/keys/one",
        "https://customer.vault.azure.net/keys/one/" + "0" * 32 + "?x=y",
    ],
)
def test_only_keys_of_allowed_vaults_are_taken(azure: LocalAzure, uri: str):
    service = a_standing(azure)
    with pytest.raises(KeyNotAllowed):
        enable(service, KeyWish(uri), changes=False, actor="tests", consent=UNTOLD)
    assert database().status == "ready"


def test_a_vault_takes_only_as_many_databases_as_azure_advises(federated: LocalAzure, settings):
    settings.KEY_VAULT_DATABASES = 1
    uri = a_key(federated)
    first, second = a_standing(federated), a_standing(federated, "imaging")
    assert given(federated, first, uri).state == "succeeded"
    with pytest.raises(VaultFull):
        enable(second, KeyWish(uri), changes=False, actor="tests", consent=UNTOLD)


def test_a_new_database_is_made_under_the_key(federated: LocalAzure):
    given(federated, a_standing(federated, "first"), a_key(federated))
    uri = a_key(federated)
    service = a_standing(federated, "claims", KeyWish(uri, follows=True))
    row = Database.objects.get(service=service)
    shown = next(one.body for one in federated.resources("databases") if one.name == row.azure_name)
    assert (row.status, row.key_uri) == ("ready", uri)
    assert shown["properties"]["encryptionProtector"] == uri
    assert shown["properties"]["encryptionProtectorAutoRotation"] is True
    patched = [one for one in federated.effects() if one["id"].endswith(row.azure_name)]
    assert [one["operation"] for one in patched].count("CreateLogicalDatabase") == 1
    assert "UpdateLogicalDatabase" not in [one["operation"] for one in patched]
    with pytest.raises(ChangeNotSupported):
        a_standing(federated, "claims", KeyWish(a_key(federated)))


def test_a_warm_database_is_encrypted_before_it_is_ready(federated: LocalAzure, workspace: Workspace):
    given(federated, a_standing(federated, "first"), a_key(federated))
    a_filled_stock(federated, workspace)
    uri = a_key(federated)
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB, key=KeyWish(uri)), actor="tests")
    row = Database.objects.get(service__name="claims")
    assert row.status == "creating"
    run_until_settled(federated)
    row.refresh_from_db()
    operation = Operation.objects.get(kind="claim_database")
    shown = next(one.body for one in federated.resources("databases") if one.name == row.azure_name)
    assert (operation.state, row.status) == ("succeeded", "ready")
    assert shown["properties"]["encryptionProtector"] == uri


def test_a_key_of_somebody_who_has_none_cannot_be_changed(azure: LocalAzure):
    service, uri = a_standing(azure), a_key(azure)
    with pytest.raises(KeyChangeNotPossible):
        enable(service, KeyWish(uri), changes=True, actor="tests", consent=UNTOLD)
    revoke(azure)


def test_a_key_that_was_taken_away_outside_is_found_and_put_back(federated: LocalAzure):
    service, uri = a_standing(federated), a_key(federated)
    given(federated, service, uri)
    row = database()
    finish(federated, factory.sql_management().begin_revert_key(where(row), row.azure_name))
    federated.pass_time(UNSETTLED_SECONDS)
    look(federated, times=2)
    found = Finding.objects.get(target=row.key, attribute="key")
    assert (found.state, found.kind, found.expected, found.observed) == ("open", "insecure", uri, "")
    request_repair(row.key, actor="tests")
    run_until_settled(federated)
    assert in_azure(federated)["properties"]["encryptionProtector"] == uri
