"""Messages that wake a worker. Losing, doubling or reordering them changes nothing but delay."""

from __future__ import annotations

from uuid import UUID

import structlog
from celery import current_app
from kombu.exceptions import OperationalError

from operations.failpoints import hit

log = structlog.get_logger(__name__)


def hint(operation_id: UUID) -> None:
    """Ask a worker to look at one operation now. A broker that is away costs the delay of the next sweep."""
    _send("operations.tasks.advance_operation", str(operation_id))


def hint_due() -> None:
    """Ask a worker to look at everything that is due."""
    _send("operations.tasks.advance_due")


def _send(task: str, *arguments: str) -> None:
    hit("hint.before")
    try:
        current_app.send_task(task, args=arguments, ignore_result=True)
    except OperationalError:
        log.warning("hint.not_sent", task=task)
