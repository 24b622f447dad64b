"""Replication links: how a database moves to another server. A link begins with a database that is `secondary_of` one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloud.protocols import Accepted, ServerRef

IN_STEP = "CATCH_UP"


@dataclass(frozen=True, slots=True)
class GeoLink:
    """A link as one of its two databases sees it; its `id` is the same on both sides.

    `role` and `partner_role` are Primary or Secondary; `state` is PENDING, SEEDING, CATCH_UP or SUSPENDED, `percent` that of
    the seeding; `type` is GEO, NAMED or STANDBY. `partner_id` is the ARM id of the other database.
    """

    id: str
    partner_id: str
    role: str
    partner_role: str
    state: str
    percent: int
    type: str


class SqlLinks(Protocol):
    """The part of `SqlManagement` that concerns replication."""

    def list_links(self, server: ServerRef, database: str) -> list[GeoLink]:
        """All of one database; raises Missing when the database is not there, so that "no link" is never a guess."""
        ...

    def begin_fail_over(
        self, server: ServerRef, database: str, link: str, *, allow_data_loss: bool = False
    ) -> Accepted:
        """Make the secondary the primary: `server` and `database` are the secondary's. Sessions end on both sides.

        Without data loss Azure first replays all that the primary has. Raises Rejected GeoReplicationDatabaseNotSecondary
        when it is the primary already, IncorrectReplicationLinkState while it is being seeded.
        """
        ...

    def begin_delete_link(self, server: ServerRef, database: str, link: str) -> Accepted:
        """End replication, from either side; both databases stay, each on its own. A link that is gone is no error."""
        ...
