"""Errors, rights, transactions and what survives, in process."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.simulator.tds.builders import (
    DATABASE,
    PASSWORD,
    SERVER,
    a_user,
    a_world,
    an_admin,
    number_of,
    refused,
    sign_in,
    value,
)

SERVICE_ROLES = ("db_datareader", "db_datawriter", "db_ddladmin")


@pytest.mark.parametrize(
    ("sql", "expected"),
    [
        ("ALTER USER nobody WITH PASSWORD = 'Fresh-Pass-0001'", 15151),
        ("DROP USER nobody", 15151),
        ("ALTER ROLE db_datareader ADD MEMBER nobody", 15151),
        ("ALTER ROLE nothing ADD MEMBER svc_a", 15151),
        ("GRANT EXECUTE ON SCHEMA::nothing TO svc_a", 15151),
        ("DROP USER dbo", 15150),
        ("SELECT * FROM missing", 208),
        ("SELECT * FROM sys.missing", 208),
        ("SELECT missing FROM sys.schemas", 207),
        ("EXEC missing", 2812),
        ("CREATE USR x", 102),
        ("SELECT 'open", 105),
        ("SELECT @nothing", 137),
        ("SELECT missing()", 195),
        ("COMMIT", 3902),
        ("ROLLBACK", 3903),
        ("USE other", 40508),
        ("KILL 32000", 6106),
        ("CREATE USER eve FROM EXTERNAL PROVIDER", 33159),
    ],
)
def test_the_administrator_hears(sql: str, expected: int) -> None:
    world = a_world()
    a_user(world)
    assert refused(an_admin(world), sql) == expected


def test_dropping_if_exists_may_be_repeated() -> None:
    world = a_world()
    a_user(world)
    for _ in range(2):
        an_admin(world).execute("DROP USER IF EXISTS [svc_a]")
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456


def test_a_schema_owner_is_not_dropped() -> None:
    world = a_world()
    a_user(world)
    admin = an_admin(world)
    admin.execute("CREATE SCHEMA app AUTHORIZATION svc_a")
    assert refused(admin, "DROP USER svc_a") == 15138
    admin.execute("DROP SCHEMA app; DROP USER svc_a")


def test_a_service_user_migrates_and_uses_its_tables_and_no_more() -> None:
    world = a_world()
    session = a_user(world, roles=SERVICE_ROLES)
    session.execute("CREATE TABLE dbo.notes (id int NOT NULL PRIMARY KEY, text nvarchar(20))")
    session.execute("INSERT INTO notes VALUES (1, N'one'), (2, N'two'); UPDATE notes SET text = 'zwei' WHERE id = 2")
    session.execute("DELETE FROM notes WHERE id = 1")
    assert session.execute("SELECT id, text FROM notes")[0].rows == ((2, "zwei"),)
    assert value(session, "SELECT IS_ROLEMEMBER('db_owner')") == 0
    for sql, expected in [
        (f"CREATE USER eve WITH PASSWORD = '{PASSWORD}'", 15247),
        ("ALTER ROLE db_owner ADD MEMBER svc_a", 15151),
        ("GRANT CONTROL TO svc_a", 4613),
        ("DROP USER dbo", 15151),
        ("CREATE ROLE more", 15247),
        ("KILL 51", 6102),
    ]:
        assert refused(session, sql) == expected, sql
    session.execute("DROP TABLE notes")


def test_without_a_role_nothing_is_allowed() -> None:
    world = a_world()
    session = a_user(world)
    an_admin(world).execute("CREATE TABLE notes (id int)")
    assert refused(session, "SELECT * FROM notes") == 229
    assert refused(session, "INSERT INTO notes VALUES (1)") == 229
    assert refused(session, "CREATE TABLE other (id int)") == 262
    assert refused(session, "DROP TABLE notes") == 3701
    assert session.execute("SELECT name FROM sys.tables")[0].rows == ()


def test_deny_wins_over_a_role() -> None:
    world = a_world()
    session = a_user(world, roles=("db_datareader",))
    admin = an_admin(world)
    admin.execute("CREATE TABLE notes (id int); DENY SELECT ON notes TO svc_a")
    assert refused(session, "SELECT * FROM notes") == 229
    admin.execute("REVOKE SELECT ON notes FROM svc_a")
    assert session.execute("SELECT * FROM notes")[0].rows == ()


def test_a_dropped_user_loses_its_rights_in_open_sessions() -> None:
    world = a_world()
    session = a_user(world, roles=("db_datareader",))
    an_admin(world).execute("CREATE TABLE notes (id int); DROP USER svc_a")
    assert refused(session, "SELECT * FROM notes") == 229


def test_a_user_of_the_same_name_does_not_inherit_the_session() -> None:
    world = a_world()
    session = a_user(world)
    an_admin(world).execute("DROP USER svc_a")
    a_user(world, roles=("db_owner",))
    assert value(session, "SELECT IS_ROLEMEMBER('db_owner')") == 0


def test_roles_of_users_can_be_read() -> None:
    world = a_world()
    a_user(world, roles=SERVICE_ROLES)
    sql = """
        SELECT r.name FROM sys.database_role_members AS m
        JOIN sys.database_principals AS r ON r.principal_id = m.role_principal_id
        JOIN sys.database_principals AS u ON u.principal_id = m.member_principal_id
        WHERE u.name = N'svc_a' ORDER BY r.name DESC"""
    assert an_admin(world).execute(sql)[0].rows == (("db_ddladmin",), ("db_datawriter",), ("db_datareader",))


def test_contained_users_show_how_they_sign_in() -> None:
    world = a_world()
    a_user(world)
    sql = "SELECT type, authentication_type, default_schema_name FROM sys.database_principals WHERE name = 'svc_a'"
    assert an_admin(world).execute(sql)[0].rows == (("S", 2, "dbo"),)


def test_create_or_alter_as_one_batch() -> None:
    world = a_world()
    sql = """
        IF NOT EXISTS (SELECT 1 FROM sys.database_principals WHERE name = N'svc_a')
            CREATE USER [svc_a] WITH PASSWORD = N'{0}';
        ELSE
            ALTER USER [svc_a] WITH PASSWORD = N'{0}';
        IF IS_ROLEMEMBER('db_datareader', 'svc_a') = 0 BEGIN ALTER ROLE db_datareader ADD MEMBER svc_a END"""
    for password in ("First-Pass-0001", "Second-Pass-0002"):
        an_admin(world).execute(sql.format(password))
        assert value(sign_in(world, "svc_a", password), "SELECT IS_ROLEMEMBER('db_datareader')") == 1


def test_server_side_quoting_of_a_password() -> None:
    world = a_world()
    sql = """
        DECLARE @sql nvarchar(max) = N'CREATE USER ' + QUOTENAME(@u) + N' WITH PASSWORD = N'''
            + REPLACE(@p, '''', '''''') + N'''';
        EXEC (@sql)"""
    an_admin(world).execute(sql, {"@u": "o]dd", "@p": "It's-Pass-0001"})
    assert sign_in(world, "o]dd", "It's-Pass-0001")


def test_variables_are_declared_assigned_and_read() -> None:
    admin = an_admin(a_world())
    sql = "DECLARE @n int, @s nvarchar(3) = N'abcdef'; SELECT @n = COUNT(*) FROM sys.databases; SELECT @n, @s"
    assert admin.execute(sql)[0].rows == ((1, "abc"),)
    assert refused(admin, "DECLARE @n int; SELECT @n = 1, 2") == 141


@pytest.mark.parametrize("sql", ["SELECT " + "(" * 5000 + "1" + ")" * 5000, "SELECT 1" + " + 1" * 5000])
def test_a_statement_nested_too_deeply_is_refused(sql: str) -> None:
    assert refused(an_admin(a_world()), sql) == 191


def test_an_error_ends_its_statement_and_not_the_batch() -> None:
    world = a_world()
    a_user(world)
    admin = an_admin(world)
    assert (
        refused(admin, f"CREATE USER svc_a WITH PASSWORD = '{PASSWORD}'; ALTER ROLE db_owner ADD MEMBER svc_a") == 15023
    )
    assert value(admin, "SELECT IS_ROLEMEMBER('db_owner', 'svc_a')") == 1


def test_a_wrong_batch_does_nothing_at_all() -> None:
    world = a_world()
    admin = an_admin(world)
    assert refused(admin, f"CREATE USER svc_a WITH PASSWORD = '{PASSWORD}'; SELECT FROM") == 102
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456


def test_what_is_not_committed_is_not_seen_and_rolled_back_at_close() -> None:
    world = a_world()
    admin = an_admin(world)
    admin.execute(f"BEGIN TRAN; CREATE USER svc_a WITH PASSWORD = '{PASSWORD}'")
    assert value(admin, "SELECT COUNT(*) FROM sys.database_principals WHERE name = 'svc_a'") == 1
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456
    admin.close()
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456
    admin = an_admin(world)
    admin.execute(f"BEGIN TRAN; CREATE USER svc_a WITH PASSWORD = '{PASSWORD}'; COMMIT")
    assert sign_in(world, "svc_a")


def test_users_survive_a_restart_without_their_passwords_in_the_file(tmp_path: Path) -> None:
    session = a_user(a_world(tmp_path), roles=("db_datareader",))
    session.close()
    again = sign_in(a_world(tmp_path), "svc_a")
    assert value(again, "SELECT IS_ROLEMEMBER('db_datareader')") == 1
    assert PASSWORD.encode() not in (tmp_path / "journal.jsonl").read_bytes()


def test_users_and_sessions_vanish_with_their_database() -> None:
    world = a_world()
    session = a_user(world)
    world.drop_database(SERVER, DATABASE)
    assert refused(session, "SELECT 1") == 596
    world.add_database(SERVER, DATABASE, id="another")
    assert number_of(lambda: sign_in(world, "svc_a")) == 18456
    assert refused(session, "SELECT 1") == 596


def test_kill_ends_another_session_and_never_ones_own() -> None:
    world = a_world()
    session, admin = a_user(world), an_admin(world)
    sql = "SELECT session_id FROM sys.dm_exec_sessions WHERE login_name = 'svc_a'"
    admin.execute(f"KILL {value(admin, sql)}")
    assert refused(session, "SELECT 1") == 596
    assert refused(admin, f"KILL {admin.record.id}") == 6104
    assert value(admin, "SELECT COUNT(*) FROM sys.dm_exec_sessions") == 1


def test_a_user_sees_its_own_session_and_principal_only() -> None:
    world = a_world()
    session = a_user(world, "svc_a")
    a_user(world, "svc_b")
    assert session.execute("SELECT login_name FROM sys.dm_exec_sessions")[0].rows == (("svc_a",),)
    assert value(session, "SELECT COUNT(*) FROM sys.database_principals WHERE name LIKE 'svc[_]_'") == 1
