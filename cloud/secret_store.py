"""What the rest of the product may ask of one Key Vault."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from cloud.secrets import Secret


@dataclass(frozen=True, slots=True)
class SecretVersion:
    """One version of a secret, without its value. Times are UTC."""

    vault_url: str
    name: str
    version: str
    enabled: bool
    tags: Mapping[str, str]
    created_at: datetime | None = None
    expires_at: datetime | None = None


class SecretStore(Protocol):
    """Azure Key Vault secrets of one vault. `set` does not repeat: tag with the operation, look the tag up first."""

    def set(
        self, name: str, value: Secret, *, tags: Mapping[str, str], expires_at: datetime | None = None
    ) -> SecretVersion: ...
    def get(self, name: str, version: str | None = None) -> tuple[Secret, SecretVersion] | None:
        """The newest version (whatever its dates), or the named one; None when there is none."""
        ...

    def versions(self, name: str) -> Sequence[SecretVersion]: ...
    def disable(self, name: str, version: str) -> None: ...

    def begin_recover(self, name: str) -> None:
        """Bring a soft-deleted name back, all versions as they were; Key Vault takes some seconds. Repeating is harmless."""
        ...

    def begin_delete(self, name: str) -> None:
        """Delete a name with all its versions, recoverably; it stays taken until it is purged. One that is gone is no
        error."""
        ...

    def recoverable_until(self, name: str) -> datetime | None:
        """When Key Vault itself purges a deleted name (UTC); None for one that is not among the deleted."""
        ...

    def purge(self, name: str) -> bool:
        """Erase a deleted name for good; one that is gone is no error. False where the vault is protected against it, or
        our rights do not allow it: it stays recoverable until its time is over."""
        ...
