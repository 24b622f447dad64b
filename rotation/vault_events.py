"""What Key Vault tells through Event Grid: a secret of ours nears its end, so its rotation begins. Each event counts once.

Event types and data: Azure Key Vault as Event Grid source (Microsoft's documentation of its event schema).
"""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from datetime import timedelta
from urllib.parse import urlsplit

import structlog
from django.conf import settings
from django.db import transaction

from inventory.models import SqlServer
from operations import audit, clock
from operations.errors import OperationInProgress
from rotation.administrators import request_admin_rotation
from rotation.holding import GONE, LEAVING
from rotation.models import Credential, VaultEvent
from rotation.names import purpose_of
from rotation.services import request_rotation

log = structlog.get_logger(__name__)

ACTOR = "system:key-vault"
ENDING = ("Microsoft.KeyVault.SecretNearExpiry", "Microsoft.KeyVault.SecretExpired")
REMEMBERED = timedelta(days=7)  # Event Grid gives up after 24 hours at the latest


@dataclass(frozen=True, slots=True)
class SecretEvent:
    """One event about one version of a secret; `id` is the event's own."""

    id: str
    type: str
    vault: str
    secret: str
    version: str


@transaction.atomic
def take(event: SecretEvent) -> bool:
    """Begin the rotation that the event calls for. False where it was taken before, or calls for none."""
    _, is_new = VaultEvent.objects.get_or_create(event_id=event.id, defaults={"type": event.type})
    if not is_new or event.type not in ENDING:
        return False
    begun = _is_ours(event) and (_rotate_database(event) or _rotate_administrator(event))
    if not begun:
        log.warning("key_vault.event_left_alone", type=event.type, secret=event.secret, vault=event.vault)
        return False
    target, facts = f"secret:{event.secret}/{event.version}", {"event": event.id}
    audit.record("secret.near_expiry", actor=ACTOR, target=target, after=facts, reason=event.type)
    return True


def forget_old_events() -> int:
    """Drop events that cannot come again."""
    return VaultEvent.objects.filter(received_at__lt=clock.now() - REMEMBERED).delete()[0]


def _is_ours(event: SecretEvent) -> bool:
    host = urlsplit(settings.AZURE_VAULT_URL).hostname or ""
    return event.vault.lower() == host.partition(".")[0]


def _rotate_database(event: SecretEvent) -> bool:
    """True where the version is the one that consumers read now; an older one has been replaced already."""
    wanted = {"stable_secret": event.secret, "stable_version": event.version, "status": Credential.Status.ACTIVE}
    rows = Credential.objects.filter(**wanted).exclude(LEAVING)
    found = rows.select_related("database__service__workspace").first()
    if found is None:
        return False
    with contextlib.suppress(OperationInProgress):
        request_rotation(found.database, actor=ACTOR, reason=event.type, purpose=purpose_of(found.slot))
    return True


def _rotate_administrator(event: SecretEvent) -> bool:
    rows = SqlServer.objects.filter(admin_secret_name=event.secret, admin_secret_version=event.version)
    found = rows.exclude(status__in=GONE).first()
    if found is None:
        return False
    with contextlib.suppress(OperationInProgress):
        request_admin_rotation(found, actor=ACTOR, reason=event.type)
    return True
