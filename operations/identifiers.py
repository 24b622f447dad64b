"""Row ids that sort by time."""

from uuid import UUID

import uuid_utils.compat


def new_id() -> UUID:
    """A UUID of version 7 (RFC 9562): time first, so that new rows stand together in an index."""
    return uuid_utils.compat.uuid7()
