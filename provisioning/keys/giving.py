"""The steps by which a database is put under a customer's key, shared by creation, claim and change."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.changes import DatabaseChange
from cloud.errors import RetryLater
from cloud.keys import KeyTrouble, Trust
from cloud.protocols import Accepted, CallClass, ObservedDatabase
from inventory.identifiers import azure_name
from inventory.models import Database, WorkspaceIdentity
from operations.models import Operation, Priority
from operations.outcomes import Next, Outcome, StepError, Wait
from operations.workflow import acts, decides
from provisioning import awaiting
from provisioning.keys.examining import ROLE, examine
from provisioning.keys.naming import allowed_key, identity_of, identity_ref, is_same_key, own_key
from provisioning.targets import database_of, management_for, reference, server_row_of, tags_for

TRUST = "control-plane"
TRUST_SPREADS = timedelta(minutes=10)
"""So long Entra may take to know a new trust (Microsoft, workload identity federation: important considerations)."""
OLD_LOG = "PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse"
OLD_LOG_SECONDS = 300.0
THE_KEY = "its key"


@decides
def choose_identity(operation: Operation) -> Outcome:
    """Where the workspace's identity is, or will be: beside the first server whose database needs it."""
    database = database_of(operation)
    if database.key_uri and database.service is not None:
        server, workspace = server_row_of(database), database.service.workspace
        place = {"subscription_id": server.subscription_id, "resource_group": server.resource_group}
        named = {"azure_name": azure_name("i", workspace.pk), "region": workspace.region_id}
        WorkspaceIdentity.objects.get_or_create(workspace=workspace, defaults={**place, **named})
    return Next()


@acts
def ensure_identity(operation: Operation) -> Outcome:
    """Make it unless it is there; asking twice changes nothing."""
    identity = _needed(operation)
    if identity is None or identity.principal_id:
        return Next()
    management = management_for(operation)
    found = management.find_identity(identity_ref(identity))
    if found is None:
        tags = tags_for(operation, workspace=identity.workspace_id)
        found = management.put_identity(identity_ref(identity), identity.region, tags)
    ids = {"arm_id": found.arm_id, "principal_id": found.principal_id, "client_id": found.client_id}
    return Next(choices={"identity": ids})


@acts
def trust_us(operation: Operation) -> Outcome:
    """Let us come as it, where we have a token for that: so we see what Azure SQL sees."""
    identity = _needed(operation)
    if identity is None or identity.trusts_us or not _has_token():
        return Next()
    trust = Trust(settings.KEY_TOKEN_ISSUER, settings.KEY_TOKEN_SUBJECT)
    management_for(operation).put_trust(identity_ref(identity), TRUST, trust)
    assert operation.claimed_at is not None
    return Next(choices={"trusted_at": operation.claimed_at.isoformat()})


@decides
def keep_identity(operation: Operation) -> Outcome:
    """Remember what Azure has told of the identity."""
    identity, ids = _needed(operation), operation.choices.get("identity", {})
    if identity is not None:
        trusted = {"trusts_us": True} if "trusted_at" in operation.choices else {}
        WorkspaceIdentity.objects.filter(pk=identity.pk).update(**ids, **trusted)
    return Next()


@acts
def examine_key(operation: Operation) -> Outcome:
    """Nothing has been changed yet: a key that Azure SQL would not take, or could not use, ends it here."""
    database, identity = database_of(operation), _needed(operation)
    if identity is None:
        return Next()
    seen = examine(allowed_key(database.key_uri), identity, call_class=_class_of(operation))
    if seen.trouble is KeyTrouble.UNREACHABLE:
        raise StepError("KeyVaultUnreachable", f"The vault does not answer ({seen.code}).", transient=True)
    if seen.posture != "identity" and _trust_spreads(operation):
        return Wait(settings.SHORT_WAIT_SECONDS, reason="The directory does not know yet that the identity trusts us.")
    if seen.trouble is KeyTrouble.FIREWALL:  # Azure SQL passes it as a trusted service, and refuses by itself if not
        return Next(choices={"posture": "database"})
    if seen.trouble is not None:
        raise StepError("KeyNotUsable", _why(seen.trouble, seen.code, identity))
    if seen.unfit:
        raise StepError("KeyNotUsable", f"Azure SQL would not take the key: {seen.unfit}.")
    return Next(choices={"posture": str(seen.posture)})


@acts
def give_key(operation: Operation) -> Outcome:
    """Ask Azure to protect the database with the key, and go on once it shows it; what it shows already is not asked for."""
    database = database_of(operation)
    wanted, server = own_key(database), reference(server_row_of(database))
    if wanted is None:
        return Next()

    def ask() -> Accepted:
        change = DatabaseChange(key=wanted)
        return management_for(operation).begin_update_database(server, database.azure_name, change)

    def is_done() -> bool:
        seen = _seen(operation, database)
        return seen.status == "Online" and is_same_key(wanted, seen.key)

    try:
        return awaiting.ask_and_look(operation, THE_KEY, is_done=is_done, ask=ask)
    except RetryLater as error:
        if error.code != OLD_LOG:
            raise
        return Wait(OLD_LOG_SECONDS, reason="Azure's log is still under the key before: it takes a new one later.")


@acts
def verify_key(operation: Operation) -> Outcome:
    """Read back what Azure has: the key, the identity, and all keys that the database knows."""
    database = database_of(operation)
    wanted = own_key(database)
    if wanted is None:
        return Next()
    seen = _seen(operation, database)
    if not is_same_key(wanted, seen.key):
        shown = seen.key.uri if seen.key else "none of its own"
        raise StepError("KeyNotShown", f"Azure shows another key than was asked for: {shown}.", transient=True)
    known = management_for(operation).list_database_keys(reference(server_row_of(database)), database.azure_name)
    return Next(choices={"keys": known or [], "key_shown": seen.key.uri if seen.key else ""})


PREPARATION = (choose_identity, ensure_identity, trust_us, keep_identity, examine_key)
"""Everything before anything changes; nothing of it for a database without a customer's key."""


def past_keys(outcome: Outcome, database: Database, *, to: str) -> Outcome:
    """On to a later step where the database has no customer's key: most have none, and steps cost."""
    return replace(outcome, to=to) if isinstance(outcome, Next) and not database.key_uri else outcome


def shown_key(operation: Operation, database: Database) -> str:
    """The version that Azure showed last; for a key that it follows perhaps a newer one than was asked for."""
    return str(operation.choices.get("key_shown") or database.key_uri)


def _needed(operation: Operation) -> WorkspaceIdentity | None:
    """The identity with what Azure has told of it in this operation; None for a database without a customer's key."""
    database = database_of(operation)
    identity = identity_of(database) if database.key_uri else None
    if identity is not None:
        for name, value in operation.choices.get("identity", {}).items():
            setattr(identity, name, value)
    return identity


def _has_token() -> bool:
    named = settings.KEY_TOKEN_ISSUER and settings.KEY_TOKEN_SUBJECT
    return bool(named) and factory.may_come_as_identities()


def _trust_spreads(operation: Operation) -> bool:
    trusted_at = operation.choices.get("trusted_at")
    assert operation.claimed_at is not None
    return bool(trusted_at) and operation.claimed_at - datetime.fromisoformat(trusted_at) < TRUST_SPREADS


def _why(trouble: KeyTrouble, code: str, identity: WorkspaceIdentity) -> str:
    if trouble is KeyTrouble.PERMISSION:
        return (
            f"The workspace's identity may not use the key ({code}). Grant the role {ROLE} on the key or its vault to the "
            f"principal {identity.principal_id}, then ask again."
        )
    return f"The key cannot be used: {trouble} ({code})."


def _seen(operation: Operation, database: Database) -> ObservedDatabase:
    seen = management_for(operation).get_database(reference(server_row_of(database)), database.azure_name)
    if seen is None:
        raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
    return seen


def _class_of(operation: Operation) -> CallClass:
    return CallClass[Priority(operation.priority).name]
