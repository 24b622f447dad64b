"""The server as Microsoft's own driver sees it, inside TDS 7.4 and strict."""

from __future__ import annotations

import ctypes
from typing import Any

import pytest

from simulator.tds.directory import Admission
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, PASSWORD, SERVER
from tests.simulator.tds.conftest import Served

try:
    ctypes.CDLL("libltdl.so.7")
except OSError as missing:
    pytest.skip(f"mssql-python's native driver cannot load: {missing}", allow_module_level=True)

import mssql_python


@pytest.fixture(autouse=True)
def _trust_the_test_ca(sql: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    """The driver has no keyword for a CA. A pooled connection would hide a changed password, so the pool is off."""
    monkeypatch.setenv("SSL_CERT_FILE", str(sql.certificates.ca))
    mssql_python.pooling(enabled=False)


def connect(sql: Served, **options: Any) -> Any:
    given = {"database": DATABASE, "uid": ADMIN, "pwd": ADMIN_PASSWORD, "Encrypt": "yes", **options}
    return mssql_python.connect(server=f"localhost,{sql.port}", autocommit=True, timeout=10, **given)


def rows(connection: Any, statement: str, *parameters: Any) -> list[tuple[Any, ...]]:
    """Its rows are not equal to tuples, so they are made tuples."""
    return [tuple(row) for row in connection.cursor().execute(statement, *parameters).fetchall()]


@pytest.mark.parametrize("encryption", ["optional", "yes", "strict"])
def test_every_way_to_encrypt_signs_in(sql: Served, encryption: str) -> None:
    connection = connect(sql, Encrypt=encryption)
    assert rows(connection, "SELECT 1, N'zwei', DB_NAME(), NULL") == [(1, "zwei", DATABASE, None)]
    connection.close()


def test_an_unknown_authority_is_refused(sql: Served, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(mssql_python.Error):
        connect(sql)


def test_the_server_may_stand_behind_the_user_name(sql: Served) -> None:
    sql.world.add_server("other")
    sql.world.add_database("other", DATABASE)
    connection = connect(sql, uid=f"{ADMIN}@{SERVER}")
    assert rows(connection, "SELECT @@SERVERNAME, SUSER_SNAME()") == [(SERVER, ADMIN)]
    connection.close()


def test_parameters_are_prepared_and_reused(sql: Served) -> None:
    connection = connect(sql)
    cursor = connection.cursor()
    for number in range(3):
        cursor.execute("SELECT ?, ?, ?", (number, "it's", "ö"))
        assert [tuple(row) for row in cursor.fetchall()] == [(number, "it's", "ö")]
    connection.close()


def test_a_user_is_created_rotated_and_dropped(sql: Served) -> None:
    admin = connect(sql)
    cursor = admin.cursor()
    cursor.execute(f"CREATE USER [svc_a] WITH PASSWORD = N'{PASSWORD}'")
    cursor.execute("ALTER ROLE [db_datareader] ADD MEMBER [svc_a]")
    session = connect(sql, uid="svc_a", pwd=PASSWORD)
    cursor.execute("ALTER USER [svc_a] WITH PASSWORD = N'Second-Pass-0002'")
    with pytest.raises(mssql_python.OperationalError, match="Login failed for user 'svc_a'"):
        connect(sql, uid="svc_a", pwd=PASSWORD)
    connect(sql, uid="svc_a", pwd="Second-Pass-0002").close()
    assert rows(session, "SELECT USER_NAME()") == [("svc_a",)]
    session.close()
    cursor.execute("DROP USER [svc_a]")
    with pytest.raises(mssql_python.OperationalError, match="Login failed for user 'svc_a'"):
        connect(sql, uid="svc_a", pwd="Second-Pass-0002")
    admin.close()


@pytest.mark.parametrize("password", ["A'b]\"{};0pass", "=Aa1}{;; --/*", "Пароль-123", "Aa1 😀 blank"])
def test_odd_passwords_pass_the_connection_string(sql: Served, password: str) -> None:
    admin = connect(sql)
    quoted = password.replace("'", "''")
    admin.cursor().execute(f"CREATE USER [svc_a] WITH PASSWORD = N'{quoted}'")
    connect(sql, uid="svc_a", pwd=password).close()
    admin.close()


@pytest.mark.parametrize(
    ("statement", "text"),
    [
        ("DROP USER nobody", "Cannot drop the user 'nobody', because it does not exist or you do not have permission"),
        ("CREATE USER svc_a WITH PASSWORD = 'short'", "Password validation failed"),
        ("SELECT * FROM missing", "Invalid object name 'missing'"),
        ("EXEC missing", "Could not find stored procedure 'missing'"),
        ("CREATE USR x", "Incorrect syntax near 'USR'"),
    ],
)
def test_refusals_come_with_the_servers_text_and_the_session_lives(sql: Served, statement: str, text: str) -> None:
    connection = connect(sql)
    with pytest.raises(mssql_python.Error, match=text):
        connection.cursor().execute(statement)
    assert rows(connection, "SELECT 1") == [(1,)]
    connection.close()


def test_a_password_as_parameter_of_ddl_is_a_syntax_error(sql: Served) -> None:
    connection = connect(sql)
    with pytest.raises(mssql_python.Error, match="Incorrect syntax near '@P1'"):
        connection.cursor().execute("CREATE USER svc_a WITH PASSWORD = ?", (PASSWORD,))
    connection.close()


def test_the_firewall_names_the_client(sql: Served) -> None:
    sql.world.doors["127.0.0.1"] = Admission.FIREWALL_REFUSES
    with pytest.raises(mssql_python.Error, match=r"Client with IP address '127\.0\.0\.1' is not allowed"):
        connect(sql)


def test_a_database_that_is_not_online_says_so(sql: Served) -> None:
    sql.world.add_database(SERVER, "d-late", online=False)
    with pytest.raises(mssql_python.Error, match=f"Database 'd-late' on server '{SERVER}' is not currently available"):
        connect(sql, database="d-late")


def test_without_autocommit_nothing_happens_until_commit(sql: Served) -> None:
    connection = connect(sql)
    connection.setautocommit(False)
    connection.cursor().execute("CREATE TABLE t (i int)")
    connection.rollback()
    connection.cursor().execute("CREATE TABLE u (i int)")
    connection.commit()
    assert rows(connection, "SELECT name FROM sys.tables") == [("u",)]
    connection.close()
