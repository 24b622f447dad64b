"""The life of contained users, in process."""

from __future__ import annotations

import pytest

from simulator.tds.errors import SqlError
from tests.simulator.tds.builders import (
    PASSWORD,
    a_user,
    a_world,
    an_admin,
    number_of,
    refused,
    sign_in,
    value,
)


def test_a_new_password_counts_at_once_and_open_sessions_stay() -> None:
    world = a_world()
    session = a_user(world)
    an_admin(world).execute("ALTER USER [svc_a] WITH PASSWORD = N'Second-Pass-0002'")
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456
    assert sign_in(world, "svc_a", "Second-Pass-0002")
    assert value(session, "SELECT 1") == 1


def test_a_user_changes_its_own_password_with_the_old_one_only() -> None:
    world = a_world()
    session = a_user(world)
    change = "ALTER USER svc_a WITH PASSWORD = 'Second-Pass-0002'"
    assert refused(session, change) == 15151
    assert refused(session, f"{change} OLD_PASSWORD = 'Wrong-Pass-0001'") == 15151
    session.execute(f"{change} OLD_PASSWORD = '{PASSWORD}'")
    assert sign_in(world, "svc_a", "Second-Pass-0002")


def test_a_password_of_quotes_brackets_and_other_scripts_survives_quoting() -> None:
    world = a_world()
    password = "A'b]\"{};0пароль😀"
    quoted = password.replace("'", "''")
    an_admin(world).execute(f"CREATE USER [o]]dd 'name] WITH PASSWORD = N'{quoted}'")
    assert sign_in(world, "o]dd 'name", password)


@pytest.mark.parametrize(
    ("password", "expected"),
    [
        ("Ab1-567", 40632),
        ("alllowercase", 40632),
        ("lowerand1234", 40632),
        ("xSVC_A-12345", 40632),
        ("Aa1" + "x" * 126, 15156),
    ],
)
def test_the_password_policy_refuses(password: str, expected: int) -> None:
    admin = an_admin(a_world())
    assert refused(admin, f"CREATE USER svc_a WITH PASSWORD = '{password}'") == expected
    assert value(admin, "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'svc_a'") == 0


@pytest.mark.parametrize("password", ["Abcdef12", "abcdef1-", "Aa1" + "x" * 125])
def test_the_password_policy_takes_three_kinds_of_characters(password: str) -> None:
    world = a_world()
    assert a_user(world, password=password)


def test_a_password_cannot_be_a_parameter() -> None:
    admin = an_admin(a_world())
    with pytest.raises(SqlError, match="near '@p1'") as caught:
        admin.execute("CREATE USER svc_a WITH PASSWORD = @p1", {"@p1": PASSWORD})
    assert caught.value.number == 102


def test_creating_twice_is_refused_and_granting_twice_is_not() -> None:
    world = a_world()
    a_user(world, roles=("db_datareader", "db_datareader"))
    assert refused(an_admin(world), f"CREATE USER SVC_A WITH PASSWORD = '{PASSWORD}'") == 15023
    an_admin(world).execute("ALTER ROLE db_datawriter DROP MEMBER svc_a; GRANT EXECUTE ON SCHEMA::dbo TO svc_a")
    an_admin(world).execute("GRANT EXECUTE ON SCHEMA::dbo TO svc_a")
