"""Whether a database's identity can use a key: what Azure SQL asks of a vault before it encrypts with it, and after.

Refusals are told apart by reason, so that each caller may answer with its own code.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from urllib.parse import urlsplit

from simulator.clock import Clock
from simulator.http import Request
from simulator.key_material import thumbprint
from simulator.key_vault import KeyVaults
from simulator.store import Store
from simulator.vault_bodies import VaultRefusal
from simulator.vault_keys import KeyCall
from simulator.vaults import SQL_PERMISSIONS, Vault

SQL_KEY_BITS = (2048, 3072)


class Reason(enum.StrEnum):
    """Why an identity cannot use a key."""

    NO_KEY_URI = "no_key_uri"
    VAULT_MISSING = "vault_missing"
    VAULT_UNPROTECTED = "vault_unprotected"
    FIREWALL = "firewall"
    PERMISSIONS_MISSING = "permissions_missing"
    KEY_MISSING = "key_missing"
    KEY_DISABLED = "key_disabled"
    KEY_EXPIRED = "key_expired"
    KEY_NOT_YET_VALID = "key_not_yet_valid"
    KEY_UNSUPPORTED = "key_unsupported"
    UNREACHABLE = "unreachable"


class KeyRefused(Exception):
    """The identity cannot use the key. `detail` names what is missing, e.g. the permissions."""

    def __init__(self, reason: Reason, detail: str = "") -> None:
        super().__init__(f"{reason}: {detail}" if detail else str(reason))
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class UsableKey:
    """A key version that an identity may use; `newest_version` is what rotation would change to."""

    vault: str
    name: str
    version: str
    newest_version: str
    thumbprint: str
    expires_at: int | None


class KeyAccess:
    """Asks the vaults for the identities of databases and servers, which need explicit grants in every vault."""

    def __init__(self, store: Store, clock: Clock, vaults: KeyVaults) -> None:
        self._store = store
        self._clock = clock
        self._vaults = vaults

    def usable(self, uri: str, *, object_id: str) -> UsableKey:
        """For encrypting from now on: the vault protects its keys and the key is in its time. Raises KeyRefused."""
        vault, name, version = self._parts(uri)
        if not vault.purge_protection:
            raise KeyRefused(Reason.VAULT_UNPROTECTED, vault.name)
        found = self.readable(uri, object_id=object_id)
        now = self._clock.now()
        attributes = self._call(vault).version_of(name, version)[0]["attributes"]
        if attributes.get("exp") and attributes["exp"] <= now:
            raise KeyRefused(Reason.KEY_EXPIRED, uri)
        if attributes.get("nbf") and attributes["nbf"] > now:
            raise KeyRefused(Reason.KEY_NOT_YET_VALID, uri)
        return found

    def readable(self, uri: str, *, object_id: str) -> UsableKey:
        """For reading what is encrypted already: dates do not count. Raises KeyRefused."""
        vault, name, version = self._parts(uri)
        if vault.is_deleted:
            raise KeyRefused(Reason.VAULT_MISSING, vault.name)
        if vault.is_down:
            raise KeyRefused(Reason.UNREACHABLE, vault.name)
        if not vault.trusts_services and (vault.deny_addresses or not vault.public_access):
            raise KeyRefused(Reason.FIREWALL, vault.name)
        missing = [word for word in SQL_PERMISSIONS if not vault.allows(object_id, "keys", word)]
        if missing:
            raise KeyRefused(Reason.PERMISSIONS_MISSING, ", ".join(missing))
        try:
            found, newest = self._call(vault).version_of(name, version)
        except VaultRefusal as refusal:
            raise KeyRefused(Reason.KEY_MISSING, refusal.message) from refusal
        if not found["attributes"]["enabled"]:
            raise KeyRefused(Reason.KEY_DISABLED, uri)
        if found["bits"] not in SQL_KEY_BITS:
            raise KeyRefused(Reason.KEY_UNSUPPORTED, f"RSA {found['bits']}")
        return UsableKey(
            vault=vault.name,
            name=name,
            version=found["version"],
            newest_version=newest["version"],
            thumbprint=thumbprint(found["material"]),
            expires_at=found["attributes"].get("exp"),
        )

    def _parts(self, uri: str) -> tuple[Vault, str, str | None]:
        """`https://VAULT/keys/NAME[/VERSION]`; without a version the newest one is meant."""
        split = urlsplit(uri)
        words = [word for word in split.path.split("/") if word]
        if split.scheme != "https" or not split.hostname or len(words) not in (2, 3) or words[0].lower() != "keys":
            raise KeyRefused(Reason.NO_KEY_URI, uri)
        vault = self._vaults.vaults.get(self._vaults.vault_at(split.hostname, split.port or 443))
        return vault, words[1], words[2] if len(words) == 3 else None

    def _call(self, vault: Vault) -> KeyCall:
        return KeyCall(self._store, self._clock, vault, Request("GET", "", 443, "", {}, {}))
