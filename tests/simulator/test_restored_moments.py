"""What a database restored to a moment holds: users, passwords and rows as they were then."""

from __future__ import annotations

import pytest

from simulator.moments import iso
from simulator.store import Store
from simulator.tds.directory import PRINCIPALS, TABLES
from simulator.tds.engine import connect
from simulator.tds.errors import SqlError
from simulator.tds.history import KEPT, as_of, remember
from tests.simulator.builders import PASSWORD, a_database, a_server
from tests.simulator.test_copies import advance, backed_up, make

OLD, NEW = "Old-password-123!", "New-password-123!"


def admin(azure, database: str = "d1"):
    return connect(azure.sql_directory, server="one", database=database, user="fleetadmin", password=PASSWORD)


def rows(azure, database: str, statement: str):
    return [tuple(row) for row in admin(azure, database).execute(statement)[0].rows]


def signs_in(azure, database: str, password: str) -> bool:
    try:
        connect(azure.sql_directory, server="one", database=database, user="app", password=password).close()
    except SqlError:
        return False
    return True


def a_past(azure) -> dict[str, str]:
    """A database whose user, rows and tables have changed since a moment: the wish to have that moment back."""
    source = backed_up(azure, a_database(azure, a_server(azure)))
    session = admin(azure)
    session.execute(f"CREATE USER app WITH PASSWORD = '{OLD}'")
    session.execute("CREATE TABLE t (n int)")
    session.execute("INSERT INTO t VALUES (1)")
    advance(azure, 60)
    then = iso(azure.clock.now())
    advance(azure, 60)
    session.execute(f"ALTER USER app WITH PASSWORD = '{NEW}'")
    session.execute("INSERT INTO t VALUES (2)")
    session.execute("DELETE FROM t WHERE n = 1")
    session.execute("CREATE TABLE later (n int)")
    return {"mode": "PointInTimeRestore", "sourceDatabaseId": source, "restorePointInTime": then}


def test_passwords_come_back_as_they_were(azure):
    make(azure, "d2", **a_past(azure))
    assert (signs_in(azure, "d1", NEW), signs_in(azure, "d1", OLD)) == (True, False)
    assert (signs_in(azure, "d2", NEW), signs_in(azure, "d2", OLD)) == (False, True)


def test_rows_and_tables_come_back_as_they_were(azure):
    make(azure, "d2", **a_past(azure))
    assert rows(azure, "d1", "SELECT n FROM t") == [(2,)]
    assert rows(azure, "d2", "SELECT n FROM t") == [(1,)]
    with pytest.raises(SqlError):
        rows(azure, "d2", "SELECT n FROM later")


def test_a_user_that_was_dropped_since_comes_back(azure):
    wish = a_past(azure)
    admin(azure).execute("DROP USER app")
    make(azure, "d2", **wish)
    assert signs_in(azure, "d2", OLD)


def test_of_each_thing_so_many_states_are_kept():
    store = Store()
    for moment in range(2 * KEPT):
        remember(store, TABLES, "d/dbo.t", float(moment))
        store.put(TABLES, "d/dbo.t", {"rows": moment})
    assert dict(as_of(store, "d", TABLES, KEPT + 10.5)) == {"dbo.t": {"rows": KEPT + 10}}
    assert dict(as_of(store, "d", TABLES, 3.0)) == {"dbo.t": {"rows": KEPT - 1}}
    assert dict(as_of(store, "d", TABLES, 10.0 * KEPT)) == {"dbo.t": {"rows": 2 * KEPT - 1}}
    assert dict(as_of(store, "d", PRINCIPALS, 3.0)) == {}
