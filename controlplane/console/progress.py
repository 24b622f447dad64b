"""How far an operation is: by what Azure said of its change, or by what it has begun."""

from __future__ import annotations

from datetime import datetime

from controlplane.console.display import moment, size
from controlplane.console.tables import Facts
from operations.models import Operation
from provisioning.changes.forecast import expected_end


def progress_facts(row: Operation) -> list[Facts]:
    """What Azure said of the change when it was last looked at, and what follows from it."""
    run = row.choices.get("run")
    if row.is_terminal:
        return []
    if run is None:
        return _progress(row)
    values = (
        ("Phase", run["phase"] or run["state"]),
        ("Of the expected time", f"{run['percent']} %"),
        ("Expected end", moment(datetime.fromisoformat(run["expected_end_at"]))),
        ("To copy", size(row.choices.get("data_bytes"))),
    )
    return [Facts("Azure's change", values)]


def _progress(row: Operation) -> list[Facts]:
    """How far it is by what it has begun, and when it should be over."""
    told, end = row.choices.get("progress", {}), expected_end(row)
    values: list[tuple[str, object]] = [("Expected end", moment(end))] if end else []
    if "hops" in told:
        values += [("Hops done", f"{told['done']} of {told['hops']}"), ("It is now", told["stands"])]
    if "databases" in told:
        values.append(("Databases moved", f"{told['moved']} of {told['databases']}"))
    return [Facts("How far it is", values)] if values else []
