"""Names of users, secrets and operations of a database's credentials; all follow from its row, none is ever reused.

A database has two contained users a purpose: those of its service, and with DICOM Cast two more. A slot names one of them.
"""

from __future__ import annotations

from enum import StrEnum

from inventory.identifiers import azure_name
from inventory.models import Database, SqlServer


class Purpose(StrEnum):
    """Who signs in: the service, or DICOM Cast beside it."""

    SERVICE = "service"
    CAST = "cast"


SLOTS = {Purpose.SERVICE: ("a", "b"), Purpose.CAST: ("cast-a", "cast-b")}


def purpose_of(slot: str) -> Purpose:
    return Purpose.CAST if slot in SLOTS[Purpose.CAST] else Purpose.SERVICE


def user_of(slot: str) -> str:
    """Name of the contained user of a slot, e.g. svc_a or svc_cast_a; the same in every database."""
    return f"svc_{slot.replace('-', '_')}"


def other_slot(slot: str) -> str:
    first, second = SLOTS[purpose_of(slot)]
    return second if slot == first else first


def staging_secret_of(database: Database, slot: str) -> str:
    return f"{stable_secret_of(database)}-{slot}"


def stable_secret_of(database: Database, purpose: Purpose = Purpose.SERVICE) -> str:
    """The secret that consumers read. Made from the row's id: it stays while a restored database takes the row over."""
    return f"{azure_name('d', database.pk)}{'-cast' if purpose is Purpose.CAST else ''}"


def secrets_of(database: Database, *purposes: Purpose) -> tuple[str, ...]:
    """All names that are its own in the vault, of these purposes or of all; of each the published one first."""
    return tuple(
        name
        for purpose in purposes or tuple(Purpose)
        for name in (
            stable_secret_of(database, purpose),
            *(staging_secret_of(database, slot) for slot in SLOTS[purpose]),
        )
    )


def credential_key(database: Database, purpose: Purpose = Purpose.SERVICE) -> str:
    """What operations on the credential have as their target: so never two at once, and nothing else in their way."""
    return f"credential:{database.pk}{':cast' if purpose is Purpose.CAST else ''}"


def sessions_key(database: Database) -> str:
    """What counts of its sessions have as their target; they stand in nobody's way."""
    return f"sessions:{database.pk}"


def staged_admin_secret_of(server: SqlServer) -> str:
    """Where the administrator's next password stands until it is proved."""
    return f"{server.admin_secret_name}-staged"


def admin_key(server: SqlServer) -> str:
    """What rotations of a server's administrator have as their target."""
    return f"server-admin:{server.pk}"
