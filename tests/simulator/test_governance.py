"""What stands before writes: management locks, policies that deny, providers that are not registered."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError

from simulator.http import Request, Response
from tests.simulator.builders import (
    PASSWORD,
    a_database,
    a_group,
    a_pool,
    a_server,
    ask,
    begin_database,
    settle,
    sql_client,
)

LOCKS = "/providers/Microsoft.Authorization/locks"
SERVER = {"location": "eastus", "properties": {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}}


def code(response: Response) -> tuple[int, str]:
    return response.status, orjson.loads(response.body)["error"]["code"]


def lock(azure, scope: str, level: str = "CanNotDelete", name: str = "keep") -> Response:
    return ask(azure, "PUT", f"{scope}{LOCKS}/{name}", {"properties": {"level": level, "notes": "production"}})


def control(azure, method: str, path: str, document: object = None) -> Response:
    body = b"" if document is None else orjson.dumps(document)
    return azure.handle(Request(method, "localhost", 443, path, {}, {}, body))


@pytest.mark.parametrize("scope", ["/resourceGroups/rg", "server", "database"])
def test_a_lock_against_deletion_holds_what_is_at_above_and_below_it(azure, scope):
    server = a_server(azure)
    database = a_database(azure, server)
    where = {"server": server, "database": database}.get(scope, scope)
    assert lock(azure, where).status == 201
    for path in (database, server, "/resourceGroups/rg") if scope == "database" else (database,):
        assert code(ask(azure, "DELETE", path)) == (409, "ScopeLocked")
    assert ask(azure, "PATCH", database, {"tags": {"a": "b"}}).status == 202
    settle(azure)
    assert ask(azure, "DELETE", f"{where}{LOCKS}/keep").status == 200
    assert ask(azure, "DELETE", database).status == 202


def test_a_read_only_lock_forbids_every_write(azure):
    server = a_server(azure)
    assert lock(azure, server, "ReadOnly").status == 201
    assert code(begin_database(azure, f"{server}/databases/d1")) == (409, "ScopeLocked")
    assert code(ask(azure, "PATCH", server, {"tags": {}})) == (409, "ScopeLocked")
    assert ask(azure, "GET", server).status == 200
    with pytest.raises(HttpResponseError) as refused:
        sql_client(azure).elastic_pools.begin_create_or_update("rg", "one", "p1", {"location": "eastus"})
    assert refused.value.error.code == "ScopeLocked"
    assert refused.value.response.headers["x-ms-failure-cause"] == "gateway"


def test_locks_are_listed_changed_and_missed(azure):
    server = a_server(azure)
    assert lock(azure, server).status == 201
    assert lock(azure, server, "ReadOnly").status == 200
    (shown,) = orjson.loads(ask(azure, "GET", f"/resourceGroups/rg{LOCKS}").body)["value"]
    assert (shown["name"], shown["properties"]) == ("keep", {"level": "ReadOnly", "notes": "production"})
    assert ask(azure, "GET", f"{server}{LOCKS}/keep").status == 200
    assert code(ask(azure, "GET", f"{server}{LOCKS}/none")) == (404, "LockNotFound")
    assert code(lock(azure, server, "Never")) == (400, "InvalidLockLevel")
    assert code(lock(azure, f"{server}x")) == (404, "ResourceNotFound")


RULES = [
    ({"field": "location", "notIn": ["westus"]}, SERVER, True),
    ({"field": "location", "in": ["East US"]}, SERVER, True),
    ({"field": "tags.owner", "exists": False}, SERVER, True),
    ({"field": "tags.owner", "exists": False}, {**SERVER, "tags": {"owner": "a"}}, False),
    ({"field": "properties.publicNetworkAccess", "notEquals": "Disabled"}, SERVER, True),
    ({"field": "properties.minimalTlsVersion", "equals": "1.0"}, SERVER, False),
]


@pytest.mark.parametrize(("condition", "wish", "denied"), RULES)
def test_a_policy_denies_what_its_condition_describes(azure, condition, wish, denied):
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/one"
    rule = {"name": "guard", "type": "Microsoft.Sql/servers", **condition}
    assert control(azure, "POST", "/_sim/policies", rule).status == 201
    answered = ask(azure, "PUT", path, wish)
    if not denied:
        assert answered.status == 202
        return
    error = orjson.loads(answered.body)["error"]
    assert (answered.status, error["code"], error["target"]) == (403, "RequestDisallowedByPolicy", "one")
    (violation,) = error["additionalInfo"]
    assert violation["type"] == "PolicyViolation"
    assert violation["info"]["evaluationDetails"]["evaluatedExpressions"][0]["expression"] == condition["field"]
    assert control(azure, "DELETE", "/_sim/policies").status == 204
    assert ask(azure, "PUT", path, wish).status == 202


def test_a_policy_looks_at_the_whole_resource_and_within_its_scope(azure):
    server = a_server(azure)
    rule = {"name": "guard", "type": "Microsoft.Sql/servers", "field": "location", "equals": "eastus"}
    assert control(azure, "POST", "/_sim/policies", rule).status == 201
    assert code(ask(azure, "PATCH", server, {"tags": {}})) == (403, "RequestDisallowedByPolicy")
    scope = f"/subscriptions/{azure.arm.subscriptions[0]}/resourceGroups/other"
    assert control(azure, "POST", "/_sim/policies", {**rule, "scope": scope}).status == 201
    assert ask(azure, "PATCH", server, {"tags": {}}).status == 202
    assert control(azure, "POST", "/_sim/policies", {"name": "guard"}).status == 400


def test_writes_to_a_provider_that_is_not_registered_are_refused(azure):
    server = a_server(azure)
    assert ask(azure, "POST", "/providers/Microsoft.Sql/unregister").status == 200
    refused = begin_database(azure, f"{server}/databases/d1")
    assert code(refused) == (409, "MissingSubscriptionRegistration")
    assert orjson.loads(refused.body)["error"]["details"][0]["target"] == "Microsoft.Sql"
    assert ask(azure, "GET", server).status == 200
    answered = orjson.loads(ask(azure, "POST", "/providers/Microsoft.Sql/register").body)
    assert answered["registrationState"] == "Registering"
    azure.clock.advance(timedelta(seconds=60))
    shown = orjson.loads(ask(azure, "GET", "/providers/microsoft.sql").body)
    assert (shown["namespace"], shown["registrationState"]) == ("Microsoft.Sql", "Registered")
    assert begin_database(azure, f"{server}/databases/d1").status == 202
    assert len(orjson.loads(ask(azure, "GET", "/providers").body)["value"]) > 3


def test_a_group_changes_its_tags_and_lists_what_is_in_it(azure):
    server = a_server(azure)
    a_database(azure, server, pool=a_pool(azure, server))
    patched = ask(azure, "PATCH", "/resourceGroups/rg", {"tags": {"team": "data"}})
    assert (patched.status, orjson.loads(patched.body)["tags"]) == (200, {"team": "data"})
    listed = orjson.loads(ask(azure, "GET", "/resourceGroups/rg/resources").body)["value"]
    assert [one["name"] for one in listed] == ["one", "master", "p1", "d1"]
