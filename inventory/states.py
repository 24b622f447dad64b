"""The life of servers, pools and databases: which moves are legal, and the one way to make them."""

from __future__ import annotations

from typing import Any

from django.db import models


class Status(models.TextChoices):
    """creating → ready | failed; ready ⇄ updating; anything but deleted → deleting → deleted; failed → creating (again);
    deleted ⇄ updating: it is being restored; or that came to nothing. ready → creating: one of the stock was claimed, and
    lacks something still."""

    CREATING = "creating"
    READY = "ready"
    UPDATING = "updating"
    DELETING = "deleting"
    DELETED = "deleted"
    FAILED = "failed"


LEGAL_MOVES: dict[str, frozenset[str]] = {
    Status.CREATING: frozenset({Status.READY, Status.FAILED, Status.DELETING, Status.DELETED}),
    Status.READY: frozenset({Status.UPDATING, Status.CREATING, Status.DELETING}),
    Status.UPDATING: frozenset({Status.READY, Status.FAILED, Status.DELETING, Status.DELETED}),
    Status.DELETING: frozenset({Status.DELETED, Status.FAILED}),
    Status.FAILED: frozenset({Status.CREATING, Status.UPDATING, Status.DELETING, Status.DELETED}),
    Status.DELETED: frozenset({Status.UPDATING}),
}


class IllegalMove(Exception):
    """The row was not in a state from which this move is legal; nothing has changed."""

    code = "IllegalMove"
    transient = True


def move(row: models.Model, to: str, **columns: Any) -> None:
    """Change the status of one row where the move is legal, together with `columns`. Raises IllegalMove."""
    origins = [state for state, targets in LEGAL_MOVES.items() if to in targets]
    changed = type(row)._default_manager.filter(pk=row.pk, status__in=origins).update(status=to, **columns)
    if not changed:
        raise IllegalMove(f"{row} cannot become {to}.")
    for name, value in {"status": to, **columns}.items():
        setattr(row, name, value)
