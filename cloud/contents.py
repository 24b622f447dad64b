"""What is inside a database, as far as it decides what the database may become."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from cloud.identities import OwnIdentity
    from cloud.protocols import LoginSpec


@dataclass(frozen=True, slots=True)
class DatabaseContents:
    """`data_bytes` is what its data files take (their allocated size). `memory_optimized`: tables of in-memory OLTP."""

    data_bytes: int
    memory_optimized: tuple[str, ...]


class SqlContents(Protocol):
    """The part of `SqlLogins` that looks inside."""

    def contents(self, admin: LoginSpec | OwnIdentity) -> DatabaseContents:
        """From sys.database_files (pages of 8 KB) and sys.tables; changes nothing."""
        ...
