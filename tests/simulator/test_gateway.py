"""What Resource Manager itself answers: versions, unknown types, small pages, tags, and what can be known of a provider."""

from __future__ import annotations

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request
from tests.simulator.builders import VERSION, a_database, a_pool, a_server, ask, bearer, begin_database
from tests.simulator.test_links import code

SERVER = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one"


def of_the_tenant(azure: Azure, path: str) -> dict:
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    answer = azure.handle(Request("GET", "localhost", 8443, path, {"api-version": VERSION}, headers, b""))
    assert answer.status == 200, answer.body
    return orjson.loads(answer.body)


@pytest.mark.parametrize("version", ["banana", "1999-01-01", "2023-13", "v2023-08-01"])
def test_a_version_that_there_never_was_is_refused(azure, version):
    a_server(azure)
    answer = ask(azure, "GET", SERVER, **{"api-version": version})
    assert code(answer) == (400, "NoRegisteredProviderFound")
    assert f"API version '{version}' for type 'servers'" in answer.body.decode()
    group = ask(azure, "GET", "/resourceGroups/rg", **{"api-version": version})
    assert code(group) == (400, "InvalidApiVersionParameter")


@pytest.mark.parametrize("version", ["2014-04-01", "2017-10-01-preview", "2021-11-01-PREVIEW", "2025-01-01"])
def test_versions_of_every_year_are_served(azure, version):
    a_server(azure)
    assert ask(azure, "GET", SERVER, **{"api-version": version}).status == 200


@pytest.mark.parametrize("path", [f"{SERVER}/nothings", f"{SERVER}/nothings/x", "/providers/Microsoft.Sql/nothings"])
def test_an_unknown_type_is_not_found_in_its_namespace(azure, path):
    a_server(azure)
    answer = ask(azure, "GET", path)
    assert code(answer) == (404, "InvalidResourceType")
    assert f"could not be found in the namespace 'Microsoft.Sql' for api version '{VERSION}'" in answer.body.decode()


def test_an_unknown_namespace_is_invalid(azure):
    answer = ask(azure, "GET", "/resourceGroups/rg/providers/Microsoft.Nothing/things/x")
    assert code(answer) == (404, "InvalidResourceNamespace")


def test_a_page_is_as_small_as_asked_for_and_leads_on(azure):
    server = a_server(azure)
    for name in ("d1", "d2", "d3"):
        a_database(azure, server, name)
    first = orjson.loads(ask(azure, "GET", f"{server}/databases", **{"$top": "3"}).body)
    token = first["nextLink"].partition("$skipToken=")[2].partition("&")[0]
    rest = orjson.loads(ask(azure, "GET", f"{server}/databases", **{"$top": "3", "$skipToken": token}).body)
    assert [one["name"] for one in first["value"] + rest["value"]] == ["master", "d1", "d2", "d3"]
    assert "nextLink" not in rest
    assert len(orjson.loads(ask(azure, "GET", f"{server}/databases", **{"$top": "all"}).body)["value"]) == 4


def test_tags_are_replaced_merged_and_taken_away(azure):
    server = a_server(azure)
    for path in ("/resourceGroups/rg", server, a_pool(azure, server), a_database(azure, server)):
        tags = f"{path}/providers/Microsoft.Resources/tags/default"
        assert shown(ask(azure, "PUT", tags, {"properties": {"tags": {"a": "1", "b": "2"}}})) == {"a": "1", "b": "2"}
        assert patched(azure, tags, "Merge", b="3", c="4") == {"a": "1", "b": "3", "c": "4"}
        assert patched(azure, tags, "Delete", b="3", c="other") == {"a": "1", "c": "4"}
        assert patched(azure, tags, "Replace", d="5") == {"d": "5"}
        assert orjson.loads(ask(azure, "GET", path).body)["tags"] == shown(ask(azure, "GET", tags)) == {"d": "5"}
        assert ask(azure, "DELETE", tags).status == 200
        assert shown(ask(azure, "GET", tags)) == {}


def patched(azure: Azure, path: str, operation: str, **tags: str) -> dict[str, str]:
    return shown(ask(azure, "PATCH", path, {"operation": operation, "properties": {"tags": tags}}))


def shown(answer) -> dict[str, str]:
    assert answer.status == 200, answer.body
    return orjson.loads(answer.body)["properties"]["tags"]


def test_what_is_refused_of_tags(azure):
    server = a_server(azure)
    address = "/providers/Microsoft.Resources/tags/default"
    assert code(ask(azure, "PATCH", server + address, {"operation": "Add"})) == (400, "InvalidTagsOperation")
    assert code(ask(azure, "GET", f"{server}/databases/absent{address}"))[0] == 404
    assert begin_database(azure, f"{server}/databases/d1").status == 202
    busy = ask(azure, "PUT", f"{server}/databases/d1{address}", {"properties": {"tags": {"a": "b"}}})
    assert code(busy) == (409, "AnotherOperationInProgress")


def test_a_tenant_knows_its_providers_and_what_can_be_granted_of_sql(azure):
    assert "Microsoft.Sql" in [one["namespace"] for one in of_the_tenant(azure, "/providers")["value"]]
    types = [one["resourceType"] for one in of_the_tenant(azure, "/providers/Microsoft.Sql")["resourceTypes"]]
    assert "servers/databases" in types
    names = {one["name"] for one in of_the_tenant(azure, "/providers/Microsoft.Sql/operations")["value"]}
    assert {
        "Microsoft.Sql/servers/databases/read",
        "Microsoft.Sql/servers/databases/write",
        "Microsoft.Sql/servers/elasticPools/delete",
        "Microsoft.Sql/servers/databases/failover/action",
    } <= names
