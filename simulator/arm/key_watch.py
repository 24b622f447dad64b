"""What becomes of a database whose key is lost: sign-ins end, it becomes Inaccessible, and heals only where it is in time.

Azure says (Microsoft, TDE with customer-managed keys, 2026): connections are denied within 10 minutes, Inaccessible after
30; with access back before that it heals within the next hour. While a vault does not answer at all, it waits for 24 hours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from simulator.arm.database_keys import principal_of
from simulator.arm.resources import Body, Resource
from simulator.key_access import KeyRefused, Reason, UsableKey
from simulator.tds.contents import DatabaseContents

if TYPE_CHECKING:
    from simulator.arm.arm import Arm

KIND = "own_keys"
DENIED_AFTER, INACCESSIBLE_AFTER, OUTAGE_BUFFER = 600.0, 1800.0, 86_400.0
HEALS_WITHIN = (300.0, 3600.0)
ROTATES_AFTER = 12 * 3600.0  # Azure says: within 24 hours of a new version
LOOKS_EVERY = 600.0  # for what no request has told of, such as a key that a policy rotates
_TIMERS = ("key_lost_at", "key_reason", "key_denied", "heals_at")


class KeyWatch:
    """Looks at the keys of databases that have one of their own, as a function of the clock, before each request."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm
        self._contents: DatabaseContents | None = None
        self._next = 0.0

    def tell(self, contents: DatabaseContents) -> None:
        """Whose sessions end when a key is lost."""
        self._contents = contents

    def follow(self, database: Resource) -> None:
        """From now on, or no more, as the database has a key of its own or not."""
        if database.properties.get("encryptionProtector"):
            self._arm.store.put(KIND, database.key, {})
            self.disturb()
        elif self._arm.store.get(KIND, database.key) is not None:
            self._arm.store.delete(KIND, database.key)

    def disturb(self) -> None:
        """Something may have changed in a vault or with an identity: look now."""
        self._next = 0.0

    def look(self) -> None:
        """Bring every followed database up to the present moment."""
        now = self._arm.clock.now()
        if now < self._next:
            return
        self._next = now + LOOKS_EVERY
        for key, _ in self._arm.store.items(KIND):
            database = self._arm.resources.get(key)
            if database is None or not database.properties.get("encryptionProtector"):
                self._arm.store.delete(KIND, key)
            elif database.properties["status"] != "Inaccessible":
                self._look_at(database, now)

    def usable(self, database: Resource) -> UsableKey:
        """The key of the database, by its identity. Raises KeyRefused."""
        uri = str(database.properties["encryptionProtector"])
        principal = principal_of(self._arm, database.body.get("identity"))
        return self._arm.key_access.readable(uri, object_id=principal)

    def _look_at(self, database: Resource, now: float) -> None:
        try:
            key = self.usable(database)
        except KeyRefused as refused:
            self._lose(database, refused, now)
        else:
            self._find(database, key, now)

    def _lose(self, database: Resource, refused: KeyRefused, now: float) -> None:
        lost_at = float(database.inner.get("key_lost_at") or now)
        grace = OUTAGE_BUFFER if refused.reason is Reason.UNREACHABLE else 0.0
        changed: Body = {"key_lost_at": lost_at, "key_reason": str(refused), "heals_at": None}
        denied_at, ends_at = lost_at + grace + DENIED_AFTER, lost_at + grace + INACCESSIBLE_AFTER
        if now >= denied_at and not database.inner.get("key_denied"):
            changed["key_denied"] = True
            self._end_sessions(database)
        shown = {"status": "Inaccessible"} if now >= ends_at else {}
        self._arm.resources.put(database.changed(properties=shown, inner=changed))
        self._next = min([self._next, *(one for one in (denied_at, ends_at) if one > now)])

    def _find(self, database: Resource, key: UsableKey, now: float) -> None:
        inner = database.inner
        if inner.get("key_lost_at") is not None and not inner.get("key_denied"):
            self._arm.resources.put(well_again(database))
        elif inner.get("key_denied") and inner.get("heals_at") is None:
            heals_at = now + self._arm.seconds(*HEALS_WITHIN)
            self._arm.resources.put(database.changed(inner={"heals_at": heals_at}))
            self._next = min(self._next, heals_at)
        elif inner.get("heals_at") is not None:
            self._heal(database, float(inner["heals_at"]), now)
        elif database.properties.get("encryptionProtectorAutoRotation"):
            self._rotate(database, key, now)

    def _heal(self, database: Resource, heals_at: float, now: float) -> None:
        if now >= heals_at:
            self._arm.resources.put(well_again(database))
        else:
            self._next = min(self._next, heals_at)

    def _rotate(self, database: Resource, key: UsableKey, now: float) -> None:
        if key.version == key.newest_version:
            return
        seen = database.inner.get("newer_key") or {}
        if seen.get("version") != key.newest_version:
            newer = {"version": key.newest_version, "seen_at": now}
            self._arm.resources.put(database.changed(inner={"newer_key": newer}))
            return
        if now < seen["seen_at"] + ROTATES_AFTER:
            return
        uri = str(database.properties["encryptionProtector"]).rsplit("/", 1)[0] + "/" + key.newest_version
        keys = {**database.inner["keys"], uri: {"thumbprint": self._thumbprint(database, uri), "since": now}}
        changed = database.changed(properties={"encryptionProtector": uri}, inner={"keys": keys, "newer_key": None})
        self._arm.resources.put(changed)

    def _thumbprint(self, database: Resource, uri: str) -> str:
        principal = principal_of(self._arm, database.body.get("identity"))
        return self._arm.key_access.readable(uri, object_id=principal).thumbprint

    def _end_sessions(self, database: Resource) -> None:
        if self._contents is not None:
            self._contents.close(database.properties["databaseId"])


def well_again(database: Resource) -> Resource:
    """Nothing is left of a loss."""
    return database.changed(inner=dict.fromkeys(_TIMERS))
