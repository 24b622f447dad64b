"""Messages that ring for a worker. Losing, doubling or reordering them changes nothing but delay."""

from __future__ import annotations

from collections.abc import Iterable

import structlog
from celery import current_app
from django.conf import settings
from kombu.exceptions import OperationalError

from operations.failpoints import hit
from operations.models import Operation
from operations.workflow import Lane, lane_of

log = structlog.get_logger(__name__)


def hint(operation: Operation) -> None:
    """Ring for a worker that serves the next step of an operation. A broker that is away costs the delay of a sweep."""
    queue = queue_of(lane_of(operation.kind, operation.step))
    send_hint("operations.tasks.advance_operation", queue, str(operation.pk))


def hint_lane(lane: Lane) -> None:
    """Ask a worker of this lane to look at everything that is due."""
    send_hint("operations.tasks.advance_due", queue_of(lane))


def hint_steps(steps: Iterable[tuple[str, str]]) -> None:
    """Ask the workers that serve these (kind, step) to look at everything that is due; once each."""
    for queue in {queue_of(lane_of(kind, step)) for kind, step in steps}:
        send_hint("operations.tasks.advance_due", queue)


def serves(lane: Lane) -> bool:
    """Whether this very process runs steps of that lane."""
    return lane in settings.WORKER_LANES


def queue_of(lane: Lane) -> str:
    """The Celery queue of the workers that serve a lane."""
    return str(settings.LANE_QUEUES[lane])


def send_hint(task: str, queue: str, *arguments: str) -> None:
    """Send a message that may be lost: whoever needs it is found by a sweep as well."""
    hit("hint.before")
    try:
        current_app.send_task(task, args=arguments, queue=queue, ignore_result=True)
    except OperationalError:
        log.warning("hint.not_sent", task=task)
