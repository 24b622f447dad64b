"""Names of databases and pools."""

from __future__ import annotations

import re

from simulator.arm.errors import invalid

RESERVED = frozenset({"master", "model", "tempdb", "msdb", "resource"})
_BAD = re.compile(r"[<>*%&:\\/?\x00-\x1f\x7f]")


def check_child_name(name: str) -> None:
    """1 to 128 characters, none of <>*%&:\\/? or a control character, no space or period at the end."""
    if name != name.rstrip(" ."):
        raise invalid(
            "CannotUseTrailingWhitespacesInDatabaseName",
            f"The name validation failed: '{name}' ends in a space or a period.",
        )
    if not 1 <= len(name) <= 128 or _BAD.search(name):
        raise invalid("InvalidIdentifier", f"The identifier '{name}' is too long or contains an invalid character.")


def check_not_reserved(name: str) -> None:
    if name.lower() in RESERVED:
        raise invalid("CannotUseReservedDatabaseName", f"Cannot use reserved database name '{name}' in this operation.")
