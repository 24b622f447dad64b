"""Moving a database's backups to another storage: asked for at once, true when its backups have been copied."""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.arm.errors import conflict
from simulator.arm.resources import Body, Resource

if TYPE_CHECKING:
    from simulator.arm.call import Call

ASKED, CURRENT = "requestedBackupStorageRedundancy", "currentBackupStorageRedundancy"
SMALL_BYTES = 1024**3  # below it the change was seen to be true within the operation's quarter of a minute
SECONDS_PER_GB, LONGEST_SECONDS = 120.0, 48 * 3600.0  # Azure says: up to 48 hours


def check_storage_change(call: Call, database: Resource, asked: Body) -> None:
    """409 for another wish while the last one is being carried out."""
    wanted = asked.get(ASKED, database.properties.get(ASKED))
    if wanted != database.properties.get(ASKED) and is_moving(database, call.now):
        message = "A conflict request to change backup storage redundancy is still in progress."
        raise conflict("ConflictRequestToUpdateBackupRedundancy", message)


def storage_move(call: Call, database: Resource, after: Body, used: int) -> Body:
    """What to keep with the database while its backups move; nothing where they do not, or are few."""
    before = database.properties.get(ASKED)
    if after["properties"].get(ASKED) == before or used < SMALL_BYTES:
        return {}
    seconds = min(SECONDS_PER_GB * used / 1024**3, LONGEST_SECONDS)
    return {"storage_before": before, "storage_moved_at": call.now + seconds}


def is_moving(database: Resource, now: float) -> bool:
    inner = database.inner
    return bool(now < inner.get("storage_moved_at", 0.0) and database.properties.get(ASKED) != inner["storage_before"])


def with_storage(database: Resource, properties: Body, now: float) -> Body:
    """The properties as a reader sees them now."""
    return {**properties, CURRENT: database.inner["storage_before"]} if is_moving(database, now) else properties
