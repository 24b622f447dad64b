"""Fail, naming the variable, where PostgreSQL, the broker or Azure does not answer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError

from controlplane.reachable import unreachable


class Command(BaseCommand):
    help = __doc__
    requires_system_checks: list[str] = []

    def handle(self, *args: Any, **options: Any) -> None:
        if found := unreachable():
            raise CommandError(found)
