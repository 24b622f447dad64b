"""Databases for tests: one migrated template for each state of the migrations, one quick copy for each worker."""

from __future__ import annotations

import hashlib
from pathlib import Path

import psycopg
from django.core.management import call_command
from django.db import connections
from psycopg import sql

from controlplane.database_url import DatabaseAddress, django_database

ROOT = Path(__file__).resolve().parents[1]
TEMPLATE_PREFIX = "spp_template_"
BUILDING_LOCK = 7_203_551  # any number; held while a template is built, so that workers build it once
LIMITS = {"statement_timeout": 60_000, "lock_timeout": 30_000, "idle_in_transaction_session_timeout": 60_000}

# Rows that migrations wrote and every test may count on; all other tables are emptied after a test that commits.
KEPT_TABLES = frozenset({"django_migrations", "django_content_type", "auth_permission", "operations_clock"})

OURS = "pytest"  # the application name of sessions that fixtures hold over a test's end
END_OTHER_SESSIONS = """
SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity
WHERE datname = current_database() AND backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND application_name <> %s
"""

EMPTY_ALL = """
DO $$
DECLARE
    name regclass;
    filled boolean;
BEGIN
    SET LOCAL session_replication_role = replica;  -- no foreign keys, and no triggers that refuse it
    FOR name IN
        SELECT c.oid FROM pg_class c
        WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition
        AND c.relname <> ALL ({kept})
    LOOP
        EXECUTE format('SELECT EXISTS (SELECT FROM %s)', name) INTO filled;
        IF filled THEN
            EXECUTE format('DELETE FROM %s', name);
        END IF;
    END LOOP;
    UPDATE operations_clock SET lease_offset = '0', business_offset = '0';
END $$
"""


def use_copy(owner: DatabaseAddress, name: str, *, fresh: bool) -> DatabaseAddress:
    """Point Django at a new migrated database called `name`; `fresh` builds the template again."""
    with psycopg.connect(owner.url().reveal(), autocommit=True) as connection:
        connection.execute("SELECT pg_advisory_lock(%s)", (BUILDING_LOCK,))
        template = _ensure_template(connection, owner, fresh=fresh)
        drop(connection, name)
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {} STRATEGY FILE_COPY")
        connection.execute(statement.format(sql.Identifier(name), sql.Identifier(template)))
    return point_django_at(owner, name)


def point_django_at(owner: DatabaseAddress, name: str) -> DatabaseAddress:
    """Let every connection that Django opens from now on reach that database."""
    address = DatabaseAddress(owner.host, owner.port, name, owner.user, owner.password, owner.options)
    connections.close_all()
    connections.settings["default"].update(django_database(address, limits=LIMITS))
    return address


def drop(connection: psycopg.Connection, name: str) -> None:
    """Remove a database together with its sessions."""
    connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def empty_connected() -> None:
    """Empty every table but KEPT_TABLES of the database that Django is connected to, as its owner."""
    statement = sql.SQL(EMPTY_ALL).format(kept=sql.Literal(sorted(KEPT_TABLES)))
    with connections["default"].cursor() as cursor:
        cursor.execute(statement.as_string())


def empty_all(address: DatabaseAddress) -> None:
    """End sessions that killed processes left behind, and their locks; then delete all rows outside KEPT_TABLES."""
    with psycopg.connect(address.url().reveal(), autocommit=True, application_name=OURS) as connection:
        connection.execute(END_OTHER_SESSIONS, (OURS,))
        connection.execute(sql.SQL(EMPTY_ALL).format(kept=sql.Literal(sorted(KEPT_TABLES))))


def _ensure_template(connection: psycopg.Connection, owner: DatabaseAddress, *, fresh: bool) -> str:
    name = TEMPLATE_PREFIX + _state_of_migrations()
    known = {row[0] for row in connection.execute("SELECT datname FROM pg_database")}
    if name in known and not fresh:
        return name
    for old in known:
        if old.startswith(TEMPLATE_PREFIX):
            drop(connection, old)
    building = "spp_building"
    drop(connection, building)
    connection.execute(f"CREATE DATABASE {building}")
    point_django_at(owner, building)
    call_command("migrate", verbosity=0, interactive=False)
    connections.close_all()
    connection.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(name)))
    return name


def _state_of_migrations() -> str:
    """A short digest of all that decides the schema: our migrations, and the versions of others'."""
    digest = hashlib.sha256()
    for path in sorted([*ROOT.glob("*/migrations/*.py"), ROOT / "requirements.txt", ROOT / "constraints.txt"]):
        digest.update(path.name.encode() + path.read_bytes())
    return digest.hexdigest()[:12]
