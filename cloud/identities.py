"""What sign-ins by token of Entra exchange."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Where to sign in as the application that we are. `endpoint` is the server's DNS name."""

    endpoint: str
    database: str


@dataclass(frozen=True, slots=True)
class EntraPrincipal:
    """An application or managed identity of the directory: its display name, and both its ids (GUIDs in lower case)."""

    name: str
    object_id: str
    client_id: str


@dataclass(frozen=True, slots=True)
class EntraUser:
    """A user of Entra in a database. `may_connect`: it has the right CONNECT, which making it gives.

    `client_id`: whose token signs in as it, as far as its sid tells: that holds the bytes of an application's client id.
    Source: sys.database_principals and sys.database_permissions.
    """

    name: str
    may_connect: bool
    client_id: str = ""
