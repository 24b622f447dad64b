"""The Celery application: queues, and what every worker does around a task. Its settings stand in celery_settings.py."""

from __future__ import annotations

import os
from functools import cached_property
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
# A worker told to stop hands its unfinished messages back before it dies; read by Celery when it is imported.
os.environ.setdefault("REMAP_SIGTERM", "SIGQUIT")

import structlog
from celery import Celery, signals
from django.conf import settings
from django.db import close_old_connections
from kombu.entity import Queue

from controlplane import canary, pool_children

log = structlog.get_logger(__name__)


class ControlPlane(Celery):
    """Celery, but for the end of beat."""

    @cached_property
    def Beat(self) -> Any:
        return self.subclass_with_self("controlplane.beat_process:Beat", name="Beat")  # type: ignore[arg-type]  # or a name


app = ControlPlane("controlplane")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.conf.update(task_queues=[Queue(name, routing_key=name) for name in settings.QUEUES])
app.autodiscover_tasks()
canary.install(app)


def drop_stale_connections(**_: object) -> None:
    """Reused connections are ours to look after: one that died since the last task is replaced here."""
    close_old_connections()


def keep_our_logging(**_: object) -> None:
    """A receiver alone keeps Celery from installing its own log handlers."""


def refuse_unsafe_configuration(**_: object) -> None:
    """A worker or beat with an unsafe production configuration does not start."""
    from controlplane import checks

    checks.refuse_unsafe_configuration()


def tell_sql_driver(**_: object) -> None:
    """Which driver signs in to SQL from this worker, in its log from the start."""
    from controlplane.azure import sql_driver

    found = sql_driver()
    log.info("sql.driver_in_use", driver=found.name, version=found.version, validates_tls=found.validates_tls)


signals.task_prerun.connect(drop_stale_connections)
signals.worker_process_init.connect(pool_children.die_with_worker)
signals.setup_logging.connect(keep_our_logging)
signals.celeryd_init.connect(refuse_unsafe_configuration)
signals.worker_init.connect(tell_sql_driver)
signals.beat_init.connect(refuse_unsafe_configuration)
