"""Servers, pools and databases that somebody made by hand become ours, and Azure does not notice."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from cloud import factory
from cloud.protocols import DatabaseSpec, PoolSpec, ServerRef, ServerSpec, Sku
from cloud.secrets import Secret
from inventory.models import Database, ElasticPool, ServiceInstance, SqlServer, Workspace
from inventory.states import Status
from operations.models import AuditEvent, Operation
from provisioning.adoption.importing import adopt
from provisioning.adoption.preview import AdoptionWish, Entry, NamedTwice, UnknownSubscription, preview
from provisioning.adoption.rules import Claim
from provisioning.models import Finding
from rotation.administrators import request_admin_rotation, request_due_servers
from rotation.models import Credential
from rotation.services import CredentialNotWanted, request_first_credential
from tests.builders import GIB
from tests.drifting import finish, look, repair
from tests.local_azure import LocalAzure, run_until_settled

GROUP = "by-hand"
POOL = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 4), 500 * GIB, 0, 2)


@pytest.fixture
def theirs(azure: LocalAzure, workspace: Workspace) -> ServerRef:
    """A server with a pool and a database in it, and one of a tier that is not managed here."""
    arm, server = factory.sql_management(), ServerRef(azure.subscription_id, GROUP, "handmade-1")
    arm.ensure_resource_group(azure.subscription_id, GROUP, "eastus", {"team": "x"})
    spec = ServerSpec("eastus", "chief", "1.2", public_network_access=True, entra_only=False, tags={"team": "x"})
    finish(azure, arm.begin_create_server(server, spec, Secret("Correct-Horse-9")))
    finish(azure, arm.begin_create_pool(server, "pool-1", POOL))
    pooled = DatabaseSpec("eastus", pool_name="pool-1", max_size_bytes=100 * GIB, tags={"team": "x"})
    finish(azure, arm.begin_create_database(server, "patients", pooled))
    single = DatabaseSpec("eastus", sku=Sku("GP_Gen5", "GeneralPurpose", "Gen5", 2), max_size_bytes=32 * GIB)
    finish(azure, arm.begin_create_database(server, "reports", single))
    return server


def a_wish(server: ServerRef, **claims: Claim) -> AdoptionWish:
    claimed = claims or {"patients": Claim("cigna", "patients", "fhir"), "reports": Claim("cigna", "reports", "fhir")}
    return AdoptionWish(server.subscription_id, GROUP, frozenset(), claimed)


def verdicts(entries: list[Entry]) -> dict[str, str]:
    return {one.name: one.refusal.code if one.refusal else str(one.verdict) for one in entries}


def test_a_preview_says_what_would_be_imported_and_what_not(theirs: ServerRef):
    found = verdicts(preview(a_wish(theirs)))
    assert found == {"handmade-1": "import", "pool-1": "import", "patients": "import", "reports": "UnknownTier"}
    assert not SqlServer.objects.exists()
    assert not AuditEvent.objects.filter(action="resource.adopted").exists()


def test_what_is_imported_is_wanted_as_it_is(azure: LocalAzure, theirs: ServerRef):
    before = len(azure.effects())
    adopt(a_wish(theirs), actor="operator", reason="They join us.")
    server, pool, database = SqlServer.objects.get(), ElasticPool.objects.get(), Database.objects.get()
    assert (server.azure_name, server.status, server.is_cordoned) == ("handmade-1", Status.READY, True)
    assert (pool.vcores, pool.max_size_bytes, pool.databases_committed) == (4, 500 * GIB, 1)
    assert (database.size_bytes, database.retention_days, database.pool) == (100 * GIB, 7, pool)
    assert (server.vcores_committed, server.databases_committed, pool.bytes_committed) == (4, 1, 100 * GIB)
    assert str(database.service) == "cigna/patients"
    assert AuditEvent.objects.filter(action="resource.adopted", actor="operator").count() == 3
    assert len(azure.effects()) == before
    assert verdicts(preview(a_wish(theirs)))["patients"] == "known"


def test_only_tags_auditing_and_firewall_differ_and_nothing_is_repaired_by_itself(azure: LocalAzure, theirs: ServerRef):
    adopt(a_wish(theirs), actor="operator", reason="They join us.")
    before = len(azure.effects())
    azure.pass_time(100)
    look(azure, times=2)
    kept = Finding.objects.filter(state="open").exclude(kind="orphaned").values_list("attribute", flat=True)
    assert set(kept) == {"tags", "auditing", "firewall:127.0.0.1-127.0.0.1"}
    assert repair(azure) == 0
    assert len(azure.effects()) == before


def test_tags_are_put_on_when_somebody_asks_for_it(azure: LocalAzure, theirs: ServerRef):
    adopt(a_wish(theirs), actor="operator", reason="They join us.", tag=True)
    run_until_settled(azure)
    seen = factory.sql_management().get_database(theirs, "patients")
    assert seen is not None
    assert (seen.tags["team"], seen.tags["database"]) == ("x", str(Database.objects.get().pk))
    assert set(Operation.objects.values_list("kind", "state")) == {
        ("repair_server", "succeeded"),
        ("repair_pool", "succeeded"),
        ("repair_database", "succeeded"),
    }


def test_a_credential_is_issued_only_when_somebody_asks_for_it(azure: LocalAzure, theirs: ServerRef):
    adopt(a_wish(theirs), actor="operator", reason="They join us.")
    database = Database.objects.select_related("server", "service__workspace").get()
    assert request_due_servers("system") == 0
    with pytest.raises(CredentialNotWanted):
        request_first_credential(database, actor="operator", reason="They join us.")
    assert database.server is not None
    request_admin_rotation(database.server, actor="operator", reason="They join us.")
    run_until_settled(azure)
    database.server.refresh_from_db()
    request_first_credential(database, actor="operator", reason="They join us.")
    run_until_settled(azure)
    assert Credential.objects.get(status="active").database == database
    document = json.loads(azure.secrets()[Credential.objects.get().stable_secret][-1]["value"])
    azure.session(document).close()
    with pytest.raises(CredentialNotWanted):
        request_first_credential(database, actor="operator", reason="Once more.")


def test_names_that_clash_and_claims_that_cannot_be_are_refused(azure: LocalAzure, theirs: ServerRef):
    ServiceInstance.objects.create(workspace=Workspace.objects.get(), name="taken", kind="fhir")
    cases = {
        "ServiceNameTaken": Claim("cigna", "taken", "fhir"),
        "UnknownWorkspace": Claim("nobody", "patients", "fhir"),
        "UnsupportedServiceKind": Claim("cigna", "patients", "iot"),
        "InvalidServiceName": Claim("cigna", "No Name", "fhir"),
    }
    for code, claim in cases.items():
        assert verdicts(preview(a_wish(theirs, patients=claim)))["patients"] == code
    assert verdicts(preview(a_wish(theirs, other=cases["UnknownWorkspace"])))["patients"] == "NoService"


def test_what_carries_anothers_tag_is_not_ours_to_take(azure: LocalAzure, theirs: ServerRef):
    spec = ServerSpec("eastus", "chief", "1.2", public_network_access=True, entra_only=False, tags={"deployment": "b"})
    other = ServerRef(theirs.subscription_id, GROUP, "handmade-2")
    finish(azure, factory.sql_management().begin_create_server(other, spec, Secret("Correct-Horse-9")))
    assert verdicts(preview(a_wish(theirs)))["handmade-2"] == "BelongsToAnother"


def test_names_may_be_written_as_the_portal_shows_them(azure: LocalAzure, theirs: ServerRef):
    claims = {"Patients": Claim("cigna", "patients", "fhir")}
    wish = AdoptionWish(theirs.subscription_id.upper(), GROUP.upper(), frozenset({"HandMade-1"}), claims)
    assert verdicts(preview(wish))["patients"] == "import"
    adopt(wish, actor="operator", reason="They join us.")
    assert str(Database.objects.get().service) == "cigna/patients"
    as_typed = AdoptionWish(theirs.subscription_id, GROUP, frozenset(), claims)
    assert set(verdicts(preview(as_typed)).values()) == {"known", "UnknownTier"}
    azure.pass_time(200)
    look(azure, times=3)
    assert not Finding.objects.filter(kind="missing").exists()


def test_one_database_is_claimed_once_however_it_is_written(theirs: ServerRef):
    claim = Claim("cigna", "patients", "fhir")
    with pytest.raises(NamedTwice):
        preview(a_wish(theirs, patients=claim, Patients=claim))


def test_an_unknown_subscription_is_refused(theirs: ServerRef):
    with pytest.raises(UnknownSubscription):
        preview(AdoptionWish("00000000-0000-0000-0000-0000000000ff", GROUP))


def test_the_command_shows_first_and_imports_when_told_to(theirs: ServerRef, tmp_path):
    claims = tmp_path / "claims.json"
    claims.write_text(json.dumps({"patients": {"workspace": "cigna", "service": "patients", "kind": "fhir"}}))
    common = ["--subscription", theirs.subscription_id, "--resource-group", GROUP, "--claims", str(claims)]
    out = StringIO()
    call_command("adopt", *common, stdout=out)
    assert "import   database handmade-1/patients" in out.getvalue()
    assert "NoService" in out.getvalue() or "UnknownTier" in out.getvalue()
    assert not SqlServer.objects.exists()
    with pytest.raises(CommandError):
        call_command("adopt", *common, "--apply", stdout=out)
    call_command("adopt", *common, "--apply", "--reason", "They join us.", stdout=out)
    assert Database.objects.get().azure_name == "patients"
