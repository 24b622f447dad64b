"""Row ids, and the Azure names that are made from them."""

from __future__ import annotations

import base64
from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): time first, so that new rows stand together in an index."""
    return uuid_utils.compat.uuid7()


def azure_name(prefix: str, row_id: UUID) -> str:
    """`prefix`-<base32 of the id>, 26 characters: never made from what a user typed, never reused."""
    return f"{prefix}-{base64.b32encode(row_id.bytes).decode().rstrip('=').lower()}"
