"""The database of a service as its own address shows it."""

from __future__ import annotations

import jsonschema
import pytest
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Database
from inventory.states import Status
from tests.acceptance.callers import Directory
from tests.acceptance.test_openapi import closed
from tests.builders import GIB, a_database, a_pool, a_service, a_workspace

pytestmark = pytest.mark.django_db
URL = "/api/v1/workspaces/cigna/services/claims/database"


@pytest.fixture
def owner(directory: Directory) -> APIClient:
    return directory.caller("owner", Role.WORKSPACE_OWNER, member_of=a_workspace("cigna"))


def a_placed_database() -> Database:
    pool = a_pool()
    service = a_service(a_workspace("cigna"), "claims")
    return a_database(
        service, status=Status.READY, size_bytes=50 * GIB, pool=pool, server=pool.server, observed_status="Online"
    )


def test_it_tells_what_was_wished_for_and_what_azure_showed(owner: APIClient, directory: Directory):
    database = a_placed_database()
    answer = owner.get(URL)
    shown = answer.json()
    assert (shown["id"], shown["name"], shown["type"]) == (URL, database.azure_name, "workspaces/services/databases")
    properties = shown["properties"]
    assert (properties["provisioningState"], properties["status"]) == ("Succeeded", "Online")
    assert (properties["tier"], properties["sizeGb"], properties["region"]) == ("GeneralPurpose", 50, "eastus")
    assert "pool" not in properties
    auditor = directory.caller("auditor", Role.AUDITOR)
    assert database.pool is not None
    assert auditor.get(URL).json()["properties"]["pool"] == database.pool.azure_name
    document = owner.get("/api/v1/openapi.json").json()
    schema = closed(document["components"])["schemas"]["ServiceDatabaseDocument"]
    validator = jsonschema.Draft202012Validator({**schema, "components": closed(document["components"])})
    validator.validate(shown)
    validator.validate(auditor.get(URL).json())


def test_its_tag_changes_when_it_does(owner: APIClient):
    a_placed_database()
    first = owner.get(URL)
    again = owner.get(URL, headers={"If-None-Match": first["ETag"]})
    assert (again.status_code, again.content, again["ETag"]) == (304, b"", first["ETag"])
    Database.objects.update(observed_status="Paused")
    assert owner.get(URL, headers={"If-None-Match": first["ETag"]}).status_code == 200


def test_before_it_has_a_place_there_is_nothing_to_tell_of_one(owner: APIClient):
    a_database(a_service(a_workspace("cigna"), "claims"))
    properties = owner.get(URL).json()["properties"]
    assert (properties["server"], properties["endpoint"], properties["status"]) == (None, None, "")


def test_what_is_gone_or_never_was_is_not_found(owner: APIClient):
    for answer in (owner.get(URL), owner.get("/api/v1/workspaces/cigna/services/other/database")):
        assert (answer.status_code, answer["x-ms-error-code"]) == (404, "ServiceNotFound")
