#!/usr/bin/env python
"""Django's command line. `migrate` runs as the owner role, everything else as the application's."""

from __future__ import annotations

import os
import sys

OWNER_COMMANDS = frozenset({"migrate", "flush", "sqlflush"})


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    if OWNER_COMMANDS.intersection(sys.argv[1:2]):
        os.environ.setdefault("DATABASE_ROLE", "owner")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
