"""The server as python-tds sees it."""

from __future__ import annotations

from typing import Any

import pytds
import pytest

from simulator.tds.directory import Admission
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, PASSWORD, SERVER, a_user, an_admin
from tests.simulator.tds.conftest import Served


def connect(sql: Served, *, user: str = ADMIN, password: str = ADMIN_PASSWORD, **options: Any) -> Any:
    """The host name is not checked: the driver asks pyOpenSSL for a method that is gone since its version 26."""
    given = {"database": DATABASE, "autocommit": True, "login_timeout": 5, **options}
    return pytds.connect(
        dsn="localhost",
        port=sql.port,
        user=user,
        password=password,
        cafile=str(sql.certificates.ca),
        validate_host=False,
        disable_connect_retry=True,
        **given,
    )


def rows(connection: Any, statement: str, parameters: Any = None) -> Any:
    with connection.cursor() as cursor:
        cursor.execute(statement, parameters)
        return cursor.fetchall()


def test_the_administrator_signs_in_and_reads(sql: Served) -> None:
    with connect(sql) as connection:
        assert rows(connection, "SELECT 1, N'zwei', DB_NAME(), NULL") == [(1, "zwei", DATABASE, None)]


def test_values_of_every_type_come_through(sql: Served) -> None:
    with connect(sql) as connection:
        create = "CREATE TABLE t (i int, b bigint, f float, s nvarchar(max), d datetime, x varbinary(max), k bit)"
        with connection.cursor() as cursor:
            cursor.execute(create)
            cursor.execute("INSERT INTO t VALUES (-1, 5000000000, 1.5, N'ä', '2026-11-22T10:11:12', 0xBEEF, 1)")
            cursor.execute("INSERT INTO t VALUES (NULL, NULL, NULL, NULL, NULL, NULL, NULL)")
        full, empty = rows(connection, "SELECT * FROM t ORDER BY i DESC")
        assert tuple(full)[:4] == (-1, 5_000_000_000, 1.5, "ä")
        assert (full[4].isoformat(), bytes(full[5]), bool(full[6])) == ("2026-11-22T10:11:12", b"\xbe\xef", True)
        assert set(empty) == {None}


@pytest.mark.parametrize("length", [0, 1, 4000, 4001, 100_000])
def test_long_texts_go_both_ways(sql: Served, length: int) -> None:
    text = "ö" * length
    with connect(sql) as connection:
        assert rows(connection, "SELECT %s", (text,)) == [(text,)]


def test_parameters_are_values_and_never_statements(sql: Served) -> None:
    with connect(sql) as connection:
        evil = "'; DROP USER dbo; --"
        assert rows(connection, "SELECT %s, %s", (evil, 7)) == [(evil, 7)]


@pytest.mark.parametrize(("user", "password"), [(ADMIN, "wrong"), ("nobody", PASSWORD)])
def test_a_wrong_login_hears_18456(sql: Served, user: str, password: str) -> None:
    with pytest.raises(pytds.OperationalError) as caught:
        connect(sql, user=user, password=password)
    assert (caught.value.number, caught.value.state) == (18456, 1)
    assert f"Login failed for user '{user}'." in str(caught.value)


def test_an_absent_database_is_named(sql: Served) -> None:
    with pytest.raises(pytds.Error) as caught:
        connect(sql, database="d-none", user=f"{ADMIN}@{SERVER}")
    assert caught.value.number == 18456
    assert 'Cannot open database "d-none"' in str(caught.value)


def test_the_firewall_refuses_loopback_when_told(sql: Served) -> None:
    """By itself the driver retries all but 18456 until its time is up, and names the cause as such only; our adapter, once
    loaded into the process, lets it try but once."""
    sql.world.doors["127.0.0.1"] = Admission.FIREWALL_REFUSES
    with pytest.raises((TimeoutError, pytds.OperationalError)) as caught:
        connect(sql, login_timeout=2.0)
    cause = caught.value if isinstance(caught.value, pytds.OperationalError) else caught.value.__cause__
    assert isinstance(cause, pytds.OperationalError)
    assert cause.number == 40615
    assert "IP address '127.0.0.1'" in str(cause)


def test_a_user_is_created_signs_in_is_rotated_and_dropped(sql: Served) -> None:
    with connect(sql) as admin, admin.cursor() as cursor:
        cursor.execute(f"CREATE USER [svc_a] WITH PASSWORD = N'{PASSWORD}'")
        cursor.execute("ALTER ROLE db_datareader ADD MEMBER svc_a")
        session = connect(sql, user="svc_a", password=PASSWORD)
        cursor.execute("ALTER USER svc_a WITH PASSWORD = N'Second-Pass-0002'")
        with pytest.raises(pytds.OperationalError):
            connect(sql, user="svc_a", password=PASSWORD)
        connect(sql, user="svc_a", password="Second-Pass-0002").close()
        assert rows(session, "SELECT USER_NAME()") == [("svc_a",)]
        session.close()
        cursor.execute("DROP USER svc_a")
        with pytest.raises(pytds.OperationalError):
            connect(sql, user="svc_a", password="Second-Pass-0002")


def test_errors_come_with_number_state_and_class(sql: Served) -> None:
    with connect(sql) as connection:
        with pytest.raises(pytds.Error) as caught:
            rows(connection, "DROP USER nobody")
        assert (caught.value.number, caught.value.state, caught.value.severity) == (15151, 1, 16)
        assert rows(connection, "SELECT 1") == [(1,)]


def test_a_password_as_parameter_of_ddl_is_a_syntax_error(sql: Served) -> None:
    with connect(sql) as connection, pytest.raises(pytds.Error) as caught:
        rows(connection, "CREATE USER svc_a WITH PASSWORD = %s", (PASSWORD,))
    assert caught.value.number == 102


def test_without_autocommit_nothing_happens_until_commit(sql: Served) -> None:
    with connect(sql, autocommit=False) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE t (i int)")
        connection.rollback()
        cursor.execute("CREATE TABLE u (i int)")
        connection.commit()
    assert an_admin(sql.world).execute("SELECT name FROM sys.tables")[0].rows == (("u",),)


def test_several_result_sets_in_one_batch(sql: Served) -> None:
    with connect(sql) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT 1; SELECT 2")
        first = cursor.fetchall()
        assert cursor.nextset()
        assert (first, cursor.fetchall()) == ([(1,)], [(2,)])


def test_kill_closes_the_socket(sql: Served) -> None:
    a_user(sql.world).close()
    victim = connect(sql, user="svc_a", password=PASSWORD)
    number = rows(victim, "SELECT @@SPID")[0][0]
    with connect(sql) as admin, admin.cursor() as cursor:
        cursor.execute(f"KILL {number}")
    with pytest.raises((pytds.Error, OSError)):
        rows(victim, "SELECT 1")


def test_a_closed_connection_frees_its_session(sql: Served) -> None:
    for _ in range(5):
        connect(sql).close()
    with connect(sql) as connection:
        assert rows(connection, "SELECT @@SPID")[0][0] < 51 + 5
