"""The health check of a worker's container."""

from __future__ import annotations

import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandParser

from controlplane import heartbeats
from controlplane.health import broker_state


class Command(BaseCommand):
    """Ends with 1 when the worker's canary is late; with 0 for one that has yet to begin, or while the broker is away."""

    help = "Tell whether a worker has finished its canary task lately."

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("name", help="Celery's name of the worker, e.g. worker-advance@host")

    def handle(self, *args: Any, **options: Any) -> None:
        late = any(life.late for life in heartbeats.lives() if life.name == options["name"])
        if late and broker_state() != "unreachable":
            self.stderr.write("late")
            sys.exit(1)
