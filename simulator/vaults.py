"""What a vault is: how it protects what it keeps, and who may do what in it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from simulator.store import Document, Store

VAULTS = "vaults"
NAME = re.compile(r"[a-zA-Z](?!.*--)[a-zA-Z0-9-]{1,22}[a-zA-Z0-9]")
ENTIRE = "all"
SQL_PERMISSIONS = ("get", "wrapkey", "unwrapkey")
ROLES: dict[str, dict[str, tuple[str, ...]]] = {
    "Key Vault Administrator": {"keys": (ENTIRE,), "secrets": (ENTIRE,)},
    "Key Vault Crypto Officer": {"keys": (ENTIRE,)},
    "Key Vault Crypto Service Encryption User": {"keys": SQL_PERMISSIONS},
    "Key Vault Crypto User": {
        "keys": ("get", "list", "update", "encrypt", "decrypt", "wrapkey", "unwrapkey", "backup")
    },
    "Key Vault Secrets Officer": {"secrets": (ENTIRE,)},
    "Key Vault Secrets User": {"secrets": ("get",)},
}
Grants = dict[str, dict[str, list[str]]]  # by object id: permissions by area (keys, secrets), in lower case


@dataclass(frozen=True, slots=True)
class Vault:
    """One vault. `is_open`: every application with a token may do everything; else `grants` decide.

    A vault that nobody made has these defaults. The identities of databases need grants in any vault. `deny_addresses`
    is the firewall's default action: then only the `allowed_addresses` (and trusted services, if so) come in. `is_down`:
    it answers 503 to everybody.
    """

    name: str
    is_open: bool = True
    soft_delete_days: int = 90
    purge_protection: bool = False
    premium: bool = True
    rbac: bool = False
    public_access: bool = True
    deny_addresses: bool = False
    allowed_addresses: list[str] = field(default_factory=list)
    trusts_services: bool = True
    is_deleted: bool = False
    is_down: bool = False
    location: str = "eastus"
    grants: Grants = field(default_factory=dict)

    @property
    def recovery_level(self) -> str:
        """As attributes of keys and secrets tell it."""
        level = "Recoverable" if self.soft_delete_days == 90 else "CustomizedRecoverable"
        return level if self.purge_protection else f"{level}+Purgeable"

    def allows(self, object_id: str, area: str, permission: str) -> bool:
        granted = self.grants.get(object_id, {}).get(area, ())
        return permission.lower() in granted or ENTIRE in granted

    def admits(self, address: str) -> bool:
        """The firewall lets a client come in from there (a service that it trusts needs no address)."""
        return self.public_access and (not self.deny_addresses or address in self.allowed_addresses)

    def granting(self, object_id: str, permissions: dict[str, Iterable[str]]) -> Vault:
        """The same with exactly these permissions for that object."""
        given = {area: sorted({word.lower() for word in words}) for area, words in permissions.items()}
        return replace(self, grants={**self.grants, object_id: given})

    def revoking(self, object_id: str) -> Vault:
        return replace(self, grants={key: words for key, words in self.grants.items() if key != object_id})


class Vaults:
    """Every vault by its name, which is one name whatever its case."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, name: str) -> Vault:
        """The vault, with the defaults when nobody made it."""
        kept = self._store.get(VAULTS, name.lower())
        return Vault(**kept) if kept else Vault(name.lower())

    def is_made(self, name: str) -> bool:
        return self._store.get(VAULTS, name.lower()) is not None

    def put(self, vault: Vault) -> Vault:
        """Keep it; raises ValueError for a name or retention that Azure refuses, and when purge protection is lifted."""
        if not NAME.fullmatch(vault.name):
            raise ValueError("A vault's name has 3 to 24 letters, digits and hyphens and begins with a letter.")
        if not 7 <= vault.soft_delete_days <= 90:
            raise ValueError("softDeleteRetentionInDays must be between 7 and 90.")
        if self.get(vault.name).purge_protection and not vault.purge_protection:
            raise ValueError(
                'The property "enablePurgeProtection" cannot be set to false. Enabling the purge protection for a vault '
                "is an irreversible action."
            )
        document: Document = asdict(replace(vault, name=vault.name.lower()))
        self._store.put(VAULTS, vault.name.lower(), document)
        return vault

    def all(self) -> Iterator[dict[str, Any]]:
        return (document for _, document in self._store.items(VAULTS))
