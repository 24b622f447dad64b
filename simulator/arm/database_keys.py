"""A database's own encryption key: what a request asks for, what Azure checks of it, and what a database shows of it.

The server's own key protects whoever has none. Old keys stay known, since the log and backups may need them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from simulator.arm.call import Call, properties_of
from simulator.arm.errors import ArmError, conflict, invalid
from simulator.arm.identities import KIND as IDENTITY
from simulator.arm.resources import Body, Resource
from simulator.key_access import KeyRefused, Reason, UsableKey
from simulator.moments import iso

LOG_SECONDS = 600.0  # for so long the log is still under the key before, where one key follows another
PROPERTIES = ("encryptionProtector", "encryptionProtectorAutoRotation", "federatedClientId")


@dataclass(frozen=True, slots=True)
class Encryption:
    """What a database shows, and what is known of its keys: by URI, thumbprint and since when.

    `log_until`: until then the log is under an older key than the protector.
    """

    identity: Body | None = None
    shown: Body = field(default_factory=dict)
    inner: Body = field(default_factory=dict)

    def on(self, body: Body) -> Body:
        """The database's body with it."""
        properties = {name: value for name, value in body["properties"].items() if name not in PROPERTIES}
        head: Body = {name: body[name] for name in ("sku", "kind") if name in body}
        identity: Body = {"identity": self.identity} if self.identity else {}
        rest = {name: value for name, value in body.items() if name != "identity"}
        return {**head, **identity, **rest, "properties": {**properties, **self.shown}}


def encryption_of(call: Call, body: Body, before: Resource | None = None, *, source: Body | None = None) -> Encryption:
    """After this request; what it leaves out stays. `source` is the body of the primary of a secondary.

    Refuses a key that the identity cannot use, and a change while the log is under an older key.
    """
    asked, present = properties_of(body), _present(before)
    identity = _identity(call, body.get("identity"), present.identity)
    shown = {**present.shown, **{name: asked[name] for name in PROPERTIES if asked.get(name) is not None}}
    protector = shown.get("encryptionProtector")
    if source is not None:
        _check_secondary(source, protector, asked)
    if not protector:
        return Encryption(identity, {}, {"keys": present.inner.get("keys", {})})
    if identity is None:
        raise _no_identity()
    used = _checked(call, identity, protector, present)
    keys = {**present.inner.get("keys", {}), **_known(call, identity, asked.get("keys") or {})}
    keys.setdefault(protector, {"thumbprint": used.thumbprint, "since": call.now})
    return Encryption(identity, shown, {"keys": keys, **_log(call, protector, present)})


def keys_shown(database: Resource, *, at: float | None = None) -> Body:
    """What `$expand=keys` adds: the keys that it has, or had by that moment."""
    known: Body = database.inner.get("keys", {})
    return {
        uri: {"type": "AzureKeyVault", "thumbprint": key["thumbprint"], "creationDate": iso(key["since"])}
        for uri, key in known.items()
        if at is None or key["since"] <= at
    }


def principal_of(call_or_arm: Any, identity: Body | None) -> str:
    """The object id by which the database's identity comes to a vault; empty when the identity is gone."""
    arm = getattr(call_or_arm, "arm", call_or_arm)
    for name in (identity or {}).get("userAssignedIdentities", ()):
        found = arm.resources.get(name)
        return str(found.properties["principalId"]) if found and found.type == IDENTITY else ""
    return ""


def refusal(refused: KeyRefused) -> ArmError:
    """The answer of Azure SQL to what a vault refuses (codes of the 2021-11-01 and 2025-01-01 contracts)."""
    detail = refused.detail
    if refused.reason is Reason.UNREACHABLE:
        return ArmError(
            503, "AzureKeyVaultConnectionFailed", f"Attempts to connect to Azure Key Vault failed: {detail}."
        )
    if refused.reason in (Reason.KEY_MISSING, Reason.VAULT_MISSING):
        return conflict("AzureKeyVaultKeyNameNotFound", f"The Azure Key Vault key does not exist: {detail}")
    if refused.reason in (Reason.KEY_EXPIRED, Reason.KEY_NOT_YET_VALID):
        return invalid(
            "AzureKeyVaultInvalidExpirationDate", f"The dates of the Azure Key Vault key are invalid: {detail}."
        )
    if refused.reason is Reason.KEY_DISABLED:
        return invalid("AzureKeyVaultKeyDisabled", f"The Azure Key Vault key is disabled: {detail}.")
    if refused.reason is Reason.KEY_UNSUPPORTED:
        return invalid(
            "AzureKeyVaultRsaKeyNotSupported", f"RSA or RSA-HSM of 2048 or 3072 bits is supported: {detail}."
        )
    return _vault_refusal(refused)


def _vault_refusal(refused: KeyRefused) -> ArmError:
    detail = refused.detail
    if refused.reason is Reason.VAULT_UNPROTECTED:
        message = f"The vault '{detail}' needs soft delete and purge protection."
        return invalid("SecurityInvalidAzureKeyVaultRecoveryLevel", message)
    if refused.reason is Reason.FIREWALL:
        message = f"The firewall of the vault '{detail}' does not let trusted services in."
        return invalid("AzureKeyVaultMissingPermissions", message)
    if refused.reason is Reason.PERMISSIONS_MISSING:
        return invalid("UmiMissingAkvPermissions", f"The identity lacks permissions on the vault's keys: {detail}.")
    return invalid("AzureKeyVaultInvalidUri", f"'{detail}' is no valid key URI.")


def _present(database: Resource | None) -> Encryption:
    if database is None:
        return Encryption()
    shown = {name: database.properties[name] for name in PROPERTIES if name in database.properties}
    return Encryption(database.body.get("identity"), shown, database.inner)


def _identity(call: Call, asked: Body | None, before: Body | None) -> Body | None:
    """Exactly one user-assigned identity; a system-assigned one is none for a database."""
    if asked is None:
        return before
    if str(asked.get("type") or "None") == "None":
        return None
    names = list(asked.get("userAssignedIdentities") or ())
    if asked.get("type") != "UserAssigned" or len(names) != 1:
        raise _no_identity()
    found = call.arm.resources.get(str(names[0]))
    if found is None or found.type != IDENTITY:
        raise invalid("InvalidIdentityId", f"The user assigned identity '{names[0]}' does not exist.")
    ids = {"principalId": found.properties["principalId"], "clientId": found.properties["clientId"]}
    return {"type": "UserAssigned", "userAssignedIdentities": {_as_shown(found.id): ids}}


def _as_shown(id_: str) -> str:
    """Databases spell it so, as recorded in 2023."""
    return id_.replace("/resourceGroups/", "/resourcegroups/")


def _no_identity() -> ArmError:
    return invalid("InvalidNumberOfIdentities", "Exactly one user assigned identity is required for a key of its own.")


def _checked(call: Call, identity: Body, protector: str, present: Encryption) -> UsableKey:
    before, access = present.shown.get("encryptionProtector"), call.arm.key_access
    if before and before != protector and present.inner.get("log_until", 0.0) > call.now:
        message = "Key rotation is blocked while active transactions hold up the log encrypted with old keys."
        raise invalid("PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse", message)
    use = access.readable if before == protector else access.usable
    try:
        return use(protector, object_id=principal_of(call, identity))
    except KeyRefused as refused:
        raise refusal(refused) from refused


def _known(call: Call, identity: Body, asked: Body) -> Body:
    """The other keys that a request names: readable at least."""
    known: Body = {}
    for uri in asked:
        try:
            found = call.arm.key_access.readable(uri, object_id=principal_of(call, identity))
        except KeyRefused as refused:
            raise refusal(refused) from refused
        known[uri] = {"thumbprint": found.thumbprint, "since": call.now}
    return known


def _log(call: Call, protector: str, present: Encryption) -> Body:
    before = present.shown.get("encryptionProtector")
    return {"log_until": call.now + LOG_SECONDS} if before and before != protector else {}


def _check_secondary(source: Body, protector: str | None, asked: Body) -> None:
    """A secondary brings an identity and the primary's key of its own."""
    needed = source["properties"].get("encryptionProtector")
    if needed and needed not in {protector, *(asked.get("keys") or ())}:
        message = f"The key '{needed}' of the primary is missing on the geo-secondary."
        raise invalid("PerDatabaseCMKAKVKeyUriMissingOnGeoSecondary", message)
