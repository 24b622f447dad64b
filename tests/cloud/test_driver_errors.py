"""Every row of the table of SQL errors, as both drivers hear it from a server over TLS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest

from cloud.azure_logins import AzureSqlLogins
from cloud.errors import CloudError
from cloud.settings import CloudSettings
from cloud.sql_failures import TABLE
from simulator.tds.directory import Admission, LogicalServer
from simulator.tds.errors import SqlError
from tests.cloud.test_drivers import DRIVERS, as_admin
from tests.cloud.test_sql_failures import TEXTS
from tests.simulator.tds.builders import World, a_world
from tests.simulator.tds.served import Certificates, make_certificates, served

CODES = {row.number: row.code for row in TABLE}
ROWS = [row for row in TEXTS if row[0] != 10929]  # its text is known in part only


@dataclass
class Unwilling(World):
    """Answers each sign-in with the error that is set."""

    error: SqlError | None = None

    def admission(self, server: LogicalServer, address: str) -> Admission:
        if self.error is not None:
            raise self.error
        return super().admission(server, address)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def server(certificates: Certificates) -> Iterator[tuple[Unwilling, int]]:
    furnished = a_world()
    world = Unwilling(**vars(furnished))
    with served(world, certificates) as port:
        yield world, port


@pytest.fixture(params=DRIVERS)
def refused_with(
    request: pytest.FixtureRequest, server: tuple[Unwilling, int], certificates: Certificates
) -> Iterator[Callable[[SqlError], CloudError]]:
    """What a sign-in over one of the drivers raises when the server answers with an error."""
    world, port = server
    settings = CloudSettings("tenant", sql_host="localhost", sql_port=port, ca_file=str(certificates.ca))
    driver: Any = request.param(settings)

    def ask(error: SqlError) -> CloudError:
        world.error = error
        with pytest.raises(CloudError) as refused:
            AzureSqlLogins(settings, driver=driver).verify(as_admin())
        return refused.value

    yield ask
    world.error = None


@pytest.mark.parametrize(("number", "kind", "text"), ROWS)
def test_each_row_is_known_over_both_drivers(refused_with, number: int, kind: type[CloudError], text: str):
    found = refused_with(SqlError(number, 16, 1, text))
    assert (type(found), found.code) == (kind, CODES[number])
