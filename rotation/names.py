"""Names of users, secrets and operations of a database's credential; all follow from its row, none is ever reused."""

from __future__ import annotations

from inventory.identifiers import azure_name
from inventory.models import Database, SqlServer

SLOTS = ("a", "b")


def user_of(slot: str) -> str:
    """Name of the contained user of a slot; the same in every database."""
    return f"svc_{slot}"


def other_slot(slot: str) -> str:
    return "b" if slot == "a" else "a"


def staging_secret_of(database: Database, slot: str) -> str:
    return f"{stable_secret_of(database)}-{slot}"


def stable_secret_of(database: Database) -> str:
    """The secret that consumers read. Made from the row's id: it stays while a restored database takes the row over."""
    return azure_name("d", database.pk)


def secrets_of(database: Database) -> tuple[str, ...]:
    """All names that are its own in the vault, the published one first."""
    return (stable_secret_of(database), *(staging_secret_of(database, slot) for slot in SLOTS))


def credential_key(database: Database) -> str:
    """What operations on the credential have as their target: so never two at once, and nothing else in their way."""
    return f"credential:{database.pk}"


def sessions_key(database: Database) -> str:
    """What counts of its sessions have as their target; they stand in nobody's way."""
    return f"sessions:{database.pk}"


def staged_admin_secret_of(server: SqlServer) -> str:
    """Where the administrator's next password stands until it is proved."""
    return f"{server.admin_secret_name}-staged"


def admin_key(server: SqlServer) -> str:
    """What rotations of a server's administrator have as their target."""
    return f"server-admin:{server.pk}"
