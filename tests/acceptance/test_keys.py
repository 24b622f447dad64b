"""A service's database under its customer's key, over HTTP."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database, WorkspaceIdentity
from inventory.states import Status
from operations import clock
from operations.models import Operation
from provisioning.models import KeyUse, KeyWatch
from tests.acceptance.callers import Directory
from tests.acceptance.tables import contents
from tests.builders import GIB, a_database, a_server, a_service, a_workspace

pytestmark = pytest.mark.django_db
SERVICE = "/api/v1/workspaces/cigna/services/claims"
KEY = "https://customer.vault.azure.net/keys/one/0123456789abcdef0123456789abcdef"
NEWER = KEY[:-1] + "0"


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_standing_database(**columns: object) -> Database:
    defaults = {"server": a_server(), "status": Status.READY, "size_bytes": 100 * GIB}
    return a_database(a_service(a_workspace("cigna"), "claims"), **{**defaults, **columns})


def ask(client: APIClient, action: str, body: object = None, query: str = ""):
    return client.post(f"{SERVICE}:{action}{query}", {} if body is None else body, format="json")


def code_of(answer) -> tuple[int, str]:
    return answer.status_code, answer["x-ms-error-code"]


def test_a_plan_tells_what_to_grant_and_its_hash_is_taken(owner: APIClient):
    a_standing_database()
    before = contents()
    answer = ask(owner, "enable-cmk", {"keyUri": KEY}, "?dryRun=true")
    plan = answer.json()["properties"]
    assert (answer.status_code, plan["action"], contents()) == (200, "change", before)
    assert plan["change"]["disruption"]["connectionsDrop"] == 0
    assert any("Key Vault Crypto Service Encryption User" in notice for notice in plan["change"]["notices"])
    other = ask(owner, "enable-cmk", {"keyUri": NEWER, "planHash": plan["planHash"]})
    assert code_of(other) == (409, "PlanChanged")
    taken = ask(owner, "enable-cmk", {"keyUri": KEY, "planHash": plan["planHash"]})
    assert taken.status_code == 202, taken.content
    assert Operation.objects.get().kind == "enable_cmk"
    assert ask(owner, "enable-cmk", {"keyUri": KEY}).json()["id"] == taken.json()["id"]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "InvalidRequestBody"),
        ({"keyUri": 3}, "InvalidRequestBody"),
        ({"keyUri": KEY, "followNewVersions": "yes"}, "InvalidRequestBody"),
        ({"keyUri": KEY, "identity": "x"}, "UnknownField"),
        ({"keyUri": "http://customer.vault.azure.net/keys/one"}, "KeyNotAllowed"),
        ({"keyUri": KEY.replace("customer.vault.azure.net", "169.254.169.254")}, "KeyNotAllowed"),
        ({"keyUri": KEY.replace("customer.vault.azure.net", "localhost")}, "KeyNotAllowed"),
    ],
)
def test_a_wrong_key_is_refused(owner: APIClient, body: object, code: str):
    a_standing_database()
    before = contents()
    assert code_of(ask(owner, "enable-cmk", body)) == (400, code)
    assert contents() == before


@pytest.mark.parametrize(
    ("columns", "action", "code"),
    [
        ({"key_uri": KEY}, "enable-cmk", "KeyChangeNotPossible"),
        ({}, "change-cmk-key", "KeyChangeNotPossible"),
        ({"key_uri": NEWER}, "change-cmk-key", "KeyChangeNotPossible"),
        ({}, "disable-cmk", "KeyChangeNotPossible"),
        ({"status": Status.FAILED}, "enable-cmk", "ServiceNotReady"),
    ],
)
def test_what_cannot_be_done_is_a_conflict(owner: APIClient, columns: dict[str, object], action: str, code: str):
    a_standing_database(**columns)
    body = {} if action == "disable-cmk" else {"keyUri": NEWER}
    assert code_of(ask(owner, action, body)) == (409, code)


def test_a_full_vault_is_a_conflict(owner: APIClient, settings):
    settings.KEY_VAULT_DATABASES = 1
    a_standing_database()
    a_database(a_service(a_workspace("cigna"), "other"), server=a_server(), status=Status.READY, key_uri=NEWER)
    assert code_of(ask(owner, "enable-cmk", {"keyUri": KEY})) == (409, "VaultFull")


def test_encryption_shows_wish_and_sight_identity_watch_and_what_to_keep(owner: APIClient):
    database = a_standing_database(key_uri=KEY, observed_key_uri=KEY)
    now = clock.now()
    WorkspaceIdentity.objects.create(
        workspace=database.service.workspace,
        subscription=database.server.subscription,
        resource_group="rg",
        region="eastus",
        azure_name="i-1",
        principal_id="p",
    )
    KeyUse.objects.create(database=database, uri=KEY, used_from=now)
    lost = {"state": "lost", "trouble": "permission", "posture": "identity", "well_at": now, "lost_at": now}
    KeyWatch.objects.create(database=database, due_at=now, **lost)
    shown = owner.get(f"{SERVICE}/encryption").json()["properties"]
    assert (shown["keyUri"], shown["observedKeyUri"], shown["identity"]["principalId"]) == (KEY, KEY, "p")
    assert (shown["watch"]["state"], shown["watch"]["reason"]) == ("lost", "permission")
    assert shown["watch"]["cutOffAt"] > shown["watch"]["lostAt"]
    assert shown["keysToKeep"] == [{"keyUri": KEY, "until": None}]


def test_without_a_key_encryption_says_that_the_services_own_protects_it(owner: APIClient):
    a_standing_database()
    shown = owner.get(f"{SERVICE}/encryption").json()["properties"]
    assert (shown["keyUri"], shown["identity"], shown["watch"], shown["keysToKeep"]) == (None, None, None, [])


def test_a_service_is_asked_for_with_a_key(owner: APIClient):
    wish = {"properties": {"kind": "fhir", "sizeGb": 100, "encryption": {"keyUri": KEY}}}
    assert owner.put(SERVICE, wish, format="json").status_code == 202
    assert Database.objects.get().key_uri == KEY
    assert owner.put(SERVICE, wish, format="json").status_code == 202
    bad = {"properties": {**wish["properties"], "encryption": {"keyUri": "https://localhost/keys/one/" + "0" * 32}}}
    assert code_of(owner.put(f"{SERVICE}2", bad, format="json")) == (400, "KeyNotAllowed")
