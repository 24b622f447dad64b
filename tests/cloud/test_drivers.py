"""Both drivers over real sockets and TLS, against the simulated SQL servers."""

from __future__ import annotations

import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cloud import mssql_driver
from cloud.azure_logins import AzureSqlLogins
from cloud.errors import LoginRefused, PasswordRejected, RetryLater
from cloud.mssql_driver import MssqlPython
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import SqlDriver
from cloud.tds_driver import PythonTds
from simulator.tds.directory import Admission
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, PASSWORD, SERVER, World, a_world
from tests.simulator.tds.served import Certificates, make_certificates, served

ENDPOINT = f"{SERVER}.database.windows.net"
DRIVERS = [
    pytest.param(
        MssqlPython,
        id="mssql-python",
        marks=pytest.mark.skipif(not mssql_driver.loads_here(), reason="its native libraries are not on this machine"),
    ),
    pytest.param(PythonTds, id="python-tds"),
]


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def world() -> World:
    return a_world()


@pytest.fixture
def port(world: World, certificates: Certificates) -> Iterator[int]:
    with served(world, certificates) as port:
        yield port


@pytest.fixture(params=DRIVERS)
def logins(request: pytest.FixtureRequest, port: int, certificates: Certificates) -> Callable[..., AzureSqlLogins]:
    """Sign-ins over one of the drivers; words change its settings."""

    def make(**changes: Any) -> AzureSqlLogins:
        words = {"sql_host": "localhost", "sql_port": port, "ca_file": str(certificates.ca)}
        settings = CloudSettings("tenant", **{**words, **changes})
        driver: SqlDriver = request.param(settings)
        return AzureSqlLogins(settings, driver=driver)

    return make


def as_admin(database: str = DATABASE, password: str = ADMIN_PASSWORD) -> LoginSpec:
    return LoginSpec(ENDPOINT, database, ADMIN, Secret(password))


def as_user(user: str, password: str = PASSWORD) -> LoginSpec:
    return LoginSpec(ENDPOINT, DATABASE, user, Secret(password))


def test_a_user_is_made_signs_in_and_is_dropped(logins):
    sql = logins()
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.verify(as_user("svc_a"))
    sql.drop_user(as_admin(), "svc_a")
    with pytest.raises(LoginRefused):
        sql.verify(as_user("svc_a"))


def test_an_old_password_is_refused_at_once(logins):
    sql = logins()
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.verify(as_user("svc_a"))
    sql.ensure_user(as_admin(), "svc_a", Secret("Other-Pass-0002"))
    sql.verify(as_user("svc_a", "Other-Pass-0002"))
    with pytest.raises(LoginRefused):
        sql.verify(as_user("svc_a"))


@pytest.mark.parametrize(
    "password", ["Quo'te-Pass1", "Bra{ce};=Pass1", 'Dou"ble-Pass1', "Ünï-Pass-0001", "[]]-Pass-0001"]
)
def test_odd_passwords_arrive_as_they_are(logins, password: str):
    sql = logins()
    sql.ensure_user(as_admin(), "svc_a", Secret(password))
    sql.verify(as_user("svc_a", password))


def test_the_logical_server_is_told_on_a_shared_port(logins, world: World):
    world.add_server("spp-westus-xyz")
    world.add_database("spp-westus-xyz", DATABASE)
    sql = logins()
    sql.ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    sql.verify(as_user("svc_a"))
    with pytest.raises(LoginRefused):
        sql.verify(LoginSpec("spp-westus-xyz.database.windows.net", DATABASE, "svc_a", Secret(PASSWORD)))


def test_refusals_have_the_class_of_their_number(logins, world: World):
    world.add_database(SERVER, "d-new", online=False)
    sql = logins()
    for login, kind in (
        (as_admin(password="Wrong-Pass-0001"), LoginRefused),
        (as_admin("d-none"), (LoginRefused, RetryLater)),  # mssql-python tells the second of two errors
        (as_admin("d-new"), RetryLater),
    ):
        with pytest.raises(kind):
            sql.verify(login)
    with pytest.raises(PasswordRejected):
        sql.ensure_user(as_admin(), "svc_a", Secret("weak"))


def test_a_closed_firewall_is_told_apart(logins, world: World):
    world.doors["127.0.0.1"] = Admission.FIREWALL_REFUSES
    with pytest.raises(RetryLater) as refused:
        logins().verify(as_admin())
    assert refused.value.code == "SqlFirewall"


def test_a_certificate_of_a_stranger_is_refused(logins, tmp_path: Path):
    stranger = make_certificates(tmp_path)
    with pytest.raises(RetryLater) as refused:
        logins(ca_file=str(stranger.ca)).verify(as_admin())
    assert refused.value.code == "SqlUnreachable"


def test_a_certificate_without_our_own_ca_is_refused(logins):
    with pytest.raises(RetryLater):
        logins(ca_file=None).verify(as_admin())


def test_a_certificate_for_another_name_is_refused(logins):
    with pytest.raises(RetryLater) as refused:
        logins(sql_host="127.0.0.1").verify(as_admin())
    assert refused.value.code == "SqlUnreachable"


def test_a_silent_server_is_given_up(logins):
    with socket.create_server(("127.0.0.1", 0)) as silent, pytest.raises(RetryLater) as refused:
        logins(sql_port=silent.getsockname()[1], connect_seconds=1).verify(as_admin())
    assert refused.value.code == "SqlUnreachable"


def test_a_closed_port_is_unreachable(logins):
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    with pytest.raises(RetryLater) as refused:
        logins(sql_port=port, connect_seconds=1).verify(as_admin())
    assert refused.value.code == "SqlUnreachable"


def test_the_environment_is_left_as_it_was(logins):
    before = dict(os.environ)
    logins().verify(as_admin())
    assert dict(os.environ) == before


def test_no_session_stays_behind(logins, world: World):
    logins().ensure_user(as_admin(), "svc_a", Secret(PASSWORD))
    database = world.database(world.servers[SERVER], DATABASE)
    assert database is not None
    deadline = time.monotonic() + 5
    while list(world.sessions.of_database(database.id)):
        assert time.monotonic() < deadline, "the server still has a session"
        time.sleep(0.01)  # the other thread has yet to see the closed socket
