from __future__ import annotations

from typing import ClassVar

from django.db import models

from operations.clock import DatabaseNow
from operations.identifiers import new_id


class AuditEvent(models.Model):
    """Who did what to what, and with which outcome; written in the same transaction as the change itself.

    The application's role may insert and read, nothing else. Partitioned by month of `at`.
    """

    pk = models.CompositePrimaryKey("at", "id")
    id = models.UUIDField(default=new_id)
    at = models.DateTimeField(db_default=DatabaseNow())
    actor = models.TextField()
    action = models.TextField(help_text="A stable event name, e.g. operation.submitted.")
    target = models.TextField(blank=True, default="")
    workspace = models.TextField(blank=True, default="")
    operation_id = models.UUIDField(null=True)
    request_id = models.TextField(blank=True, default="")
    outcome = models.TextField(default="done", help_text="done, refused or failed.")
    before = models.JSONField(default=dict)
    after = models.JSONField(default=dict)
    reason = models.TextField(blank=True, default="")

    class Meta:
        managed = False  # partitioned: its table is made by a migration's SQL
        db_table = "operations_audit_event"
        ordering: ClassVar = ["-at", "-id"]

    def __str__(self) -> str:
        return f"{self.action} {self.target}"
