"""The audit log: every change of state, refusal and sign-in, in the same transaction as the change."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from typing import Any
from uuid import UUID

from operations.models import AuditEvent

request_id: ContextVar[str] = ContextVar("request_id", default="")


def event(
    action: str,
    *,
    actor: str,
    target: str = "",
    workspace: str = "",
    operation_id: UUID | None = None,
    outcome: str = "done",
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str = "",
    request: str = "",
) -> AuditEvent:
    """An event, not yet written. Values hold ids and states, never secrets."""
    return AuditEvent(
        action=action,
        actor=actor,
        target=target,
        workspace=workspace,
        operation_id=operation_id,
        outcome=outcome,
        before=dict(before or {}),
        after=dict(after or {}),
        reason=reason,
        request_id=request or request_id.get(),
    )


def write(events: Iterable[AuditEvent]) -> None:
    """Append events to the log, in the caller's transaction."""
    AuditEvent.objects.bulk_create(list(events))


def record(action: str, **details: Any) -> None:
    """Append one event; see `event`."""
    write([event(action, **details)])
