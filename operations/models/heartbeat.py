from __future__ import annotations

from django.db import models


class Heartbeat(models.Model):
    """When a worker last finished its canary task, or beat last ticked as leader. Late means stuck, or gone."""

    class Kind(models.TextChoices):
        WORKER = "worker"
        BEAT = "beat"

    name = models.TextField(primary_key=True, help_text="Celery's name of the worker, or beat.")
    kind = models.TextField(choices=Kind.choices)
    queues = models.JSONField(default=list, help_text="What a worker consumes.")
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(help_text="By PostgreSQL's own clock, which no test moves.")

    def __str__(self) -> str:
        return self.name
