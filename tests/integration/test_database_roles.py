"""A server of one's own: the command that gives the application's role its rights."""

from __future__ import annotations

import psycopg
import pytest
from django.core.management import CommandError, call_command
from django.db import connection

from controlplane.database_url import DatabaseAddress


@pytest.fixture
def revoked(committed_db: None, test_database: DatabaseAddress, application_address: DatabaseAddress) -> None:
    """A database in which nobody has prepared anything; the command under test puts it right again."""
    with connection.cursor() as cursor:
        cursor.execute(
            f"ALTER DEFAULT PRIVILEGES FOR ROLE {test_database.user} REVOKE ALL ON TABLES FROM {application_address.user}"
        )


def test_the_application_writes_rows_of_tables_made_after_it(
    revoked: None, application_address: DatabaseAddress, application_connection: psycopg.Connection, settings
) -> None:
    settings.APPLICATION_ROLE = application_address.user
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE before (id int)")
        call_command("prepare_database", verbosity=0)
        cursor.execute("CREATE TABLE after (id int)")
    application_connection.execute("INSERT INTO after VALUES (1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application_connection.execute("INSERT INTO before VALUES (1)")
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application_connection.execute("DROP TABLE after")
    with connection.cursor() as cursor:
        cursor.execute("DROP TABLE before, after")


def test_one_role_for_both_is_refused(committed_db: None, test_database: DatabaseAddress, settings) -> None:
    settings.APPLICATION_ROLE = test_database.user
    with pytest.raises(CommandError, match="another role"):
        call_command("prepare_database")
