"""Sign-ins see what ARM knows: the administrator, the database's state, the server's doors."""

from __future__ import annotations

import pytest

from simulator.azure import Azure
from simulator.tds.engine import connect
from simulator.tds.errors import SqlError
from tests.simulator.builders import PASSWORD, a_database, a_server, ask, begin_database, settle
from tests.simulator.test_faults import a_fault


def sign_in(azure: Azure, database: str = "d1", password: str = PASSWORD):
    return connect(azure.sql_directory, server="one", database=database, user="fleetadmin", password=password)


def refusal(azure: Azure, **given: str) -> int:
    with pytest.raises(SqlError) as refused:
        sign_in(azure, **given)
    return refused.value.number


def test_the_administrator_signs_in_once_the_database_is_online(azure):
    begin_database(azure, f"{a_server(azure)}/databases/d1")
    assert refusal(azure) == 40613
    settle(azure)
    sign_in(azure)
    assert refusal(azure, password="Wrong-Horse-99") == 18456
    assert refusal(azure, database="none") in (4060, 18456)


def test_a_new_administrator_password_counts_when_the_change_is_done(azure):
    server = a_server(azure)
    a_database(azure, server)
    assert ask(azure, "PATCH", server, {"properties": {"administratorLoginPassword": "Other-Horse-10"}}).status == 202
    sign_in(azure)
    settle(azure)
    sign_in(azure, password="Other-Horse-10")
    assert refusal(azure) == 18456


def test_a_server_for_entra_alone_refuses_passwords(azure):
    server = a_server(azure)
    a_database(azure, server)
    administrator = {"login": "admins", "sid": "11111111-1111-1111-1111-111111111111"}
    assert ask(azure, "PUT", f"{server}/administrators/ActiveDirectory", {"properties": administrator}).status == 202
    settle(azure)
    only = {"properties": {"azureADOnlyAuthentication": True}}
    assert ask(azure, "PUT", f"{server}/azureADOnlyAuthentications/Default", only).status == 202
    settle(azure)
    assert refusal(azure) in (18456, 47073, 33134)


def test_a_fault_makes_a_database_unavailable_for_one_sign_in(azure):
    a_database(azure, a_server(azure))
    a_fault(azure, kind="status", service="sql", path="one/d1")
    assert refusal(azure) == 40613
    sign_in(azure)


def test_firewall_rules_count_where_they_are_enforced():
    azure = Azure(real=lambda: 0.0, enforce_firewall=True)
    server = a_server(azure)
    a_database(azure, server)
    assert refusal(azure) == 40615
    rule = {"properties": {"startIpAddress": "127.0.0.0", "endIpAddress": "127.0.0.255"}}
    assert ask(azure, "PUT", f"{server}/firewallRules/here", rule).status == 201
    sign_in(azure)
    assert ask(azure, "DELETE", f"{server}/firewallRules/here").status == 200
    assert refusal(azure) == 40615
