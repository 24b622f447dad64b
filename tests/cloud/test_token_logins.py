"""Both drivers sign in with a token of Entra over real sockets and TLS, also where SQL logins are switched off."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from cloud.azure_logins import AzureSqlLogins
from cloud.errors import LoginRefused, Rejected
from cloud.identities import EntraPrincipal, EntraUser, OwnIdentity
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from simulator.tds.directory import EntraIdentity
from simulator.tds.engine import connect
from tests.cloud.test_drivers import DRIVERS, ENDPOINT
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, SERVER, World, a_world
from tests.simulator.tds.served import Certificates, make_certificates, served

OURS, SERVICE = "our-token." + "x" * 1800, "service-token"  # real ones have about 2,000 characters
OWN = OwnIdentity(ENDPOINT, DATABASE)
CLAIMS = EntraIdentity("object-claims", "6f1b6f0e-0000-4000-8000-000000000002", "claims-api")
US = EntraIdentity("object-us", "6f1b6f0e-0000-4000-8000-000000000001", "fleet-admin")


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return make_certificates(tmp_path_factory.mktemp("tls"))


@pytest.fixture
def world() -> World:
    """A server where only Entra may sign in."""
    world = a_world()
    world.add_server(SERVER, entra_only=True)
    world.add_database(SERVER, DATABASE)
    world.identities = {OURS: US, SERVICE: CLAIMS}
    return world


@pytest.fixture
def port(world: World, certificates: Certificates) -> Iterator[int]:
    with served(world, certificates) as port:
        yield port


@pytest.fixture(params=DRIVERS)
def logins(request: pytest.FixtureRequest, port: int, certificates: Certificates) -> Callable[[str], AzureSqlLogins]:
    def make(token: str = OURS) -> AzureSqlLogins:
        settings = CloudSettings("tenant", sql_host="localhost", sql_port=port, ca_file=str(certificates.ca))
        return AzureSqlLogins(settings, driver=request.param(settings), token=lambda: Secret(token))

    return make


def as_us(world: World, statement: str) -> None:
    connect(world, server=SERVER, database=DATABASE, user="", password="", token=OURS).execute(statement)


def test_a_token_signs_in_where_passwords_do_not(logins):
    logins().verify(OWN)
    with pytest.raises(LoginRefused):
        logins().verify(LoginSpec(ENDPOINT, DATABASE, ADMIN, Secret(ADMIN_PASSWORD)))


@pytest.mark.parametrize("token", ["forged", SERVICE])
def test_a_token_of_nobody_here_is_refused(logins, token: str):
    with pytest.raises(LoginRefused):
        logins(token).verify(OWN)


def test_users_of_entra_are_found_with_their_right_to_connect(logins, world: World):
    assert logins().find_entra_user(OWN, "claims-api") is None
    as_us(world, "CREATE USER [claims-api] FROM EXTERNAL PROVIDER")
    assert logins().find_entra_user(OWN, "claims-api") == EntraUser(
        "claims-api", may_connect=True, client_id=CLAIMS.client_id
    )
    as_us(world, "DENY CONNECT TO [claims-api]")
    assert logins().find_entra_user(OWN, "claims-api") == EntraUser(
        "claims-api", may_connect=False, client_id=CLAIMS.client_id
    )
    as_us(world, "REVOKE CONNECT TO [claims-api]")
    assert logins().find_entra_user(OWN, "claims-api") == EntraUser(
        "claims-api", may_connect=False, client_id=CLAIMS.client_id
    )


def test_a_user_with_a_password_is_no_user_of_entra(logins, world: World):
    as_us(world, "CREATE USER [svc_a] WITH PASSWORD = N'Fresh-Pass-0001'")
    assert logins().find_entra_user(OWN, "svc_a") is None


def test_a_service_signs_in_as_the_user_that_was_made_for_its_identity(logins):
    for _ in range(2):
        logins().ensure_entra_user(OWN, EntraPrincipal("claims-api", CLAIMS.object_id, CLAIMS.client_id))
    logins(SERVICE).verify(OWN)


def test_an_identity_that_the_directory_knows_by_another_name_is_refused(logins):
    with pytest.raises(Rejected, match="SqlPrincipalUnknown"):
        logins().ensure_entra_user(OWN, EntraPrincipal("imaging-api", CLAIMS.object_id, CLAIMS.client_id))
