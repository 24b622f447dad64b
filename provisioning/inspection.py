"""A look inside a database before it changes its tier: what Azure would refuse for is found before anything begins."""

from __future__ import annotations

from cloud import factory
from cloud.contents import DatabaseContents
from cloud.identities import OwnIdentity
from inventory.models import Database
from operations.models import Operation
from operations.outcomes import StepError
from rotation.holding import is_entra_only
from rotation.logins import administrator
from rotation.vault import server_of

SHOWN = 5


def contents_of(operation: Operation, database: Database) -> DatabaseContents:
    """Size and in-memory tables, by a sign-in as the server's administrator, or as ourselves where only Entra enters."""
    if is_entra_only(database):
        return factory.sql_logins().contents(OwnIdentity(server_of(database).observed_endpoint, database.azure_name))
    with administrator(operation, database) as admin:
        return factory.sql_logins().contents(admin)


def refuse_in_memory(contents: DatabaseContents) -> None:
    """Azure converts no database with in-memory OLTP objects. Raises StepError."""
    if contents.memory_optimized:
        named = ", ".join(contents.memory_optimized[:SHOWN])
        text = f"Hyperscale takes no memory-optimized tables; this database has {named}. Replace them first."
        raise StepError("MemoryOptimizedObjects", text)


def refuse_too_large(contents: DatabaseContents, limit_bytes: int) -> None:
    """What is there has to fit. Raises StepError."""
    if contents.data_bytes > limit_bytes:
        has, most = -(-contents.data_bytes // 2**30), limit_bytes // 2**30
        raise StepError(
            "DataDoesNotFit", f"Its data files take {has:,} GB; the tier that it would go to holds {most:,} GB."
        )
