"""The whole road on a running stack; ends with exit code 0 only when every promise holds."""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

from django.core.management.base import BaseCommand, CommandError

from controlplane.demo.journey import Journey


class Command(BaseCommand):
    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        logging.getLogger("cloud").setLevel(logging.WARNING)  # what the demo itself asks Azure is no part of its table
        console = os.environ.get("CONSOLE_URL", "http://localhost:8000/console/")
        address = urlsplit(console)
        if not Journey(f"{address.scheme}://{address.netloc}").run():
            raise CommandError("Not everything went as promised; see above.")
        self.stdout.write("All promises hold; now all of it stops. `make up` starts an empty one and keeps it running.")
