#!/usr/bin/env python
"""Django's command line. What changes the schema runs as the owner role, all else as the application's."""

from __future__ import annotations

import os
import sys

OWNER_COMMANDS = frozenset({"migrate", "prepare_database"})


def main() -> None:
    """Run the command that the arguments name."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "controlplane.settings")
    if OWNER_COMMANDS.intersection(sys.argv[1:2]):
        os.environ.setdefault("DATABASE_ROLE", "owner")
    from django.core.management import execute_from_command_line

    execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
