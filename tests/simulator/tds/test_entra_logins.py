"""Signing in to SQL with an Entra token: by the engine, by the real drivers, by ARM's administrator."""

from __future__ import annotations

import struct
from typing import Any

import pytds
import pytest

from simulator.azure import Azure
from simulator.tds.directory import EntraIdentity
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import TOKEN_PRINCIPAL, SqlError
from simulator.tds.login import FEDERATED_AUTHENTICATION, Login
from simulator.tds.wire import ProtocolError
from tests.simulator.builders import a_database, a_server, ask, settle
from tests.simulator.tds.builders import DATABASE, SERVER, World, a_world, an_admin, number_of, refused, value
from tests.simulator.tds.conftest import Served
from tests.simulator.tds.served import Certificates, served

ADMIN = EntraIdentity("0000000a-0000-4000-8000-000000000001", "0000000a-0000-4000-8000-000000000002", "fleet-admin")
SERVICE = EntraIdentity("0000000b-0000-4000-8000-000000000001", "0000000b-0000-4000-8000-000000000002", "claims-api")
ACCESS_TOKEN = 1256  # SQL_COPT_SS_ACCESS_TOKEN


def a_world_with_entra(*, entra_only: bool = False) -> World:
    world = a_world()
    world.add_server(SERVER, entra_only=entra_only)
    world.identities = {"admin-token": ADMIN, "service-token": SERVICE}
    return world


def by_token(world: World, token: str) -> SqlSession:
    return connect(world, server=SERVER, database=DATABASE, user="", password="", token=token)


def test_the_administrator_of_the_server_is_dbo_also_where_only_entra_may_sign_in() -> None:
    admin = by_token(a_world_with_entra(entra_only=True), "admin-token")
    assert admin.execute("SELECT USER_NAME(), SUSER_SNAME()")[0].rows == (("dbo", "fleet-admin"),)


@pytest.mark.parametrize("token", ["forged", "service-token"])
def test_a_token_without_a_user_hears_18456_and_no_name(token: str) -> None:
    with pytest.raises(SqlError) as caught:
        by_token(a_world_with_entra(), token)
    assert (caught.value.number, caught.value.message) == (18456, f"Login failed for user '{TOKEN_PRINCIPAL}'.")


def test_a_user_from_entra_signs_in_with_its_token_and_its_own_rights() -> None:
    world = a_world_with_entra()
    admin = by_token(world, "admin-token")
    admin.execute("CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    admin.execute("CREATE TABLE t (i int)")
    admin.execute("ALTER ROLE [db_datareader] ADD MEMBER [claims-api]")
    service = by_token(world, "service-token")
    assert value(service, "SELECT USER_NAME()") == "claims-api"
    assert service.execute("SELECT * FROM t")[0].rows == ()
    assert refused(service, "INSERT INTO t VALUES (1)") == 229
    shown = admin.execute("SELECT type, sid FROM sys.database_principals WHERE name = N'claims-api'")[0].rows
    assert shown == (("E", bytes.fromhex("0b000000000000408000000000000002")),)
    admin.execute("DROP USER [claims-api]")
    assert number_of(lambda: by_token(world, "service-token")) == 18456


def test_only_an_entra_session_makes_users_from_entra_and_only_of_those_there_are() -> None:
    world = a_world_with_entra()
    assert refused(an_admin(world), "CREATE USER [claims-api] FROM EXTERNAL PROVIDER") == 33159
    admin = by_token(world, "admin-token")
    assert refused(admin, "CREATE USER [nobody] FROM EXTERNAL PROVIDER") == 33134
    admin.execute("CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    assert refused(admin, "CREATE USER [claims-api] FROM EXTERNAL PROVIDER") == 15063


def test_a_user_from_entra_has_no_password() -> None:
    world = a_world_with_entra()
    admin = by_token(world, "admin-token")
    admin.execute("CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    assert refused(admin, "ALTER USER [claims-api] WITH PASSWORD = N'Fresh-Pass-0001'") == 15151
    with pytest.raises(SqlError):
        connect(world, server=SERVER, database=DATABASE, user="claims-api", password="")


def test_a_user_from_entra_that_may_not_connect_is_refused_and_listed_so() -> None:
    world = a_world_with_entra()
    admin = by_token(world, "admin-token")
    admin.execute("CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    states = "SELECT state_desc FROM sys.database_permissions WHERE permission_name = 'CONNECT'"
    assert value(admin, states) == "GRANT"
    admin.execute("DENY CONNECT TO [claims-api]")
    assert value(admin, states) == "DENY"
    assert number_of(lambda: by_token(world, "service-token")) == 4060
    admin.execute("GRANT CONNECT TO [claims-api]")
    assert value(by_token(world, "service-token"), "SELECT USER_NAME()") == "claims-api"


def test_python_tds_signs_in_with_a_token(sql: Served) -> None:
    sql.world.identities = {"admin-token": ADMIN}
    options: dict[str, Any] = {"database": DATABASE, "autocommit": True, "login_timeout": 5}
    with pytds.connect(
        dsn="localhost",
        port=sql.port,
        cafile=str(sql.certificates.ca),
        validate_host=False,
        disable_connect_retry=True,
        access_token_callable=lambda: "admin-token",
        **options,
    ) as connection:
        cursor = connection.cursor()
        cursor.execute("SELECT USER_NAME(), SUSER_SNAME()")
        assert cursor.fetchall() == [("dbo", "fleet-admin")]


def an_azure_with_an_administrator() -> tuple[Azure, str]:
    """A server whose Entra administrator is the default application, and that application's token for SQL."""
    azure = Azure(real=lambda: 0.0)
    server = a_server(azure)
    a_database(azure, server, "d-entra")
    body = {"properties": {"administratorType": "ActiveDirectory", "login": "default",
                           "sid": azure.entra.client_id, "principalType": "Application"}}  # fmt: skip
    assert ask(azure, "PUT", f"{server}/administrators/ActiveDirectory", body).status == 202
    settle(azure)
    token = azure.entra.token(azure.entra.client_id, "https://database.windows.net/", authority="https://localhost")
    return azure, token


def in_azure(azure: Azure, token: str) -> SqlSession:
    return connect(azure.sql_directory, server="one", database="d-entra", user="", password="", token=token)


def test_the_directorys_own_tokens_open_the_database() -> None:
    azure, token = an_azure_with_an_administrator()
    admin = in_azure(azure, token)
    assert value(admin, "SELECT USER_NAME()") == "dbo"
    client_id, _ = azure.entra.add_app("claims-api")
    service = azure.entra.token(client_id, "https://database.windows.net", authority="https://localhost")
    assert number_of(lambda: in_azure(azure, service)) == 18456
    admin.execute("CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    assert value(in_azure(azure, service), "SELECT USER_NAME()") == "claims-api"


def test_a_token_for_another_audience_or_of_the_past_opens_nothing() -> None:
    azure, _ = an_azure_with_an_administrator()
    app = azure.entra.client_id
    for audience, seconds in (("https://management.azure.com", 3600), ("https://database.windows.net", -10)):
        token = azure.entra.token(app, audience, authority="https://localhost", seconds=seconds)
        assert number_of(lambda token=token: in_azure(azure, token)) == 18456


def test_microsofts_driver_signs_in_with_a_token(certificates: Certificates, monkeypatch: pytest.MonkeyPatch) -> None:
    mssql_python = pytest.importorskip("mssql_python")
    monkeypatch.setenv("SSL_CERT_FILE", str(certificates.ca))
    mssql_python.pooling(enabled=False)
    azure, token = an_azure_with_an_administrator()
    raw = token.encode("utf-16-le")
    with served(azure.sql_directory, certificates) as port:
        connection = mssql_python.connect(
            server=f"localhost,{port}",
            database="d-entra",
            Encrypt="yes",
            autocommit=True,
            timeout=10,
            attrs_before={ACCESS_TOKEN: struct.pack("<I", len(raw)) + raw},
        )
        found = connection.cursor().execute("SELECT USER_NAME(), SUSER_SNAME()").fetchall()
        assert [tuple(row) for row in found] == [("dbo", "default")]
        connection.close()


@pytest.mark.parametrize(
    "data", [b"", b"\x02", b"\x02\xff\xff\xff\xff", b"\x02\x04\x00\x00\x00ab", b"\x02\x01\x00\x00\x00a"]
)
def test_a_token_that_is_cut_short_breaks_the_protocol(data: bytes) -> None:
    login = Login(0, 0, "", "", "", "", "", "", integrated=False, features={FEDERATED_AUTHENTICATION: data})
    with pytest.raises(ProtocolError):
        _ = login.token
