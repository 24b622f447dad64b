"""What secrets and keys of a vault have in common: named, versioned, listed in pages, deleted softly."""

from __future__ import annotations

import base64
import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from urllib.parse import urlencode

import orjson

from simulator.clock import Clock
from simulator.http import Request, Response, answer
from simulator.store import Document, Store
from simulator.vault_bodies import HEADERS, VaultRefusal, bad_parameter, packed, read_document, unpacked
from simulator.vaults import Vault

LARGEST_PAGE = 25
DELETING_SECONDS = 5  # until the list of the deleted shows it, as recorded; its own address knows it at once
_NAME = re.compile(r"[0-9a-zA-Z-]{1,127}")


class VaultCall(ABC):
    """One authenticated request to one vault.

    An item is one document: its versions, oldest first, and the times of its deletion while it is deleted.
    """

    items: str  # the kind of document, the collection in paths: secrets or keys
    noun: str  # Secret or Key

    def __init__(self, store: Store, clock: Clock, vault: Vault, request: Request) -> None:
        self._store = store
        self._vault = vault
        self._request = request
        self._now = int(clock.now())
        port = "" if request.port == 443 else f":{request.port}"
        self._base = f"https://{request.host}{port}"

    def delete(self, name: str) -> Response:
        """Recoverable until its purge is due: as many days on as the vault says."""
        kept = self._live(name)
        times = {"deletedDate": self._now, "scheduledPurgeDate": self._now + self._vault.soft_delete_days * 86_400}
        deleted = {**kept, "deleted": times}
        self._store.put(self.items, self._key(name), deleted)
        return answer(200, self._deleted_bundle(deleted), HEADERS)

    def get_deleted(self, name: str) -> Response:
        """What is deleted and can still be recovered; 404 for all else."""
        return answer(200, self._deleted_bundle(self._dead(name)), HEADERS)

    def purge(self, name: str) -> Response:
        """For good; never where the vault is protected against it."""
        self._dead(name)
        if self._vault.purge_protection:
            text = (
                'Operation "purge" is not allowed because purge protection is enabled for this vault. Key Vault '
                f"service will automatically purge it after the retention period has passed.\r\nVault: {self._vault.name}"
            )
            raise VaultRefusal(403, "Forbidden", text, "ForbiddenByPolicy")
        self._store.delete(self.items, self._key(name))
        return answer(204, None, HEADERS)

    def recover(self, name: str) -> Response:
        """Back with all its versions; 404 when it is not among the deleted."""
        kept = {**self._dead(name), "deleted": None}
        self._store.put(self.items, self._key(name), kept)
        return answer(200, self._bundle(kept["name"], kept["versions"][-1]), HEADERS)

    def backup(self, name: str) -> Response:
        """All versions as one text (the real one is encrypted)."""
        return answer(200, {"value": packed({**self._live(name), "kind": self.items})}, HEADERS)

    def restore(self) -> Response:
        """From a backup's text; 409 while the name is taken."""
        kept = unpacked(str(read_document(self._request.body).get("value", "")))
        if kept.pop("kind", None) != self.items:
            raise bad_parameter("Backup blob is not valid.")
        key, present = self._find(kept["name"])
        if present:
            raise VaultRefusal(409, "Conflict", f"A {self.noun.lower()} with name {kept['name']} already exists.")
        self._store.put(self.items, key, kept)
        return answer(200, self._bundle(kept["name"], kept["versions"][-1]), HEADERS)

    def list_all(self) -> Response:
        """The newest version of each, in pages of at most 25, without values."""
        rows = [kept for kept in self._all() if not kept["deleted"]]
        return self._page(rows, lambda kept: self._listed(kept["name"], kept["versions"][-1], versioned=False))

    def list_deleted(self) -> Response:
        """What can be recovered, in pages."""
        due = self._now - DELETING_SECONDS
        rows = [kept for kept in self._all() if kept["deleted"] and kept["deleted"]["deletedDate"] <= due]
        return self._page(rows, lambda kept: self._deleted_bundle(kept, versioned=False))

    def list_versions(self, name: str) -> Response:
        """Every version, oldest first, in pages."""
        kept = self._live(name)
        return self._page(kept["versions"], lambda version: self._listed(kept["name"], version))

    @abstractmethod
    def _bundle(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        """One version as changes and deletions show it."""

    @abstractmethod
    def _listed(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        """One version as listings show it."""

    def _deleted_bundle(self, kept: Document, *, versioned: bool = True) -> Document:
        recovery = {"recoveryId": f"{self._base}/deleted{self.items}/{kept['name']}", **kept["deleted"]}
        show = self._bundle if versioned else self._listed
        return {**recovery, **show(kept["name"], kept["versions"][-1], versioned=versioned)}

    def _attributes(self, version: Document) -> Document:
        recovery: Document = {"recoveryLevel": self._vault.recovery_level}
        if self._since("7.1"):
            recovery["recoverableDays"] = self._vault.soft_delete_days
        return {**version["attributes"], **recovery}

    def _since(self, version: str) -> bool:
        """Whether the api-version asked for is that one or a later one; texts that are no number count as later."""
        asked = self._request.query["api-version"].partition("-")[0]
        try:
            return tuple(map(int, asked.split("."))) >= tuple(map(int, version.split(".")))
        except ValueError:
            return True

    def _id(self, name: str, version: Document, *, versioned: bool = True) -> str:
        path = f"{self._base}/{self.items}/{name}"
        return f"{path}/{version['version']}" if versioned else path

    def _page(self, rows: Sequence[Document], show: Callable[[Document], Document]) -> Response:
        size, start = self._page_size(), self._start()
        next_link = None
        if start + size < len(rows):
            token = base64.urlsafe_b64encode(orjson.dumps({"NextMarker": start + size, "TargetLocation": 0})).decode()
            query = {"api-version": self._request.query["api-version"], "$skiptoken": token, "maxresults": size}
            next_link = f"{self._base}{self._request.path}?{urlencode(query, safe='$')}"
        shown = [show(row) for row in rows[start : start + size]]
        return answer(200, {"value": shown, "nextLink": next_link}, HEADERS)

    def _page_size(self) -> int:
        asked = self._request.query.get("maxresults", str(LARGEST_PAGE))
        if not asked.isdecimal() or not 1 <= int(asked) <= LARGEST_PAGE:
            raise bad_parameter(f"maxresults must be between 1 and {LARGEST_PAGE}.")
        return int(asked)

    def _start(self) -> int:
        token = self._request.query.get("$skiptoken")
        if not token:
            return 0
        try:
            return int(orjson.loads(base64.urlsafe_b64decode(token))["NextMarker"])
        except (ValueError, KeyError, TypeError) as error:
            raise bad_parameter("The skiptoken is not valid.") from error

    def _key(self, name: str) -> str:
        return f"{self._vault.name}/{name.lower()}"

    def _all(self) -> list[Document]:
        found = [
            (key, self._unexpired(key, kept)) for key, kept in self._store.items(self.items, f"{self._vault.name}/")
        ]
        return [kept for _, kept in sorted(found, key=lambda pair: pair[0]) if kept]

    def _find(self, name: str) -> tuple[str, Document | None]:
        if not _NAME.fullmatch(name):
            raise bad_parameter(f"The request URI contains an invalid name: {name}")
        key = self._key(name)
        return key, self._unexpired(key, self._store.get(self.items, key))

    def _unexpired(self, key: str, kept: Document | None) -> Document | None:
        """What was deleted is purged once its retention has passed."""
        if kept and kept["deleted"] and kept["deleted"]["scheduledPurgeDate"] <= self._now:
            self._store.delete(self.items, key)
            return None
        return kept

    def _live(self, name: str) -> Document:
        _, kept = self._find(name)
        if kept is None or kept["deleted"]:
            raise self._not_found(name)
        return kept

    def _dead(self, name: str) -> Document:
        _, kept = self._find(name)
        if kept is None or not kept["deleted"]:
            raise VaultRefusal(404, f"{self.noun}NotFound", f"Deleted {self.noun} not found: {name}")
        return kept

    def _pick(self, kept: Document, version: str | None) -> Document:
        versions: list[Document] = kept["versions"]
        found = versions[-1] if version is None else next((one for one in versions if one["version"] == version), None)
        if found is None:
            raise self._not_found(f"{kept['name']}/{version}")
        return found

    def _not_found(self, name: str) -> VaultRefusal:
        noun = self.noun.lower()
        text = (
            f"A {noun} with (name/id) {name} was not found in this key vault. If you recently deleted this {noun} "
            "you may be able to recover it using the correct recovery command."
        )
        return VaultRefusal(404, f"{self.noun}NotFound", text)

    def _still_deleted(self, name: str) -> VaultRefusal:
        text = (
            f"{self.noun} {name} is currently in a deleted but recoverable state, and its name cannot be reused; "
            "in this state, the " + self.noun.lower() + " can only be recovered or purged."
        )
        return VaultRefusal(409, "Conflict", text, "ObjectIsDeletedButRecoverable")
