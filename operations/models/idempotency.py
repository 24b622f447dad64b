from __future__ import annotations

from datetime import timedelta
from typing import ClassVar

from django.db import models

from operations.clock import DatabaseNow


class IdempotencyKey(models.Model):
    """The answer that a repeated request gets again. Scope: (principal, workspace, method, route); kept 24 hours."""

    KEPT: ClassVar = timedelta(hours=24)

    principal = models.TextField()
    scope = models.TextField()
    key = models.TextField()
    request_hash = models.TextField()
    status = models.PositiveSmallIntegerField(null=True)
    headers = models.JSONField(default=dict)
    body = models.JSONField(default=dict)
    created_at = models.DateTimeField(db_default=DatabaseNow())

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["principal", "scope", "key"], name="idempotency_key_once"),
        ]

    def __str__(self) -> str:
        return self.key
