"""Looking at a customer's key before a database depends on it, or while one does."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from cloud import factory
from cloud.key_uris import KeyUri
from cloud.keys import SQL_KEY_BITS, KeyFacts, KeyInspector, KeyRefused, KeyTrouble
from cloud.protocols import CallClass
from inventory.models import WorkspaceIdentity
from operations import clock
from provisioning.models import KeyWatch

Posture = KeyWatch.Posture
ROLE = "Key Vault Crypto Service Encryption User"
KINDS = ("RSA", "RSA-HSM")


@dataclass(frozen=True, slots=True)
class Examined:
    """What a look has shown. `trouble` None: the key does what Azure SQL will ask of it, as far as `posture` can tell."""

    posture: KeyWatch.Posture
    trouble: KeyTrouble | None = None
    code: str = ""
    unfit: str = ""
    expires_at: datetime | None = None
    newest_version: str = ""


def posture_towards(identity: WorkspaceIdentity | None) -> KeyWatch.Posture:
    """As the identity where it trusts us and we have a token for that; else with our own rights."""
    trusted = identity is not None and identity.trusts_us and factory.may_come_as_identities()
    return Posture.IDENTITY if trusted else Posture.OURSELVES


def examine(key: KeyUri, identity: WorkspaceIdentity | None, *, call_class: CallClass = CallClass.USER) -> Examined:
    """One look: the key's properties, and wrapping and unwrapping as the identity where we can come as it."""
    posture = posture_towards(identity)
    as_it = posture is Posture.IDENTITY and identity is not None
    inspector = factory.key_inspector(identity.client_id if as_it and identity else "", call_class=call_class)
    try:
        facts = inspector.facts(key)
        if not facts.enabled:
            raise KeyRefused(KeyTrouble.DISABLED, "KeyDisabled")
        why = unfit(facts)
        if as_it and not why:
            inspector.prove(key)
    except KeyRefused as refused:
        if as_it and refused.trouble is not KeyTrouble.NOBODY:
            return Examined(posture, refused.trouble, refused.code)
        return _with_less(refused)
    return Examined(posture, unfit=why, expires_at=facts.expires_at, newest_version=_newest(inspector, key))


def unfit(facts: KeyFacts) -> str:
    """Why Azure SQL would not take such a key; empty for a good one (Microsoft, TDE with customer-managed keys)."""
    now = clock.now()
    if facts.kind not in KINDS or facts.bits not in SQL_KEY_BITS:
        return f"it is {facts.kind} of {facts.bits} bits; RSA of 2048 or 3072 bits is needed"
    if facts.expires_at is not None and facts.expires_at <= now:
        return f"it has expired ({facts.expires_at:%Y-%m-%d})"
    if facts.not_before is not None and facts.not_before > now:
        return f"it is not valid before {facts.not_before:%Y-%m-%d %H:%M}"
    if not facts.is_protected:
        return "its vault lacks soft delete or purge protection"
    return ""


def _with_less(refused: KeyRefused) -> Examined:
    """Without the identity's own eyes a refusal says little of what Azure SQL meets: only that a key is gone or disabled."""
    if refused.trouble in (KeyTrouble.DELETED, KeyTrouble.DISABLED):
        return Examined(Posture.OURSELVES, refused.trouble, refused.code)
    return Examined(Posture.DATABASE, None, refused.code)


def _newest(inspector: KeyInspector, key: KeyUri) -> str:
    try:
        return inspector.newest(key).uri.version
    except KeyRefused:
        return ""
