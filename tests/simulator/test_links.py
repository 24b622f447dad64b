"""Replication links over plain requests: roles, polls, what is refused and when."""

from __future__ import annotations

from datetime import timedelta
from urllib.parse import parse_qsl, urlsplit

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Response
from tests.simulator.builders import a_database, a_server, ask, settle, whole_id

NOBODY = "00000000-0000-0000-0000-000000000009"


def a_pair(azure: Azure, *, seeded: bool = True) -> tuple[str, str]:
    """A database on server one, and its secondary of the same name on server two."""
    here = a_database(azure, a_server(azure))
    there = begin_secondary(azure, here, "two")
    if seeded:
        settle(azure)
    return here, there


def begin_secondary(azure: Azure, primary: str, server: str) -> str:
    path = f"{a_server(azure, server)}/databases/d1"
    properties = {"createMode": "Secondary", "sourceDatabaseId": whole_id(azure, primary)}
    assert ask(azure, "PUT", path, {"location": "eastus", "properties": properties}).status == 202
    return path


def links(azure: Azure, database: str) -> list[dict]:
    return orjson.loads(ask(azure, "GET", f"{database}/replicationLinks").body)["value"]


def link(azure: Azure, database: str) -> str:
    return f"{database}/replicationLinks/{links(azure, database)[0]['name']}"


def poll(azure: Azure, url: str) -> Response:
    parts = urlsplit(url)
    query = dict(parse_qsl(parts.query))
    version = query.pop("api-version")
    return ask(azure, "GET", parts.path, **{"api-version": version}, **query)


def code(answer: Response) -> tuple[int, str]:
    return answer.status, orjson.loads(answer.body)["error"]["code"]


@pytest.mark.parametrize(
    ("word", "operation"),
    [("failover", "FailoverContinuousCopy"), ("forceFailoverAllowDataLoss", "ForceFailoverContinuousCopy")],
)
def test_a_failover_is_polled_and_ends_with_the_link_as_the_new_primary_sees_it(azure, word, operation):
    here, there = a_pair(azure)
    begun = ask(azure, "POST", f"{link(azure, there)}/{word}")
    assert (begun.status, orjson.loads(begun.body)["operation"]) == (202, operation)
    assert poll(azure, begun.headers["location"]).status == 202
    settle(azure)
    ended = orjson.loads(poll(azure, begun.headers["azure-asyncoperation"]).body)
    assert ended["status"] == "Succeeded"
    assert orjson.loads(poll(azure, begun.headers["location"]).body)["properties"]["role"] == "Primary"
    assert [links(azure, one)[0]["properties"]["role"] for one in (here, there)] == ["Secondary", "Primary"]


def test_the_databases_of_a_failover_take_no_other_change_meanwhile(azure):
    here, there = a_pair(azure)
    assert ask(azure, "POST", f"{link(azure, there)}/failover").status == 202
    for database in (here, there):
        assert code(ask(azure, "PATCH", database, {"tags": {"a": "b"}})) == (409, "ConflictingDatabaseOperation")
    settle(azure)
    assert ask(azure, "PATCH", here, {"tags": {"a": "b"}}).status == 202


def test_other_secondaries_follow_the_new_primary(azure):
    here, there = a_pair(azure)
    third = begin_secondary(azure, here, "three")
    settle(azure)
    assert ask(azure, "POST", f"{link(azure, there)}/failover").status == 202
    settle(azure)
    partners = {one["properties"]["partnerServer"]: one["properties"]["role"] for one in links(azure, there)}
    assert partners == {"one": "Primary", "three": "Primary"}
    assert [one["properties"]["partnerServer"] for one in links(azure, third)] == ["two"]
    assert [one["properties"]["partnerServer"] for one in links(azure, here)] == ["two"]


def test_a_link_that_is_ended_makes_the_secondary_an_ordinary_database(azure):
    here, there = a_pair(azure)
    assert orjson.loads(ask(azure, "GET", there).body)["properties"]["secondaryType"] == "Geo"
    begun = ask(azure, "DELETE", link(azure, here))
    assert (begun.status, orjson.loads(begun.body)["operation"]) == (202, "ForceStopDatabaseCopy")
    settle(azure)
    assert links(azure, here) == links(azure, there) == []
    assert "secondaryType" not in orjson.loads(ask(azure, "GET", there).body)["properties"]


def test_seeding_shows_how_far_it_is(azure):
    here, there = a_pair(azure, seeded=False)
    due = azure.arm.operations.next_due()
    azure.clock.advance(timedelta(seconds=(due - azure.clock.now()) / 2))
    for database in (here, there):
        shown = links(azure, database)[0]["properties"]
        assert (shown["replicationState"], 40 <= shown["percentComplete"] <= 60) == ("SEEDING", True)


def test_what_is_refused(azure):
    here, there = a_pair(azure)
    name = link(azure, here).rsplit("/", 1)[1]
    wrong_side = ask(azure, "POST", f"{here}/replicationLinks/{name}/failover")
    assert code(wrong_side) == (400, "GeoReplicationDatabaseNotSecondary")
    assert code(ask(azure, "POST", f"{there}/replicationLinks/{NOBODY}/failover")) == (404, "ResourceNotFound")
    assert code(ask(azure, "DELETE", f"{there}/replicationLinks/{NOBODY}")) == (404, "ResourceNotFound")
    unnamed = ask(azure, "DELETE", f"{there}/replicationLinks/first")
    assert code(unnamed) == (400, "ReplicationLinksReplicationLinkNameIsInvalid")


def test_a_secondary_that_is_being_seeded_cannot_take_over(azure):
    _, there = a_pair(azure, seeded=False)
    planned = ask(azure, "POST", f"{link(azure, there)}/failover")
    assert code(planned) == (400, "IncorrectReplicationLinkState")
    forced = ask(azure, "POST", f"{link(azure, there)}/forceFailoverAllowDataLoss")
    assert code(forced) == (409, "GeoReplicationCannotBecomePrimaryDuringUndo")


def test_a_hyperscale_secondary_has_no_secondary_of_its_own(azure):
    here = f"{a_server(azure)}/databases/d1"
    assert ask(azure, "PUT", here, {"location": "eastus", "sku": {"name": "HS_Gen5_2"}}).status == 202
    settle(azure)
    there = begin_secondary(azure, here, "two")
    settle(azure)
    properties = {"createMode": "Secondary", "sourceDatabaseId": whole_id(azure, there)}
    third = f"{a_server(azure, 'three')}/databases/d1"
    refused = ask(azure, "PUT", third, {"location": "eastus", "properties": properties})
    assert code(refused) == (405, "UnsupportedReplicationOperation")


def test_both_ends_of_a_link_are_of_one_tier(azure):
    here = a_database(azure, a_server(azure))
    properties = {"createMode": "Secondary", "sourceDatabaseId": whole_id(azure, here)}
    wish = {"location": "eastus", "sku": {"name": "BC_Gen5_2"}, "properties": properties}
    assert code(ask(azure, "PUT", f"{a_server(azure, 'two')}/databases/d1", wish)) == (400, "InvalidTier")


def test_a_named_replica_is_neither_failed_over_nor_unlinked(azure):
    server = a_server(azure)
    sku = {"name": "HS_Gen5_2"}
    assert ask(azure, "PUT", f"{server}/databases/d1", {"location": "eastus", "sku": sku}).status == 202
    settle(azure)
    properties = {"createMode": "Secondary", "secondaryType": "Named"}
    properties["sourceDatabaseId"] = whole_id(azure, f"{server}/databases/d1")
    assert ask(azure, "PUT", f"{server}/databases/n1", {"location": "eastus", "properties": properties}).status == 202
    settle(azure)
    there = f"{server}/databases/n1"
    for answer in (ask(azure, "POST", f"{link(azure, there)}/failover"), ask(azure, "DELETE", link(azure, there))):
        assert code(answer) == (405, "UnsupportedReplicationOperation")
