"""The promises of conftest.py, which every other test with a database stands on."""

from __future__ import annotations

import threading

import psycopg
import pytest
from django.contrib.auth.models import User
from django.db import connection, connections


@pytest.mark.django_db
def test_a_rolled_back_test_sees_an_empty_table() -> None:
    assert User.objects.count() == 0
    User.objects.create(username="left over")


@pytest.mark.django_db
def test_the_test_after_it_sees_an_empty_table_too() -> None:
    assert User.objects.count() == 0


def test_committed_rows_are_seen_by_another_connection(committed_db: None) -> None:
    assert User.objects.count() == 0
    User.objects.create(username="committed")
    seen: list[int] = []

    def count() -> None:
        seen.append(User.objects.count())
        connections.close_all()

    other = threading.Thread(target=count)
    other.start()
    other.join(10)
    assert seen == [1]


def test_committed_rows_are_gone_afterwards(committed_db: None) -> None:
    assert User.objects.count() == 0


def test_tables_that_refuse_it_are_emptied_all_the_same(committed_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'append only'; END $$;"
            "CREATE TABLE stubborn (id int);"
            "CREATE TRIGGER refuse BEFORE DELETE ON stubborn FOR EACH ROW EXECUTE FUNCTION refuse();"
            "INSERT INTO stubborn VALUES (1)"
        )


def test_that_table_is_empty_now(committed_db: None) -> None:
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM stubborn")
        assert cursor.fetchone() == (0,)
        cursor.execute("DROP TABLE stubborn; DROP FUNCTION refuse")


def test_the_application_role_writes_rows(committed_db: None, application_connection: psycopg.Connection) -> None:
    application_connection.execute("INSERT INTO django_session VALUES ('key', 'data', now())")
    assert application_connection.execute("SELECT count(*) FROM django_session").fetchone() == (1,)


@pytest.mark.parametrize(
    "statement",
    [
        "CREATE TABLE mine (id int)",
        "TRUNCATE django_session",
        "ALTER TABLE django_session ADD x int",
        "SET session_replication_role = replica",
    ],
)
def test_the_application_role_changes_no_schema(statement: str, application_connection: psycopg.Connection) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        application_connection.execute(statement)
