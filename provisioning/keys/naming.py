"""Which key and which identity a database has: as its row wants it, and as Azure shows it."""

from __future__ import annotations

from django.conf import settings

from cloud.key_uris import KeyUri, KeyUriRefused, key_uri
from cloud.keys import IdentityRef, OwnKey
from inventory.models import Database, WorkspaceIdentity
from provisioning.errors import KeyNotAllowed


def allowed_key(text: str) -> KeyUri:
    """The key that a customer names. Raises KeyNotAllowed."""
    try:
        return key_uri(text, hosts=settings.KEY_VAULT_HOSTS)
    except KeyUriRefused as error:
        raise KeyNotAllowed(str(error)) from error


def identity_of(database: Database) -> WorkspaceIdentity | None:
    """The identity of the workspace that the database serves; None where it has none yet, or serves nobody."""
    if database.service is None:
        return None
    return WorkspaceIdentity.objects.filter(workspace=database.service.workspace_id).first()


def identity_ref(identity: WorkspaceIdentity) -> IdentityRef:
    return IdentityRef(identity.subscription_id, identity.resource_group, identity.azure_name)


def arm_id_of(identity: WorkspaceIdentity) -> str:
    group = f"/subscriptions/{identity.subscription_id}/resourceGroups/{identity.resource_group}"
    return f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/{identity.azure_name}"


def own_key(database: Database) -> OwnKey | None:
    """What Azure is told of the database's key; None where the service's own protects it."""
    identity = identity_of(database) if database.key_uri else None
    if identity is None:
        return None
    return OwnKey(database.key_uri, arm_id_of(identity), database.key_follows)


def is_same_key(wanted: OwnKey | None, seen: OwnKey | None) -> bool:
    """Whether Azure shows what is wanted: of a key that it follows, any version."""
    if wanted is None or seen is None:
        return wanted is None and seen is None
    same_uri = _name(wanted.uri) == _name(seen.uri) if wanted.follows else wanted.uri == seen.uri
    same_identity = wanted.identity_id.lower() == seen.identity_id.lower()
    return same_uri and same_identity and wanted.follows == seen.follows


def _name(uri: str) -> str:
    return uri.rpartition("/")[0]
