"""Customers' keys: what a database is told of its key, the identity by which it comes to the vault, and a key as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

from cloud.errors import CloudError
from cloud.key_uris import KeyUri

if TYPE_CHECKING:
    from cloud.protocols import Accepted, ServerRef

SQL_KEY_BITS = (
    2048,
    3072,
)  # Azure SQL takes RSA and RSA-HSM of these sizes (Microsoft, TDE with customer-managed keys)


class KeyTrouble(StrEnum):
    """Why a key cannot be used, or not be looked at. The first group is what Azure SQL meets, too."""

    DELETED = "deleted"
    DISABLED = "disabled"
    EXPIRED = "expired"
    NOT_YET_VALID = "notYetValid"
    PERMISSION = "permission"
    WRONG_ANSWER = "wrongAnswer"

    FIREWALL = "firewall"  # keeps us out; perhaps not Azure SQL, which is a trusted service
    UNREACHABLE = "unreachable"
    NOBODY = "nobody"  # the identity does not trust us, or is gone

    @property
    def is_loss(self) -> bool:
        """Whether Azure SQL meets the same, and its timers run."""
        return self not in (KeyTrouble.FIREWALL, KeyTrouble.UNREACHABLE, KeyTrouble.NOBODY)


class KeyRefused(CloudError):
    """The vault, or the directory, refuses the use of a key."""

    def __init__(self, trouble: KeyTrouble, code: str, message: str = "") -> None:
        super().__init__(code, message)
        self.trouble = trouble
        self.transient = trouble is KeyTrouble.UNREACHABLE


@dataclass(frozen=True, slots=True)
class OwnKey:
    """A database's own key, by a user-assigned identity (ARM id). `follows`: Azure goes over to new versions in 24 hours."""

    uri: str
    identity_id: str
    follows: bool = False


@dataclass(frozen=True, slots=True)
class Identity:
    """A user-assigned managed identity: its ARM id, and its ids in the directory."""

    arm_id: str
    principal_id: str
    client_id: str
    tenant_id: str


@dataclass(frozen=True, slots=True)
class IdentityRef:
    """Where a user-assigned identity is."""

    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True, slots=True)
class Trust:
    """Who may come as an identity: the subject of an issuer outside of the directory (workload identity federation)."""

    issuer: str
    subject: str


@dataclass(frozen=True, slots=True)
class KeyFacts:
    """One version of a key as its vault shows it. `recovery_level` without `Purgeable` means soft delete and purge
    protection (Key Vault REST, DeletionRecoveryLevel)."""

    uri: KeyUri
    kind: str
    bits: int
    enabled: bool
    recovery_level: str
    not_before: datetime | None = None
    expires_at: datetime | None = None

    @property
    def is_protected(self) -> bool:
        return bool(self.recovery_level) and "Purgeable" not in self.recovery_level


class SqlKeys(Protocol):
    """The part of `SqlManagement` about databases' own keys and the identities that use them."""

    def find_identity(self, identity: IdentityRef) -> Identity | None: ...
    def put_identity(self, identity: IdentityRef, region: str, tags: Mapping[str, str]) -> Identity:
        """Make it unless it is there; repeating is harmless, and its ids never change."""
        ...

    def put_trust(self, identity: IdentityRef, name: str, trust: Trust) -> None:
        """Let somebody come as the identity; repeating is harmless."""
        ...

    def list_database_keys(self, server: ServerRef, name: str) -> list[str] | None:
        """URIs of all keys that the database knows, the present one among them; None when there is no such database."""
        ...

    def begin_revalidate_key(self, server: ServerRef, name: str) -> Accepted:
        """Bring an Inaccessible database back whose key is there again; no change to one that is well."""
        ...

    def begin_revert_key(self, server: ServerRef, name: str) -> Accepted:
        """Give up the database's own key for the service's."""
        ...


class KeyInspector(Protocol):
    """Looks at customers' keys as one identity, or as ourselves. Every refusal is a KeyRefused."""

    def facts(self, key: KeyUri) -> KeyFacts: ...
    def newest(self, key: KeyUri) -> KeyFacts:
        """The newest version of the same key."""
        ...

    def prove(self, key: KeyUri) -> None:
        """Wrap and unwrap random bytes with it, as Azure SQL does with a database's key."""
        ...
