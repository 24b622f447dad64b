from __future__ import annotations

from django.db import models


class Counter(models.Model):
    """How often something happened in all workers since the beginning; see operations/counting.py."""

    name = models.TextField(primary_key=True)
    value = models.FloatField(default=0)

    def __str__(self) -> str:
        return self.name
