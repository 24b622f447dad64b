"""Replication between two servers, and what each side then shows and takes, against the simulated Azure."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cloud import factory
from cloud.azure_databases import database_body
from cloud.errors import LoginRefused, Missing, Rejected
from cloud.links import IN_STEP, GeoLink
from cloud.protocols import DatabaseSpec, LoginSpec, ServerRef, SqlManagement
from cloud.secrets import Secret
from simulator.azure import Azure
from tests.cloud.builders import HYPERSCALE, PASSWORD, POOLED, a_pool, a_server, finish

FRESH = Secret("Fresh-Pass-0001")


def linked(azure: Azure) -> tuple[ServerRef, ServerRef]:
    """A pooled database on spp-1 with a secondary in a pool of spp-2."""
    arm = factory.sql_management()
    here, there = a_pool(azure, a_server(azure)), a_pool(azure, a_server(azure, "spp-2"))
    finish(azure, arm.begin_create_database(here, "d-1", POOLED))
    finish(azure, arm.begin_create_database(there, "d-1", a_secondary(here)))
    return here, there


def a_secondary(primary: ServerRef) -> DatabaseSpec:
    seen = factory.sql_management().get_database(primary, "d-1")
    assert seen is not None
    return replace(POOLED, max_size_bytes=None, secondary_of=seen.arm_id)


def link_of(server: ServerRef) -> GeoLink:
    (link,) = factory.sql_management().list_links(server, "d-1")
    return link


def test_a_secondary_is_asked_for_by_its_primarys_id():
    sent = database_body(ServerRef("s", "rg", "spp-2"), replace(HYPERSCALE, secondary_of="/id")).as_dict()["properties"]
    assert (sent["createMode"], sent["secondaryType"], sent["sourceDatabaseId"]) == ("Secondary", "Geo", "/id")


def test_both_sides_see_one_link_with_their_own_role(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    ours, theirs = link_of(here), link_of(there)
    assert (ours.role, ours.partner_role, ours.state, ours.percent) == ("Primary", "Secondary", IN_STEP, 100)
    assert (theirs.role, theirs.partner_role, theirs.id) == ("Secondary", "Primary", ours.id)
    assert ours.partner_id.endswith("/servers/spp-2/databases/d-1")
    assert ours.type == "GEO"


def test_links_of_an_absent_database_are_no_empty_list(azure: Azure, arm: SqlManagement):
    with pytest.raises(Missing):
        arm.list_links(a_server(azure), "d-none")


def test_a_failover_changes_the_roles(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    finish(azure, arm.begin_fail_over(there, "d-1", link_of(there).id))
    assert (link_of(here).role, link_of(there).role) == ("Secondary", "Primary")
    finish(azure, arm.begin_fail_over(here, "d-1", link_of(here).id, allow_data_loss=True))
    assert (link_of(here).role, link_of(there).role) == ("Primary", "Secondary")


def test_a_primary_cannot_be_failed_over(azure: Azure, arm: SqlManagement):
    here, _ = linked(azure)
    with pytest.raises(Rejected) as refused:
        arm.begin_fail_over(here, "d-1", link_of(here).id)
    assert refused.value.code == "GeoReplicationDatabaseNotSecondary"


def test_a_secondary_that_is_being_seeded_cannot_take_over(azure: Azure, arm: SqlManagement):
    here, there = a_pool(azure, a_server(azure)), a_pool(azure, a_server(azure, "spp-2"))
    finish(azure, arm.begin_create_database(here, "d-1", POOLED))
    arm.begin_create_database(there, "d-1", a_secondary(here))
    seeding = link_of(here)
    assert seeding.state == "SEEDING"
    with pytest.raises(Rejected) as refused:
        arm.begin_fail_over(there, "d-1", seeding.id)
    assert refused.value.code == "IncorrectReplicationLinkState"


def test_ending_a_link_leaves_two_databases(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    finish(azure, arm.begin_delete_link(here, "d-1", link_of(here).id))
    assert arm.list_links(here, "d-1") == arm.list_links(there, "d-1") == []
    assert all(arm.get_database(server, "d-1") for server in (here, there))
    assert arm.begin_delete_link(here, "d-1", "00000000-0000-0000-0000-000000000001").poll_url is None


def test_a_secondary_shows_what_the_primary_holds_and_takes_no_writes(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    sql = factory.sql_logins()
    sql.ensure_user(admin(here), "svc_a", FRESH)
    sql.verify(user(there))
    with pytest.raises(Rejected, match="Sql3906"):
        sql.ensure_user(admin(there), "svc_b", FRESH)


def test_after_a_failover_only_the_new_primary_takes_writes(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    sql = factory.sql_logins()
    sql.ensure_user(admin(here), "svc_a", FRESH)
    finish(azure, arm.begin_fail_over(there, "d-1", link_of(there).id))
    sql.ensure_user(admin(there), "svc_a", Secret("Fresh-Pass-0002"))
    with pytest.raises(LoginRefused):
        sql.verify(user(here))
    with pytest.raises(Rejected, match="Sql3906"):
        sql.ensure_user(admin(here), "svc_b", FRESH)


def test_without_the_link_each_side_goes_its_own_way(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    sql = factory.sql_logins()
    sql.ensure_user(admin(here), "svc_a", FRESH)
    finish(azure, arm.begin_delete_link(there, "d-1", link_of(there).id))
    sql.ensure_user(admin(there), "svc_a", Secret("Fresh-Pass-0002"))
    sql.verify(user(here))
    with pytest.raises(LoginRefused):
        sql.verify(user(there))


def test_what_the_primary_had_stays_when_it_is_dropped(azure: Azure, arm: SqlManagement):
    here, there = linked(azure)
    sql = factory.sql_logins()
    sql.ensure_user(admin(here), "svc_a", FRESH)
    finish(azure, arm.begin_delete_database(here, "d-1"))
    assert arm.list_links(there, "d-1") == []
    sql.verify(user(there))
    sql.ensure_user(admin(there), "svc_b", FRESH)


def admin(server: ServerRef) -> LoginSpec:
    return LoginSpec(f"{server.name}.database.windows.net", "d-1", "sppadmin", PASSWORD)


def user(server: ServerRef) -> LoginSpec:
    return LoginSpec(f"{server.name}.database.windows.net", "d-1", "svc_a", FRESH)
