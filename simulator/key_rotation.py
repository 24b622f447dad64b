"""Rotation policies of keys: what they may say, and when the next version is due."""

from __future__ import annotations

import re
from typing import Any

from simulator.store import Document
from simulator.vault_bodies import bad_parameter

DAY = 86_400
SHORTEST_EXPIRY_DAYS, SHORTEST_ROTATION_DAYS = 28, 7
NOTIFY = {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}
_PERIOD = re.compile(r"P(?:(\d{1,4})Y)?(?:(\d{1,4})M)?(?:(\d{1,4})D)?", re.IGNORECASE)


def days(period: Any) -> int:
    """A period such as P90D, P18M or P1Y in days, a month taken as 30 and a year as 365; 400 for anything else."""
    found = _PERIOD.fullmatch(period) if isinstance(period, str) else None
    if found is None or not any(found.groups()):
        raise bad_parameter(f"'{period}' is not an ISO 8601 period of years, months or days.")
    years, months, rest = (int(part or 0) for part in found.groups())
    return years * 365 + months * 30 + rest


def checked(body: Document, *, before: Document | None, now: int) -> Document:
    """The policy that a client sent, as it is kept; 400 where Azure refuses it."""
    given = {name: value for name, value in body.items() if value is not None}
    attributes, actions = given.get("attributes", {}), given.get("lifetimeActions", [])
    if not isinstance(attributes, dict) or not isinstance(actions, list):
        raise bad_parameter("The key rotation policy cannot be read.")
    expiry = attributes.get("expiryTime") or None
    if expiry is not None and days(expiry) < SHORTEST_EXPIRY_DAYS:
        raise bad_parameter(f"expiryTime must be at least {SHORTEST_EXPIRY_DAYS} days.")
    kept = [_action(one, expiry) for one in actions]
    created = before["attributes"]["created"] if before else now
    shown = {"expiryTime": expiry} if expiry else {}
    return {"lifetimeActions": kept, "attributes": {**shown, "created": created, "updated": now}}


def _action(action: Any, expiry: str | None) -> Document:
    try:
        trigger, kind = action["trigger"], str(action["action"]["type"]).capitalize()
        after, before = trigger.get("timeAfterCreate"), trigger.get("timeBeforeExpiry")
    except (KeyError, TypeError, AttributeError) as error:
        raise bad_parameter("A lifetime action has a trigger and an action with a type.") from error
    if kind not in ("Rotate", "Notify") or (after is None) == (before is None):
        raise bad_parameter("A lifetime action rotates or notifies, at one time after creation or before expiry.")
    if before is not None and expiry is None:
        raise bad_parameter("timeBeforeExpiry needs an expiryTime.")
    if days(after or before) < SHORTEST_ROTATION_DAYS:
        raise bad_parameter(f"A lifetime action takes place at least {SHORTEST_ROTATION_DAYS} days on.")
    when = {"timeAfterCreate": after} if after is not None else {"timeBeforeExpiry": before}
    return {"trigger": when, "action": {"type": kind}}


def rotation_due(policy: Document | None, newest: Document) -> int | None:
    """When the policy makes the next version after this one; None when it never does."""
    for action in policy["lifetimeActions"] if policy else ():
        if action["action"]["type"] != "Rotate":
            continue
        trigger, attributes = action["trigger"], newest["attributes"]
        if "timeAfterCreate" in trigger:
            return int(attributes["created"]) + days(trigger["timeAfterCreate"]) * DAY
        if attributes.get("exp"):
            return int(attributes["exp"]) - days(trigger["timeBeforeExpiry"]) * DAY
    return None


def expiry_of(policy: Document | None, created: int) -> int | None:
    """When a version made at that time by rotation expires; None without an expiry in the policy."""
    period = policy["attributes"].get("expiryTime") if policy else None
    return created + days(period) * DAY if period else None
