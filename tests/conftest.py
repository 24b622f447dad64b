"""Real servers for tests: PostgreSQL with the first test that needs a database, Valkey with the first that needs it.

They run below .run/tests/N, which one run holds for itself and the next finds again. With several workers (-n) the
first process starts them for all. DATABASE_URL with MIGRATION_DATABASE_URL, and BROKER_URL, replace them.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import psycopg
import pytest
from django.db import connections
from pytest_django import DjangoDbBlocker

from controlplane.database_url import DatabaseAddress, parse_database_url
from controlplane.embedded import AlreadyRunning, EmbeddedStack, Part
from controlplane.env import env_secret, is_set
from tests import databases
from tests.builders import a_subscription
from tests.local_azure import LocalAzure

RUNS = databases.ROOT / ".run" / "tests"
STACK = pytest.StashKey[EmbeddedStack]()


def pytest_configure(config: pytest.Config) -> None:
    """With xdist, start the servers here once; its workers inherit our environment."""
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        stack = stack_of(config)
        stack.add(Part.POSTGRES)
        stack.add(Part.VALKEY)
        os.environ.update(stack.environment)


def pytest_unconfigure(config: pytest.Config) -> None:
    """Stop what this run started."""
    stack = config.stash.get(STACK, None)
    if stack is not None:
        connections.close_all()
        stack.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Say how much of the crash matrix a run has left out; reports of all workers arrive here."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    counts = [value for report in reports for name, value in report.user_properties if name == "crash cases"]
    for report in reports:
        for name, value in report.user_properties:
            if name == "recovery":
                terminalreporter.write_line(f"Time to the next step, {report.head_line}: {'; '.join(value)}.")
    if counts:
        tried, known = (sum(column) for column in zip(*counts, strict=True))
        terminalreporter.write_line(
            f"Crash matrix: {tried} of {known} cases, chosen by the commit; the other {known - tried} are left to test-full."
        )


def stack_of(config: pytest.Config) -> EmbeddedStack:
    """The run's stack, without parts at first, in the first run directory that nobody holds."""
    if STACK not in config.stash:
        for number in range(1, 100):
            stack = EmbeddedStack(RUNS / str(number), parts=(), losable=True)
            try:
                config.stash[STACK] = stack.__enter__()
                break
            except AlreadyRunning:
                continue
    return config.stash[STACK]


def worker_number() -> int:
    """0 without xdist, else 1, 2, …"""
    return int(os.environ.get("PYTEST_XDIST_WORKER", "gw-1")[2:]) + 1


@pytest.fixture(scope="session")
def owner_address(pytestconfig: pytest.Config) -> DatabaseAddress:
    """The owner role's address of the server's first database."""
    if not is_set("MIGRATION_DATABASE_URL"):
        stack = stack_of(pytestconfig)
        stack.add(Part.POSTGRES)
        os.environ.update(stack.environment)
    return parse_database_url(env_secret("MIGRATION_DATABASE_URL"), variable="MIGRATION_DATABASE_URL")


@pytest.fixture(scope="session")
def test_database(
    owner_address: DatabaseAddress, pytestconfig: pytest.Config, django_db_blocker: DjangoDbBlocker
) -> Iterator[DatabaseAddress]:
    """This worker's own migrated database, as the owner reaches it. Django is pointed at it."""
    name = f"test_spp_{worker_number()}"
    with django_db_blocker.unblock():
        yield databases.use_copy(owner_address, name, fresh=bool(pytestconfig.option.create_db))
        connections.close_all()
    with psycopg.connect(owner_address.url().reveal(), autocommit=True) as connection:
        databases.drop(connection, name)


@pytest.fixture(scope="session")
def django_db_setup(django_test_environment: None, test_database: DatabaseAddress) -> None:
    """Replaces pytest-django's own: a copy of a template instead of all migrations in every run."""


@pytest.fixture
def committed_db(
    django_db_setup: None, test_database: DatabaseAddress, django_db_blocker: DjangoDbBlocker
) -> Iterator[None]:
    """A database in which transactions really commit, for tests with several connections or processes.

    Emptied afterwards, tables that refuse DELETE included; rows of databases.KEPT_TABLES stay, and sessions that the
    test left open are ended. Not together with `db`.
    """
    with django_db_blocker.unblock():
        try:
            yield
        finally:
            connections.close_all()
            databases.empty_all(test_database)


@pytest.fixture
def azure(committed_db: None) -> LocalAzure:
    """A fresh simulated Azure in this process, and one open subscription in our inventory."""
    local = LocalAzure()
    a_subscription(local.subscription_id)
    return local


@pytest.fixture(scope="session")
def application_address(test_database: DatabaseAddress) -> DatabaseAddress:
    """The test database as the application role reaches it."""
    role = parse_database_url(env_secret("DATABASE_URL"), variable="DATABASE_URL")
    return DatabaseAddress(role.host, role.port, test_database.name, role.user, role.password, role.options)


@pytest.fixture
def application_connection(application_address: DatabaseAddress) -> Iterator[psycopg.Connection]:
    """A psycopg connection with the application role's rights; each statement commits by itself."""
    with psycopg.connect(
        application_address.url().reveal(), autocommit=True, application_name=databases.OURS
    ) as connection:
        yield connection


@pytest.fixture(scope="session")
def broker_url(pytestconfig: pytest.Config) -> str:
    """A real Valkey; each worker has a database of its own in it."""
    if not is_set("BROKER_URL"):
        stack = stack_of(pytestconfig)
        stack.add(Part.VALKEY)
        os.environ.update(stack.environment)
    return f"{env_secret('BROKER_URL').reveal().rsplit('/', 1)[0]}/{worker_number()}"


@pytest.fixture
def child_environment(application_address: DatabaseAddress, broker_url: str) -> dict[str, str]:
    """What a worker, beat or web process of ours needs to work on the test's database and broker."""
    return environment_for_children(application_address, broker_url)


def environment_for_children(application_address: DatabaseAddress, broker_url: str) -> dict[str, str]:
    """The same as the fixture, for fixtures that live longer than a test."""
    inherited = {name: value for name, value in os.environ.items() if name not in ADDRESS_FILES}
    ours = {"DATABASE_URL": application_address.url().reveal(), "BROKER_URL": broker_url, "SPP_ENVIRONMENT": "test"}
    return inherited | ours | {"DJANGO_SETTINGS_MODULE": "controlplane.settings"}


ADDRESS_FILES = frozenset({"DATABASE_URL_FILE", "MIGRATION_DATABASE_URL_FILE", "BROKER_URL_FILE"})
