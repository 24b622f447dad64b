from __future__ import annotations

import json
import os
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from azure.core.exceptions import HttpResponseError, ResourceExistsError, ResourceNotFoundError
from azure.identity import ClientSecretCredential
from azure.keyvault.secrets import SecretClient

from simulator.azure import Azure
from simulator.http import Request
from simulator.transport import InProcessTransport

ADDED_BY_THE_SERVER = {"content-length", "date"}
AUTHORITY = "https://localhost:8443"
SHARED = Path(os.environ.get("SHARED_DIR", Path(__file__).parents[3] / "shared"))


class Cloud(Azure):
    """A simulated cloud that hands out Key Vault's own client."""

    def client(self, vault_url: str = "https://main.vault.azure.net", *, check_host: bool = True) -> SecretClient:
        transport = InProcessTransport(self)
        credential = ClientSecretCredential(
            self.tenant,
            self.entra.client_id,
            self.entra.client_secret,
            authority=AUTHORITY,
            disable_instance_discovery=True,
            transport=transport,
        )
        return SecretClient(
            vault_url, credential, transport=transport, retry_total=0, verify_challenge_resource=check_host
        )


@pytest.fixture
def cloud() -> Cloud:
    return Cloud()


def test_a_secret_set_through_the_challenge_is_read_back(cloud: Cloud):
    client = cloud.client()
    made = client.set_secret("d-1", "first", tags={"operation": "7"})
    read = client.get_secret("d-1")
    assert (read.value, read.properties.tags, read.properties.version) == (
        "first",
        {"operation": "7"},
        made.properties.version,
    )


def test_the_newest_version_wins_whatever_its_dates(cloud: Cloud):
    client = cloud.client()
    client.set_secret("d-1", "first")
    past, future = datetime(2020, 1, 1, tzinfo=UTC), datetime(2199, 1, 1, tzinfo=UTC)
    client.set_secret("d-1", "second", not_before=future, expires_on=past)
    assert client.get_secret("d-1").value == "second"


def test_an_older_version_is_read_by_its_name(cloud: Cloud):
    client = cloud.client()
    first = client.set_secret("d-1", "first")
    client.set_secret("d-1", "second")
    assert client.get_secret("d-1", first.properties.version).value == "first"


def test_a_disabled_version_is_refused_and_still_listed(cloud: Cloud):
    client = cloud.client()
    made = client.set_secret("d-1", "first")
    client.update_secret_properties("d-1", made.properties.version, enabled=False)
    with pytest.raises(HttpResponseError) as refused:
        client.get_secret("d-1")
    assert refused.value.status_code == 403
    assert [p.enabled for p in client.list_properties_of_secret_versions("d-1")] == [False]


def test_an_update_changes_tags_and_expiry_and_no_value(cloud: Cloud):
    client = cloud.client()
    made = client.set_secret("d-1", "first", tags={"a": "1"})
    expires = datetime(2030, 1, 1, tzinfo=UTC)
    client.update_secret_properties("d-1", made.properties.version, tags={"b": "2"}, expires_on=expires)
    read = client.get_secret("d-1")
    assert (read.value, read.properties.tags, read.properties.expires_on) == ("first", {"b": "2"}, expires)


def test_lists_are_paged_to_their_end(cloud: Cloud):
    client = cloud.client()
    for number in range(60):
        client.set_secret(f"d-{number:02}", "x")
    pages = [[p.name for p in page] for page in client.list_properties_of_secrets().by_page()]
    assert [len(page) for page in pages] == [25, 25, 10]
    assert [name for page in pages for name in page] == [f"d-{number:02}" for number in range(60)]


def test_versions_are_paged_oldest_first(cloud: Cloud):
    client = cloud.client()
    made = [client.set_secret("d-1", str(n)).properties.version for n in range(5)]
    assert [p.version for p in client.list_properties_of_secret_versions("d-1", max_page_size=2)] == made


def test_a_deleted_name_stays_taken_until_it_is_purged(cloud: Cloud):
    client = cloud.client()
    client.set_secret("d-1", "first")
    deleted = client.begin_delete_secret("d-1").result()
    assert deleted.scheduled_purge_date == deleted.deleted_date + timedelta(days=90)
    with pytest.raises(ResourceExistsError) as taken:
        client.set_secret("d-1", "again")
    assert taken.value.error.innererror["code"] == "ObjectIsDeletedButRecoverable"
    with pytest.raises(ResourceNotFoundError):
        client.get_secret("d-1")
    client.purge_deleted_secret("d-1")
    assert client.set_secret("d-1", "again").value == "again"


def test_a_recovered_secret_has_all_its_versions(cloud: Cloud):
    client = cloud.client()
    client.set_secret("d-1", "first")
    client.set_secret("d-1", "second")
    client.begin_delete_secret("d-1").wait()
    assert list(client.list_deleted_secrets()) == []  # it takes some seconds, as recorded
    cloud.clock.advance(timedelta(seconds=6))
    assert [s.name for s in client.list_deleted_secrets()] == ["d-1"]
    client.begin_recover_deleted_secret("d-1").wait()
    assert client.get_secret("d-1").value == "second"
    assert len(list(client.list_properties_of_secret_versions("d-1"))) == 2


def test_a_deleted_secret_is_purged_when_its_retention_has_passed(cloud: Cloud):
    client = cloud.client()
    client.set_secret("d-1", "first")
    client.begin_delete_secret("d-1").wait()
    cloud.clock.advance(timedelta(days=91))
    assert client.set_secret("d-1", "again").value == "again"


def test_vaults_do_not_see_each_other(cloud: Cloud):
    cloud.client("https://one.vault.azure.net").set_secret("d-1", "one")
    with pytest.raises(ResourceNotFoundError):
        cloud.client("https://two.vault.azure.net").get_secret("d-1")


def test_a_vault_is_found_by_its_port(cloud: Cloud):
    cloud.bind_vault("one", 9001)
    made = cloud.client("https://localhost:9001", check_host=False).set_secret("d-1", "by port")
    assert made.id == f"https://localhost:9001/secrets/d-1/{made.properties.version}"
    assert cloud.client("https://one.vault.azure.net").get_secret("d-1").value == "by port"


def test_secrets_survive_a_restart(tmp_path: Path):
    before = Cloud(tmp_path)
    before.client().set_secret("d-1", "kept")
    before.close()
    assert Cloud(tmp_path).client().get_secret("d-1").value == "kept"


@pytest.mark.parametrize(("name", "value"), [("d_1", "x"), ("d-1", "x" * 25_001)])
def test_wrong_names_and_long_values_are_refused(cloud: Cloud, name: str, value: str):
    with pytest.raises(HttpResponseError) as refused:
        cloud.client().set_secret(name, value)
    assert refused.value.error.code == "BadParameter"


@pytest.mark.parametrize("flow", ["kv_secret_cli_2023", "kv_secret_soft_delete_409_cli"])
def test_a_recorded_flow_gets_the_same_answers(cloud: Cloud, flow: str):
    """Every recorded call is made again: status, and names and types of all fields, are the same."""
    recording = SHARED / "azure" / "recordings" / f"{flow}.json"
    if not recording.exists():
        pytest.skip(f"the recordings are not here ({recording})")
    replay = Replay(cloud)
    for call in json.loads(recording.read_text())["interactions"]:
        if "vault.azure.net" in call["host"] and "skiptoken" not in call["query"]:
            replay.compare(call)
    assert replay.compared > 5


class Replay:
    """Repeats recorded calls, with our own versions and backup in place of the recorded ones."""

    def __init__(self, cloud: Cloud) -> None:
        self.cloud = cloud
        self.compared = 0
        self.versions: dict[str, str] = {}
        self.backup = ""

    def compare(self, call: dict) -> None:
        recorded = call.get("response_body")
        answered = self.cloud.handle(self.again(call))
        document = json.loads(answered.body or b"null")
        where = f"{call['seq']}: {call['method']} {call['path']}"
        assert answered.status == call["status"], where
        assert set(call["response_headers"]) - ADDED_BY_THE_SERVER <= set(answered.headers), where
        assert shape(document) == shape(recorded), where
        self.learn(call, document, recorded)
        self.compared += 1

    def again(self, call: dict) -> Request:
        token = self.cloud.entra.token(self.cloud.entra.client_id, "https://vault.azure.net", authority=AUTHORITY)
        *parents, last = call["path"].split("/")
        path = "/".join([*parents, self.versions.get(last, last)])
        body = {"value": self.backup} if path.endswith("/restore") else call.get("request_body")
        return Request(
            call["method"],
            call["host"],
            443,
            path,
            dict(pair.split("=") for pair in call["query"].split("&")),
            {} if call["status"] == 401 else {"authorization": f"Bearer {token}"},
            json.dumps(body).encode() if body else b"",
        )

    def learn(self, call: dict, document: dict, recorded: dict) -> None:
        if call["method"] == "PUT" and call["status"] == 200:
            self.versions[recorded["id"].split("/")[-1]] = document["id"].split("/")[-1]
        if call["path"].endswith("/backup"):
            self.backup = document["value"]


def shape(document: object) -> object:
    if isinstance(document, dict):
        return {name: shape(value) for name, value in document.items()}
    return [shape(one) for one in document] if isinstance(document, list) else type(document).__name__
