from __future__ import annotations

from typing import ClassVar

from django.db import models

from inventory.identifiers import new_id
from inventory.models import Workspace
from operations.clock import DatabaseNow
from operations.models import OutboxEvent


class Notice(models.Model):
    """An event in the inbox of a workspace's members; without a workspace, of the operators."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    event = models.OneToOneField(OutboxEvent, models.CASCADE, related_name="notice")
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="notices")
    kind = models.TextField()
    severity = models.TextField()
    target = models.TextField()
    title = models.TextField()
    text = models.TextField()
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        indexes: ClassVar = [
            models.Index(fields=["workspace", "-created_at", "-id"], name="notice_newest"),
            models.Index(fields=["-created_at", "-id"], name="notice_newest_of_all"),
        ]

    def __str__(self) -> str:
        return self.title


class NoticeRead(models.Model):
    """Somebody has read a notice; others may not have."""

    notice = models.ForeignKey(Notice, models.CASCADE, related_name="reads")
    reader = models.TextField(help_text="As in the audit log.")
    read_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["reader", "notice"], name="notice_read_once"),
        ]

    def __str__(self) -> str:
        return f"{self.reader} {self.notice_id}"
