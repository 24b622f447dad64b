"""Settings that the baseline demands of a database before anything is called ready; each may be asked for again."""

from __future__ import annotations

from inventory.models import Database
from operations.models import Operation
from operations.outcomes import Outcome
from provisioning import awaiting
from provisioning.targets import management_for, reference, server_row_of


def ensure_retention(operation: Operation, database: Database) -> Outcome:
    """Set the restore window (days) that the workspace asks for."""
    server, name, management = reference(server_row_of(database)), database.azure_name, management_for(operation)
    return awaiting.ask_then_look(
        operation,
        "retention",
        is_done=lambda: management.get_retention_days(server, name) == database.retention_days,
        ask=lambda: management.begin_set_retention(server, name, database.retention_days),
    )


def ensure_encryption(operation: Operation, database: Database) -> Outcome:
    """Encryption at rest is on by default; never call a database ready on a default that was neither seen nor asked for."""
    server, name, management = reference(server_row_of(database)), database.azure_name, management_for(operation)
    return awaiting.ask_then_look(
        operation,
        "encryption",
        is_done=lambda: management.get_tde_enabled(server, name) is True,
        ask=lambda: management.begin_enable_tde(server, name),
    )
