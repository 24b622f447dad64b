"""Resources are found by their name and type alone, over all groups of a subscription."""

from __future__ import annotations

import orjson
import pytest

from simulator.azure import Azure
from tests.simulator.builders import a_database, a_pool, a_server, ask

TYPE = "Microsoft.Sql/servers"


@pytest.fixture(scope="module")
def azure() -> Azure:
    one = Azure(real=lambda: 0.0, throttled=False, page_size=2)
    server = a_server(one)
    a_pool(one, server)
    a_database(one, server)
    ask(one, "PUT", "/resourceGroups/empty", {"location": "westus"})
    return one


def names(azure: Azure, path: str = "/resources", **query: str) -> list[str]:
    document = orjson.loads(ask(azure, "GET", path, **query).body)
    found = [one["name"] for one in document["value"]]
    if "nextLink" in document:
        token = document["nextLink"].rpartition("$skipToken=")[2]
        found += names(azure, path, **{**query, "$skipToken": token})
    return found


def test_a_subscription_lists_what_is_in_its_groups_in_pages(azure):
    assert names(azure) == ["one", "master", "p1", "d1"]
    assert names(azure, "/resourceGroups/rg/resources") == ["one", "master", "p1", "d1"]
    assert names(azure, "/resourceGroups/empty/resources") == []


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (f"resourceType eq '{TYPE}'", ["one"]),
        (f"resourceType eq '{TYPE.upper()}' and name eq 'ONE'", ["one"]),
        (f"name eq 'd1' AND resourceType eq '{TYPE}/databases'", ["d1"]),
        ("location eq 'westus'", []),
        ("name eq 'none'", []),
    ],
)
def test_a_filter_narrows_the_list(azure, text, found):
    assert names(azure, **{"$filter": text}) == found


def test_a_listed_resource_shows_its_head_only(azure):
    (one,) = orjson.loads(ask(azure, "GET", "/resources", **{"$filter": "name eq 'p1'"}).body)["value"]
    assert set(one) == {"id", "name", "type", "sku", "kind", "location"}
