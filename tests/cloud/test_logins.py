from __future__ import annotations

import pytest

from cloud.azure_logins import AzureSqlLogins, quoted_identifier, quoted_literal
from cloud.errors import LoginRefused, PasswordRejected, RetryLater
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from simulator.tds.directory import Admission
from tests.cloud.in_process import InProcessSql
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, PASSWORD, SERVER, World, a_world

ENDPOINT = f"{SERVER}.database.windows.net"


@pytest.fixture
def world() -> World:
    return a_world()


def logins(world: World) -> AzureSqlLogins:
    return AzureSqlLogins(CloudSettings("tenant", sql_host="localhost"), driver=InProcessSql(world))


def as_admin(database: str = DATABASE) -> LoginSpec:
    return LoginSpec(ENDPOINT, database, ADMIN, Secret(ADMIN_PASSWORD))


def as_user(user: str, password: str = PASSWORD) -> LoginSpec:
    return LoginSpec(ENDPOINT, DATABASE, user, Secret(password))


def test_a_new_user_can_sign_in(world: World):
    logins(world).ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    logins(world).verify(as_user("svc_a"))


def test_ensuring_a_user_again_sets_its_password(world: World):
    sql = logins(world)
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.ensure_user(as_admin(), "svc_a", Secret("Other-Pass-0002"))
    sql.verify(as_user("svc_a", "Other-Pass-0002"))
    with pytest.raises(LoginRefused):
        sql.verify(as_user("svc_a"))


def test_a_service_may_change_its_schema_and_manages_no_users(world: World):
    logins(world).ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    driver, target = InProcessSql(world), logins(world)._target(as_user("svc_a"))
    session = driver.connect(target)
    session.execute("CREATE TABLE dbo.t (n int)")
    session.execute("INSERT INTO dbo.t VALUES (1)")
    assert session.execute("SELECT n FROM dbo.t") == ((1,),)
    assert session.execute("SELECT IS_ROLEMEMBER('db_owner')") == ((0,),)


def test_a_dropped_user_cannot_sign_in_and_dropping_repeats(world: World):
    sql = logins(world)
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.drop_user(as_admin(), "svc_a")
    sql.drop_user(as_admin(), "svc_a")
    with pytest.raises(LoginRefused):
        sql.verify(as_user("svc_a"))


@pytest.mark.parametrize("database", ["d-none", "D-None"])
def test_a_missing_database_may_come_to_be(world: World, database: str):
    with pytest.raises(RetryLater) as refused:
        logins(world).verify(as_admin(database))
    assert refused.value.code == "SqlDatabaseRefused"


def test_a_database_that_is_not_online_may_be_tried_again(world: World):
    world.add_database(SERVER, "d-new", online=False)
    with pytest.raises(RetryLater) as refused:
        logins(world).verify(as_admin("d-new"))
    assert refused.value.code == "SqlDatabaseUnavailable"


def test_a_firewall_may_open_later(world: World):
    world.doors["127.0.0.1"] = Admission.FIREWALL_REFUSES
    with pytest.raises(RetryLater) as refused:
        logins(world).verify(as_admin())
    assert refused.value.code == "SqlFirewall"


def test_a_weak_password_is_refused_as_such(world: World):
    with pytest.raises(PasswordRejected):
        logins(world).ensure_user(as_admin(), "svc_a", Secret("weak"))


@pytest.mark.parametrize("name", ["o]brien", "a'b", "x;y", "ü ñ"])
def test_names_and_passwords_are_quoted(world: World, name: str):
    password = "Quo'te]-Pass;0001"
    logins(world).ensure_user(as_admin(), name, Secret(password))
    logins(world).verify(as_user(name, password))


def test_no_session_is_left_open(world: World):
    sql = logins(world)
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.verify(as_user("svc_a"))
    database = world.database(world.servers[SERVER], DATABASE)
    assert database is not None
    assert list(world.sessions.of_database(database.id)) == []


def test_a_traceback_shows_no_password(world: World):
    with pytest.raises(PasswordRejected) as refused:
        logins(world).ensure_user(as_admin(), "svc_a", Secret("weakling"))
    assert refused.value.__cause__ is None
    assert refused.value.__suppress_context__
    assert "weakling" not in str(refused.value)


@pytest.mark.parametrize("name", ["", "x" * 129, "a\0b"])
def test_impossible_names_are_refused(name: str):
    with pytest.raises(ValueError):
        quoted_identifier(name)


def test_quotes_are_doubled():
    assert quoted_identifier("a]b") == "[a]]b]"
    assert quoted_literal("it's") == "N'it''s'"
