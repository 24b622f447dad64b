"""What sign-ins by token of Entra exchange."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OwnIdentity:
    """Where to sign in as the application that we are. `endpoint` is the server's DNS name."""

    endpoint: str
    database: str


@dataclass(frozen=True, slots=True)
class EntraUser:
    """A user of Entra in a database. `may_connect`: it has the right CONNECT, which making it gives.

    Source: sys.database_principals and sys.database_permissions.
    """

    name: str
    may_connect: bool
