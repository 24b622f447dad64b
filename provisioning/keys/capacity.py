"""How many databases depend on one vault: at a failover Azure asks it once for each of them, all at the same time."""

from __future__ import annotations

from django.conf import settings

from cloud.key_uris import KeyUri
from inventory.models import Database
from inventory.states import Status
from operations.services import serialise
from provisioning.errors import VaultFull

GIBIBYTE = 2**30


def check_vault(key: KeyUri, database: Database) -> None:
    """Raise VaultFull where the vault would serve more than Azure advises (500 databases or page servers a vault and
    subscription). Whoever asks next for the same vault waits until this transaction ends."""
    serialise(f"vault:{key.vault}")
    others = Database.objects.filter(key_uri__startswith=f"{key.vault_url}/").exclude(pk=database.pk)
    served = sum(map(weight, others.exclude(status=Status.DELETED)))
    if served + weight(database) > settings.KEY_VAULT_DATABASES:
        text = (
            f"The vault {key.vault} serves {served} of at most {settings.KEY_VAULT_DATABASES} databases: use another."
        )
        raise VaultFull(text)


def weight(database: Database) -> int:
    """A database, or its page servers."""
    if database.service_tier != Database.Tier.HYPERSCALE:
        return 1
    return max(1, -(-database.size_bytes // (settings.KEY_PAGE_SERVER_GB * GIBIBYTE)))
