"""What the credential of a service may do, over real TDS as the product gives it: migrate its own schema, read and write its
data, and nothing else. Error numbers are SQL Server's."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from cloud.azure_logins import AzureSqlLogins
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from cloud.sql_drivers import Session, SqlTarget
from cloud.sql_failures import SqlFailure
from cloud.tds_driver import PythonTds
from tests.simulator.tds.builders import ADMIN, ADMIN_PASSWORD, DATABASE, PASSWORD, SERVER, World, a_world
from tests.simulator.tds.served import make_certificates, served

OTHER = "d-two"
Connect = Callable[..., Session]


@pytest.fixture(scope="module")
def ca(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tls")


@pytest.fixture
def connect(ca: Path) -> Iterator[Connect]:
    """Opens sessions on a server with two databases, in each of which the product has made the user of a service."""
    world: World = a_world()
    world.add_database(SERVER, OTHER)
    certificates = make_certificates(ca)
    with served(world, certificates) as port:
        settings = CloudSettings("tenant", sql_host="localhost", sql_port=port, ca_file=str(certificates.ca))
        driver = PythonTds(settings)
        logins = AzureSqlLogins(settings, driver=driver)
        for database, user in ((DATABASE, "svc_a"), (DATABASE, "svc_b"), (OTHER, "svc_two")):
            admin = LoginSpec(f"{SERVER}.database.windows.net", database, ADMIN, Secret(ADMIN_PASSWORD))
            logins.ensure_user(admin, user, Secret(PASSWORD))

        def open_session(user: str = "svc_a", database: str = DATABASE, password: str = PASSWORD) -> Session:
            return driver.connect(SqlTarget("localhost", port, SERVER, database, user, Secret(password)))

        yield open_session


@pytest.fixture
def service(connect: Connect) -> Iterator[Session]:
    with closing(connect()) as session:
        yield session


@pytest.fixture
def admin(connect: Connect) -> Iterator[Session]:
    with closing(connect(ADMIN, password=ADMIN_PASSWORD)) as session:
        yield session


def number(session: Session, statement: str) -> int | None:
    with pytest.raises(SqlFailure) as refused:
        session.execute(statement)
    return refused.value.number


def run(session: Session, *statements: str) -> None:
    for statement in statements:
        session.execute(statement)


MIGRATION = (
    "CREATE SCHEMA fhir",
    "CREATE TABLE fhir.patient (id int PRIMARY KEY, name nvarchar(100) NOT NULL)",
    "ALTER TABLE fhir.patient ADD born datetime, mrn nvarchar(20) NULL",
    "CREATE UNIQUE INDEX patient_mrn ON fhir.patient (mrn DESC)",
    "CREATE VIEW fhir.named AS SELECT id, name FROM fhir.patient WHERE name <> N''",
    "CREATE PROCEDURE dbo.rename_patient @id int, @name nvarchar(100) AS UPDATE fhir.patient SET name = @name WHERE id = @id",
)


def test_a_service_migrates_its_schema_and_reads_and_writes_its_data(service: Session):
    run(service, *MIGRATION)
    run(service, "INSERT INTO fhir.patient VALUES (1, N'Ada', NULL, N'm1'), (2, N'Bob', '2020-01-01', N'm2')")
    run(
        service, "UPDATE fhir.patient SET name = N'Eve' WHERE id = 2", "EXEC dbo.rename_patient @id = 1, @name = N'Zoe'"
    )
    assert [tuple(row) for row in service.execute("SELECT * FROM fhir.named ORDER BY id")] == [(1, "Zoe"), (2, "Eve")]
    run(service, "DELETE FROM fhir.patient WHERE id = 2")
    assert [tuple(row) for row in service.execute("SELECT COUNT(*) FROM fhir.patient")] == [(1,)]
    run(service, "CREATE OR ALTER VIEW fhir.named AS SELECT name FROM fhir.patient")
    assert [tuple(row) for row in service.execute("SELECT * FROM fhir.named")] == [("Zoe",)]


def test_a_migration_can_be_taken_back(service: Session):
    run(service, *MIGRATION)
    run(service, "DROP PROCEDURE dbo.rename_patient", "DROP VIEW fhir.named", "DROP INDEX patient_mrn ON fhir.patient")
    run(service, "DROP TABLE fhir.patient", "DROP SCHEMA fhir", "DROP VIEW IF EXISTS fhir.named")
    assert number(service, "SELECT * FROM fhir.patient") == 208


def test_both_users_of_a_service_work_on_the_same_objects(connect: Connect, service: Session):
    run(service, *MIGRATION)
    with closing(connect("svc_b")) as second:
        run(second, "ALTER TABLE fhir.patient ADD note nvarchar(max)", "DROP VIEW fhir.named")
        run(second, "INSERT INTO fhir.patient (id, name) VALUES (1, N'Ada')")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE USER intruder WITH PASSWORD = N'Unknown-Pass-0001'", 15247),
        ("CREATE USER intruder WITHOUT LOGIN", 15247),
        ("DROP USER svc_b", 15151),
        ("ALTER USER svc_b WITH PASSWORD = N'Stolen-Pass-0001'", 15151),
        ("ALTER USER svc_a WITH PASSWORD = N'Unasked-Pass-001'", 15151),
        ("ALTER USER svc_b WITH NAME = mine", 15151),
        ("ALTER ROLE db_owner ADD MEMBER svc_a", 15151),
        ("ALTER ROLE db_securityadmin ADD MEMBER svc_a", 15151),
        ("ALTER ROLE db_datareader DROP MEMBER svc_b", 15151),
        ("CREATE ROLE mine", 15247),
        ("GRANT CONTROL TO svc_a", 4613),
        ("GRANT SELECT ON SCHEMA::dbo TO public", 15151),
        (f"ALTER DATABASE [{DATABASE}] SET READ_ONLY", 5011),
        ("ALTER DATABASE CURRENT SET COMPATIBILITY_LEVEL = 100", 5011),
        (f"ALTER DATABASE [{OTHER}] SET READ_ONLY", 5011),
        (f"USE [{OTHER}]", 40508),
        (f"SELECT * FROM [{OTHER}].dbo.secrets", 40515),
        (f"SELECT name FROM [{OTHER}].sys.tables", 40515),
        (f"INSERT INTO [{OTHER}].dbo.secrets VALUES (1)", 40515),
        (f"CREATE TABLE [{OTHER}].dbo.mine (id int)", 40515),
        (f"DROP TABLE [{OTHER}].dbo.secrets", 40515),
        ("KILL 51", 6102),
    ],
)
def test_a_service_may_do_nothing_to_others(service: Session, statement: str, expected: int):
    assert number(service, statement) == expected
    assert [tuple(row) for row in service.execute("SELECT 1")] == [(1,)]


@pytest.mark.parametrize(("user", "database"), [("svc_a", OTHER), ("svc_a", "master"), ("svc_two", DATABASE)])
def test_its_credential_opens_no_other_database(connect: Connect, user: str, database: str):
    with pytest.raises(SqlFailure) as refused:
        connect(user, database)
    assert refused.value.number == 18456


def test_none_of_that_is_refused_to_the_administrator(connect: Connect, admin: Session):
    """The refusals above come from missing rights, not from statements that nobody could run."""
    run(admin, "CREATE USER intruder WITH PASSWORD = N'Unknown-Pass-0001'", "ALTER ROLE db_owner ADD MEMBER intruder")
    run(admin, "ALTER USER svc_b WITH PASSWORD = N'Another-Pass-001'", "GRANT CONTROL TO svc_b", "CREATE ROLE mine")
    run(admin, f"ALTER DATABASE [{DATABASE}] SET READ_ONLY", "DROP USER svc_a")
    connect("svc_b", password="Another-Pass-001").close()


@pytest.fixture
def stranger(connect: Connect, admin: Session) -> Iterator[Session]:
    """Somebody without any right, beside the objects of a service."""
    run(admin, "CREATE USER stranger WITH PASSWORD = N'Unknown-Pass-0001'", *MIGRATION)
    with closing(connect("stranger", password="Unknown-Pass-0001")) as session:
        yield session


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("CREATE TABLE dbo.mine (id int)", 262),
        ("CREATE VIEW dbo.mine AS SELECT 1 AS one", 262),
        ("CREATE PROCEDURE dbo.mine AS SELECT 1", 262),
        ("CREATE SCHEMA mine", 15247),
        ("ALTER TABLE fhir.patient ADD mine int", 1088),
        ("CREATE INDEX mine ON fhir.patient (name)", 1088),
        ("DROP INDEX patient_mrn ON fhir.patient", 3701),
        ("DROP TABLE fhir.patient", 3701),
        ("DROP VIEW fhir.named", 3701),
        ("DROP PROCEDURE dbo.rename_patient", 3701),
        ("DROP SCHEMA fhir", 15151),
        ("SELECT * FROM fhir.patient", 229),
        ("SELECT * FROM fhir.named", 229),
        ("INSERT INTO fhir.patient (id, name) VALUES (1, N'x')", 229),
        ("UPDATE fhir.patient SET name = N'x'", 229),
        ("DELETE FROM fhir.patient", 229),
        ("EXEC dbo.rename_patient 1, N'x'", 229),
    ],
)
def test_without_rights_the_same_statements_are_refused_by_number(stranger: Session, statement: str, expected: int):
    assert number(stranger, statement) == expected


def test_a_view_or_procedure_lends_its_owners_rights_and_no_others(stranger: Session, admin: Session):
    run(admin, "INSERT INTO fhir.patient (id, name) VALUES (1, N'Ada')", "GRANT SELECT ON fhir.named TO stranger")
    run(admin, "GRANT EXECUTE ON dbo.rename_patient TO stranger")
    run(stranger, "EXEC dbo.rename_patient 1, N'Zoe'")
    assert [tuple(row) for row in stranger.execute("SELECT name FROM fhir.named")] == [("Zoe",)]
    assert number(stranger, "SELECT name FROM fhir.patient") == 229


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ("ALTER TABLE fhir.nothing ADD mine int", 4902),
        ("ALTER TABLE fhir.patient ADD name int", 2705),
        ("ALTER TABLE fhir.patient ADD mine int NOT NULL", 4901),
        ("ALTER TABLE fhir.patient ADD mine colour", 2715),
        ("CREATE INDEX mine ON fhir.nothing (name)", 1088),
        ("CREATE INDEX patient_mrn ON fhir.patient (name)", 1913),
        ("CREATE INDEX mine ON fhir.patient (colour)", 1911),
        ("CREATE UNIQUE INDEX mine ON fhir.patient (name)", 1505),
        ("INSERT INTO fhir.patient (id, name, mrn) VALUES (3, N'Cid', N'm1')", 2601),
        ("DROP INDEX mine ON fhir.patient", 3701),
        ("DROP VIEW fhir.nothing", 3701),
        ("CREATE VIEW fhir.patient AS SELECT 1 AS one", 2714),
        ("CREATE TABLE fhir.named (id int)", 2714),
        ("CREATE PROCEDURE dbo.rename_patient AS SELECT 1", 2714),
        ("SELECT 1; CREATE VIEW dbo.late AS SELECT 1 AS one", 111),
        ("CREATE VIEW dbo.wrong AS SELECT FROM", 102),
        ("CREATE VIEW dbo.two AS SELECT 1 AS one SELECT 2 AS two", 102),
        ("EXEC dbo.rename_patient 1", 201),
        ("EXEC dbo.nothing", 2812),
        ("DROP SCHEMA fhir", 3729),
    ],
)
def test_what_makes_no_sense_is_refused_by_number(service: Session, statement: str, expected: int):
    run(service, *MIGRATION)
    run(service, "INSERT INTO fhir.patient (id, name, mrn) VALUES (1, N'Ada', N'm1'), (2, N'Ada', N'm2')")
    assert number(service, statement) == expected
    run(service, "SELECT * FROM fhir.named")


def test_a_migration_within_a_transaction_leaves_nothing_when_rolled_back(service: Session):
    create = "EXEC (N'CREATE VIEW dbo.seen AS SELECT id FROM dbo.kept')"
    run(service, f"BEGIN TRAN; CREATE TABLE dbo.kept (id int); {create}; CREATE INDEX i ON dbo.kept (id); ROLLBACK")
    assert [tuple(row) for row in service.execute("SELECT COUNT(*) FROM sys.objects")] == [(0,)]
