"""The keys of one vault: RSA keys in versions that wrap and unwrap, rotate by policy and can be switched off."""

from __future__ import annotations

import uuid
from typing import Any

from simulator import key_material
from simulator.http import Response, answer
from simulator.key_rotation import NOTIFY, checked, expiry_of, rotation_due
from simulator.store import Document
from simulator.vault_bodies import HEADERS, VaultRefusal, bad_parameter, read_body, read_document
from simulator.vault_items import VaultCall

KEYS = "keys"
TYPES = ("RSA", "RSA-HSM")
OPERATIONS = ("encrypt", "decrypt", "sign", "verify", "wrapKey", "unwrapKey")
MOST_ROTATIONS = 20  # made up for at one look, should the clock have leapt; the rest at the next
PROTECTING = frozenset({"encrypt", "wrapKey"})  # refused before nbf and after exp; undoing them never is
_FIELDS: dict[str, type] = {
    "kty": str,
    "key_size": int,
    "key_ops": list,
    "attributes": dict,
    "tags": dict,
    "key": dict,
    "Hsm": bool,
}


class KeyCall(VaultCall):
    """One authenticated request for keys. RSA only: other types are refused."""

    items, noun = KEYS, "Key"

    def create(self, name: str) -> Response:
        """A key, or a new version of one; 2048, 3072 or 4096 bits."""
        body = read_body(self._request.body, _FIELDS)
        kind, bits = body.get("kty", ""), body.get("key_size", 2048)
        self._check_type(kind)
        if bits not in key_material.SIZES:
            raise bad_parameter(f"Property key_size has an invalid value: {bits}.")
        return self._add(name, kind, bits, key_material.generated(bits), body)

    def import_key(self, name: str) -> Response:
        """A key made elsewhere, as a JSON web key with its private part."""
        body = read_body(self._request.body, _FIELDS)
        jwk = body.get("key", {})
        kind = str(jwk.get("kty", ""))
        self._check_type(kind)
        try:
            material, bits = key_material.imported(jwk)
        except ValueError as error:
            raise bad_parameter(f"The key cannot be imported: {error}.") from error
        kind = "RSA-HSM" if body.get("Hsm") else kind
        return self._add(name, kind, bits, material, {"key_ops": jwk.get("key_ops"), **body})

    def get(self, name: str, version: str | None = None) -> Response:
        """The public part; of the newest version unless one is named, also while it is disabled."""
        kept = self._live(name)
        return answer(200, self._bundle(kept["name"], self._pick(kept, version)), HEADERS)

    def update(self, name: str, version: str | None = None) -> Response:
        """enabled, nbf, exp, key_ops and tags of one version."""
        kept = self._live(name)
        body = read_body(self._request.body, _FIELDS)
        old = self._pick(kept, version)
        changes = {word: body[word] for word in ("tags",) if word in body}
        if "key_ops" in body:
            changes["key_ops"] = _operations(body["key_ops"])
        attributes = {**old["attributes"], **body["attributes"], "updated": self._now}
        new = {**old, **changes, "attributes": attributes}
        self._put({**kept, "versions": [new if one is old else one for one in kept["versions"]]})
        return answer(200, self._bundle(kept["name"], new), HEADERS)

    def rotate(self, name: str) -> Response:
        """A new version of the same type and size, now."""
        kept = self._rotated(self._live(name), at=self._now)
        self._put(kept)
        return answer(200, self._bundle(kept["name"], kept["versions"][-1]), HEADERS)

    def get_policy(self, name: str) -> Response:
        """The rotation policy: only a notice before expiry where none was set."""
        kept = self._live(name)
        policy = kept.get("policy") or {"lifetimeActions": [NOTIFY], "attributes": {}}
        return answer(200, self._policy(kept, policy), HEADERS)

    def set_policy(self, name: str) -> Response:
        """Replaces the rotation policy; from now on versions are made when they are due."""
        kept = self._live(name)
        policy = checked(read_document(self._request.body), before=kept.get("policy"), now=self._now)
        self._put({**kept, "policy": policy})
        return answer(200, self._policy(kept, policy), HEADERS)

    def wrap(self, name: str, version: str) -> Response:
        """A symmetric key under this one."""
        return self._operate(name, version, "wrapKey", key_material.encrypted)

    def unwrap(self, name: str, version: str) -> Response:
        """The symmetric key again, also when this one has expired."""
        return self._operate(name, version, "unwrapKey", key_material.decrypted)

    def encrypt(self, name: str, version: str) -> Response:
        """A short text under this key."""
        return self._operate(name, version, "encrypt", key_material.encrypted)

    def decrypt(self, name: str, version: str) -> Response:
        """The text again, also when the key has expired."""
        return self._operate(name, version, "decrypt", key_material.decrypted)

    def size_of(self, name: str, version: str | None) -> tuple[int, bool]:
        """Bits, and whether in hardware: what the limits of RSA operations go by."""
        found = self._pick(self._live(name), version)
        return int(found["bits"]), found["kty"].endswith("HSM")

    def version_of(self, name: str, version: str | None) -> tuple[Document, Document]:
        """The version named (the newest for None) and the newest one; raises VaultRefusal when there is no such key."""
        kept = self._live(name)
        return self._pick(kept, version), kept["versions"][-1]

    def _operate(self, name: str, version: str, word: str, operation: Any) -> Response:
        kept = self._live(name)
        found = self._pick(kept, version or None)
        check_usable(found, word, now=self._now)
        body = read_document(self._request.body)
        try:
            value = key_material.unpacked(str(body["value"]))
            result = operation(found["material"], body["alg"], value)
        except (KeyError, TypeError) as error:
            raise bad_parameter(f"Property alg or value has an invalid value: {body.get('alg')}.") from error
        except ValueError as error:
            raise bad_parameter("The parameter is incorrect: the value does not fit the key.") from error
        shown = {"kid": self._id(kept["name"], found), "value": key_material.packed(result)}
        return answer(200, shown, HEADERS)

    def _add(self, name: str, kind: str, bits: int, material: str, body: Document) -> Response:
        key, kept = self._find(name)
        if kept and kept["deleted"]:
            raise self._still_deleted(name)
        version = {
            "version": uuid.uuid4().hex,
            "kty": kind,
            "bits": bits,
            "material": material,
            "key_ops": _operations(body.get("key_ops")),
            "tags": body.get("tags"),
            "attributes": {"enabled": True, **body["attributes"], "created": self._now, "updated": self._now},
        }
        before = kept or {"name": name, "versions": [], "deleted": None}
        self._store.put(KEYS, key, {**before, "versions": [*before["versions"], version]})
        return answer(200, self._bundle(before["name"], version), HEADERS)

    def _check_type(self, kind: str) -> None:
        if kind not in TYPES:
            raise bad_parameter(f"Property kty has an invalid value: '{kind}'; RSA and RSA-HSM are served here.")
        if kind == "RSA-HSM" and not self._vault.premium:
            raise bad_parameter("Keys in hardware need a vault of the premium tier.")

    def _unexpired(self, key: str, kept: Document | None) -> Document | None:
        """Versions that a policy made due meanwhile are there when anybody looks."""
        found = super()._unexpired(key, kept)
        if found is None or found["deleted"] or not found.get("policy"):
            return found
        before = found
        for _ in range(MOST_ROTATIONS):
            due = rotation_due(found["policy"], found["versions"][-1])
            if due is None or due > self._now:
                break
            found = self._rotated(found, at=due)
        if found is not before:
            self._put(found)
        return found

    def _rotated(self, kept: Document, *, at: int) -> Document:
        newest = kept["versions"][-1]
        expires = expiry_of(kept.get("policy"), at)
        attributes = {"enabled": True, "created": at, "updated": at, **({"exp": expires} if expires else {})}
        material = key_material.generated(newest["bits"])
        version = {**newest, "version": uuid.uuid4().hex, "material": material, "attributes": attributes}
        return {**kept, "versions": [*kept["versions"], version]}

    def _put(self, kept: Document) -> None:
        self._store.put(KEYS, self._key(kept["name"]), kept)

    def _policy(self, kept: Document, policy: Document) -> Document:
        return {"id": f"{self._base}/keys/{kept['name']}/rotationpolicy", **policy}

    def _bundle(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        shown = {"kid": self._id(name, version), "kty": version["kty"], "key_ops": version["key_ops"]}
        key = {**shown, **key_material.public_part(version["material"])}
        return {"key": key, **self._rest(version)}

    def _listed(self, name: str, version: Document, *, versioned: bool = True) -> Document:
        return {"kid": self._id(name, version, versioned=versioned), **self._rest(version)}

    def _rest(self, version: Document) -> Document:
        attributes = {**self._attributes(version), **({"exportable": False} if self._since("7.2") else {})}
        return {"attributes": attributes, **({"tags": version["tags"]} if version["tags"] is not None else {})}


def check_usable(version: Document, word: str, *, now: float) -> None:
    """403 for a disabled key; before its activation and after its expiry it undoes, but does not protect any more."""
    attributes = version["attributes"]
    if not attributes["enabled"]:
        raise VaultRefusal(403, "Forbidden", f"Operation {word} is not allowed on a disabled key.", "KeyDisabled")
    if word not in version["key_ops"]:
        raise VaultRefusal(403, "Forbidden", f"Operation {word} is not permitted on this key.", "KeyOperationForbidden")
    if word in PROTECTING and attributes.get("exp") and attributes["exp"] <= now:
        raise VaultRefusal(403, "Forbidden", f"Operation {word} is not allowed on an expired key.", "KeyExpired")
    if word in PROTECTING and attributes.get("nbf") and attributes["nbf"] > now:
        text = f"Operation {word} is not allowed on a key that is not yet valid."
        raise VaultRefusal(403, "Forbidden", text, "KeyNotYetValid")


def _operations(asked: Any) -> list[str]:
    if asked is None:
        return list(OPERATIONS)
    if not isinstance(asked, list) or any(word not in OPERATIONS for word in asked):
        raise bad_parameter(f"Property key_ops has an invalid value: {asked}.")
    return asked
