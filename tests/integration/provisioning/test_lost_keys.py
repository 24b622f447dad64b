"""A customer's key is lost: noticed within a minute, told with the time that is left, repaired when it is back."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, ServiceInstance, Workspace
from operations import clock
from operations.models import Operation, OutboxEvent
from provisioning.changes.consent import UNTOLD
from provisioning.keys.plans import enable
from provisioning.keys.watching import cut_off_at
from provisioning.keys.wish import KeyWish
from provisioning.models import KeyUse, KeyWatch
from provisioning.services import ServiceWish, request_service
from tests.builders import GIB
from tests.keyed import a_key, change_key, change_vault, delete_key, federate, grant, revoke, watch, watch_for
from tests.local_azure import LocalAzure, run_until_settled

pytestmark = pytest.mark.usefixtures("workspace")
State = KeyWatch.State


@pytest.fixture
def federated(azure: LocalAzure, tmp_path, settings) -> LocalAzure:
    federate(azure, tmp_path, settings)
    return azure


def an_encrypted(azure: LocalAzure, *, follows: bool = False) -> str:
    """The key of a service's database, seen to be well."""
    request_service(Workspace.objects.get(), ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    uri = a_key(azure)
    for _ in range(2):  # the first attempt makes the identity that the customer then grants rights to
        enable(ServiceInstance.objects.get(), KeyWish(uri, follows), changes=False, actor="tests", consent=UNTOLD)
        run_until_settled(azure)
        grant(azure)
        if Operation.objects.filter(kind="enable_cmk", state="succeeded").exists():
            break
    assert Database.objects.get().key_uri == uri
    watch(azure)
    return uri


def told(kind: str) -> list[dict]:
    return [event.data for event in OutboxEvent.objects.filter(kind=kind).order_by("id")]


def in_azure(azure: LocalAzure) -> dict:
    (found,) = azure.resources("databases")
    return found.body


@pytest.mark.parametrize(
    ("lose", "reason"),
    [
        (revoke, "permission"),
        (delete_key, "deleted"),
        (lambda azure: change_key(azure, enabled=False), "disabled"),
        (lambda azure: change_vault(azure, deny_addresses=True, trusts_services=False), "firewall"),
        (lambda azure: change_vault(azure, is_deleted=True), "deleted"),
    ],
)
def test_each_way_to_lose_a_key_is_told_within_a_minute(federated: LocalAzure, lose, reason):
    an_encrypted(federated)
    assert KeyWatch.objects.get().state == State.WELL
    lose(federated)
    seconds = watch_for(federated, timedelta(minutes=5))
    (event,) = told("key.lost")
    assert seconds <= 60
    assert (event["reason"], event["service"]) == (reason, "claims")
    assert 27 <= event["minutes_left"] <= 30


def test_we_warn_before_azure_cuts_off_and_again_and_when_it_has(federated: LocalAzure):
    an_encrypted(federated)
    revoke(federated)
    row = watch(federated, 30)
    end = cut_off_at(row)
    assert end is not None
    watch(federated, 60)
    assert (len(told("key.lost")), len(told("key.still_lost"))) == (1, 0)
    watch(federated, 600)
    assert len(told("key.still_lost")) == 1
    assert in_azure(federated)["properties"]["status"] == "Online"
    watch(federated, 1300)
    assert in_azure(federated)["properties"]["status"] == "Inaccessible"
    assert len(told("key.cut_off")) == 1
    watch(federated, 600)
    assert [len(told(kind)) for kind in ("key.lost", "key.still_lost", "key.cut_off")] == [1, 1, 1]


def test_a_key_that_is_back_in_time_needs_no_repair(federated: LocalAzure):
    an_encrypted(federated)
    revoke(federated)
    watch(federated, 60)
    grant(federated)
    row = watch(federated, 60)
    assert (row.state, row.lost_at, len(told("key.back"))) == (State.WELL, None, 1)
    assert not Operation.objects.filter(kind="repair_inaccessible").exists()


def test_a_database_that_was_cut_off_gets_back_what_it_lost(federated: LocalAzure):
    an_encrypted(federated)
    before = Database.objects.select_related("pool").get()
    tags = in_azure(federated)["tags"]
    revoke(federated)
    watch(federated, 30)
    watch(federated, 2000)
    assert in_azure(federated)["properties"]["status"] == "Inaccessible"
    grant(federated)
    watch(federated, 30)
    begun = federated.azure.clock.now()
    run_until_settled(federated)
    operation = Operation.objects.get(kind="repair_inaccessible")
    shown = in_azure(federated)
    assert (operation.state, operation.error_message) == ("succeeded", "")
    assert shown["properties"]["status"] == "Online"
    assert shown["properties"]["elasticPoolId"].endswith(before.pool.azure_name)
    assert {name: shown["tags"][name] for name in tags if name != "operation"} == {
        name: value for name, value in tags.items() if name != "operation"
    }
    (database,) = federated.resources("databases")
    assert database.inner["retention_days"] == before.retention_days
    assert Database.objects.get().status == "ready"
    assert len(told("key.repaired")) == 1
    assert federated.azure.clock.now() - begun < 1800


def test_a_silent_vault_is_told_at_the_second_look_with_a_day_more(federated: LocalAzure):
    an_encrypted(federated)
    change_vault(federated, is_down=True)
    assert watch(federated, 40).state == State.UNSURE
    row = watch(federated, 40)
    assert (row.state, told("key.lost")[0]["reason"]) == (State.LOST, "unreachable")
    assert told("key.lost")[0]["minutes_left"] > 23 * 60


def test_without_a_token_the_databases_own_state_tells(azure: LocalAzure):
    an_encrypted(azure)
    assert (KeyWatch.objects.get().state, KeyWatch.objects.get().posture) == (State.UNSURE, "database")
    revoke(azure)
    assert watch(azure, 60).state == State.UNSURE
    assert watch(azure, 2000).state == State.LOST
    assert len(told("key.cut_off")) == 1


def test_an_expiry_is_told_before_it_comes_once_a_threshold(federated: LocalAzure):
    an_encrypted(federated)
    change_key(federated, exp=int(federated.azure.clock.now()) + 25 * 86_400)
    watch(federated, 30)
    watch(federated, 30)
    assert len(told("key.expiring")) == 1
    clock.advance(timedelta(days=20), business=True)
    watch(federated, 30)
    assert len(told("key.expiring")) == 2


def test_a_new_version_is_told_once_and_followed_where_that_is_wished(federated: LocalAzure):
    first = an_encrypted(federated, follows=True)
    second = a_key(federated)
    watch(federated, 30)
    watch(federated, 30)
    assert len(told("key.new_version")) == 1
    watch(federated, 24 * 3600)
    Database.objects.update(observed_key_uri=in_azure(federated)["properties"]["encryptionProtector"])
    watch(federated)
    assert in_azure(federated)["properties"]["encryptionProtector"] == second
    assert list(KeyUse.objects.order_by("used_from").values_list("uri", flat=True)) == [first, second]
