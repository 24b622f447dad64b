"""Each worker sends itself a small task, through the broker, every few seconds. That it finished is the proof of life.

A process that is paused, has lost its broker without noticing, or whose every thread hangs, finishes none.
"""

from __future__ import annotations

from typing import Any

import structlog
from celery import Celery, bootsteps, signals
from celery.utils.nodenames import worker_direct
from django.conf import settings
from django.db import DatabaseError
from kombu.exceptions import OperationalError

log = structlog.get_logger(__name__)
TASK = "controlplane.tasks.finish_canary"


class Canary(bootsteps.StartStopStep):
    """Part of a worker's consumer: it starts with each connection to the broker."""

    requires = ("celery.worker.consumer.tasks:Tasks",)

    def __init__(self, parent: Any, **options: Any) -> None:
        super().__init__(parent, **options)
        self._timer: Any = None

    def start(self, parent: Any) -> None:
        self._timer = parent.timer.call_repeatedly(settings.CANARY_SECONDS, send, (parent.app, parent.hostname))
        send(parent.app, parent.hostname)

    def stop(self, parent: Any) -> None:
        if self._timer is not None:
            self._timer.cancel()


def install(app: Celery) -> None:
    """Give every worker of this application a canary."""
    app.steps["consumer"].add(Canary)
    signals.worker_shutdown.connect(_forget)


def send(app: Celery, hostname: str) -> None:
    """One canary to the worker's own queue; an unreachable broker is seen by its absence."""
    queue = worker_direct(hostname)
    queues = [name for name in app.amqp.queues.consume_from if name != queue.name]
    try:
        app.send_task(
            TASK,
            args=(hostname, queues),
            queue=queue,  # type: ignore[arg-type]  # a Queue is taken as well as its name
            expires=settings.CANARY_LATE_SECONDS,
            retry=False,
            ignore_result=True,
        )
    except OperationalError:
        log.warning("canary.not_sent")


def _forget(sender: Any, **_: Any) -> None:
    from controlplane import heartbeats

    try:
        heartbeats.forget_worker(sender.hostname)
    except DatabaseError:
        log.warning("canary.not_forgotten")
