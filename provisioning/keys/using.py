"""Which key versions protected a database, and how long each is needed: settled together with the operation."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from inventory.models import Database
from operations import clock
from operations.clock import database_now
from provisioning.models import KeyUse, KeyWatch


@dataclass(frozen=True, slots=True)
class NeededKey:
    """A key version that must stay in its vault; `until` None: for as long as it is the present one."""

    uri: str
    until: datetime | None


def record_key(database: Database, uri: str) -> None:
    """From now on the database is under this key (empty: the service's own), and watched where it is a customer's."""
    now = clock.now()
    present = KeyUse.objects.filter(database=database, used_until=None)
    if not present.filter(uri=uri).exists():
        present.update(used_until=now)
        if uri:
            KeyUse.objects.create(database=database, uri=uri, used_from=now)
    if uri:
        KeyWatch.objects.update_or_create(database=database, defaults={"due_at": database_now()})
    else:
        KeyWatch.objects.filter(database=database).delete()


def needed_keys(database: Database) -> Sequence[NeededKey]:
    """What its owner must keep: the present key, and those of which a backup may still be restored (Azure keeps point-in-time
    backups for the retention; long-term ones are not made here)."""
    kept = timedelta(days=database.retention_days)
    uses = KeyUse.objects.filter(database=database).order_by("-used_from")
    until = {use.uri: use.used_until and use.used_until + kept for use in reversed(uses)}
    now = clock.now()
    return [NeededKey(uri, end) for uri, end in until.items() if end is None or end > now]
