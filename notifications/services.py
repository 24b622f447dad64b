"""What may be asked of notifications: tell somebody."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from operations.models import OutboxEvent


def tell(kind: str, *, target: str, workspace: str = "", facts: Mapping[str, Any] | None = None) -> OutboxEvent:
    """Have everybody hear of it who wants to: call it inside the transaction that makes it true.

    `kind` stands in `kinds.KINDS`, `target` is the key of what it is about. `facts` hold ids, states and times, never secrets;
    they reach the owners of the workspace, and operators alone where it is empty.
    """
    return OutboxEvent.objects.create(kind=kind, target=target, workspace=workspace, data=dict(facts or {}))
