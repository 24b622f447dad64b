from __future__ import annotations

from typing import ClassVar

from django.db import models

from operations.clock import DatabaseNow
from operations.identifiers import new_id


class StepRun(models.Model):
    """One run of one step: written before it acts outside, finished with what came of it; the history people read.

    Unfinished means *maybe happened*. Partitioned by month of `started_at`.
    """

    pk = models.CompositePrimaryKey("started_at", "id")
    id = models.UUIDField(default=new_id)
    started_at = models.DateTimeField(db_default=DatabaseNow())
    operation_id = models.UUIDField()
    step = models.TextField()
    run = models.BigIntegerField(help_text="The operation's fence at the claim: one number a claim.")
    target = models.TextField(blank=True, default="")
    finished_at = models.DateTimeField(null=True)
    outcome = models.TextField(blank=True, default="", help_text="next, wait, error, throttled, lost or crashed.")
    detail = models.TextField(blank=True, default="")
    request_id = models.TextField(blank=True, default="", help_text="Azure's x-ms-request-id.")

    class Meta:
        managed = False  # partitioned: its table is made by a migration's SQL
        db_table = "operations_step_run"
        ordering: ClassVar = ["started_at", "id"]

    def __str__(self) -> str:
        return f"{self.step} #{self.run}"
