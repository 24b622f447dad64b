"""What a database's documents were before each change: so that a moment of its past can be brought back."""

from __future__ import annotations

from collections.abc import Iterator

from simulator.store import Document, Store
from simulator.tds.directory import HISTORY, PRINCIPALS

KEPT = 64


def remember(store: Store, kind: str, key: str, now: float) -> None:
    """Keep what stands under this key until now; call it before the change. Of each key the last 64 states are kept."""
    before = store.get(kind, key)
    if before is None and kind == PRINCIPALS:
        return  # its own created_at tells since when it is there
    database_id, _, name = key.partition("/")
    past = f"{database_id}/{kind}/{name}\n"
    if store.get(HISTORY, f"{past}{now:020.6f}") is not None:
        return  # of several changes at one moment, the state before the first
    store.put(HISTORY, f"{past}{now:020.6f}", {"was": before})
    states = sorted(each for each, _ in store.items(HISTORY, prefix=past))
    for each in states[:-KEPT]:
        store.delete(HISTORY, each)


def as_of(store: Store, database_id: str, kind: str, moment: float) -> Iterator[tuple[str, Document]]:
    """(name, document) of everything of this kind that stood at the moment; what is older than the oldest state kept is
    shown as that one."""
    prefix = f"{database_id}/"
    found: dict[str, Document | None] = {key.removeprefix(prefix): one for key, one in store.items(kind, prefix=prefix)}
    for key, state in sorted(store.items(HISTORY, prefix=f"{prefix}{kind}/"), reverse=True):
        name, _, until = key.removeprefix(f"{prefix}{kind}/").rpartition("\n")
        if float(until) > moment:
            found[name] = state["was"]
    for name, document in found.items():
        if document is not None and (kind != PRINCIPALS or document["created_at"] <= moment):
            yield name, document
