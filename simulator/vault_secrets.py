"""The secrets of one vault: versions and tags, in the shapes recorded from api-version 7.4."""

from __future__ import annotations

import uuid

from simulator.http import Response, answer
from simulator.store import Document
from simulator.vault_bodies import HEADERS, VaultRefusal, new_version, read_body, updated_version
from simulator.vault_items import VaultCall

SECRETS = "secrets"


class SecretCall(VaultCall):
    """One authenticated request for secrets."""

    items, noun = SECRETS, "Secret"

    def set(self, name: str) -> Response:
        """A new version, always: repeating it makes another one."""
        key, kept = self._find(name)
        if kept and kept["deleted"]:
            raise self._still_deleted(name)
        version = new_version(read_body(self._request.body), version=uuid.uuid4().hex, now=self._now)
        versions = [*(kept["versions"] if kept else []), version]
        shown = kept["name"] if kept else name
        self._store.put(SECRETS, key, {"name": shown, "versions": versions, "deleted": None})
        return answer(200, self._with_value(shown, version), HEADERS)

    def get(self, name: str, version: str | None = None) -> Response:
        """The newest version unless one is named; 403 while it is disabled."""
        kept = self._live(name)
        found = self._pick(kept, version)
        if not found["attributes"]["enabled"]:
            raise VaultRefusal(403, "Forbidden", "Operation get is not allowed on a disabled secret.", "SecretDisabled")
        return answer(200, self._with_value(kept["name"], found), HEADERS)

    def update(self, name: str, version: str | None = None) -> Response:
        """enabled, nbf, exp, content type and tags of one version; never its value."""
        kept = self._live(name)
        old = self._pick(kept, version)
        new = updated_version(old, read_body(self._request.body), now=self._now)
        versions = [new if one is old else one for one in kept["versions"]]
        self._store.put(SECRETS, self._key(name), {**kept, "versions": versions})
        return answer(200, self._bundle(kept["name"], new), HEADERS)

    def _with_value(self, name: str, version: Document) -> Document:
        return {"value": version["value"], **self._bundle(name, version)}

    def _bundle(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        shown: Document = {"contentType": version["contentType"]} if version.get("contentType") else {}
        shown["id"] = self._id(name, version, versioned=versioned)
        shown["attributes"] = self._attributes(version)
        return {**shown, "tags": version["tags"]} if version.get("tags") is not None else shown

    def _listed(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        return self._bundle(name, version, versioned=versioned)
