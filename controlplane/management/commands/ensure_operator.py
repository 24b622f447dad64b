"""Make sure that somebody can sign in to the console. There is no default login."""

from __future__ import annotations

import secrets
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandParser


class Command(BaseCommand):
    """Creates the operator once, with a generated password that is shown once and stored only as a hash."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--name", default="operator", help="the login's name")
        parser.add_argument("--reset", action="store_true", help="give an existing operator a new password")

    def handle(self, *args: Any, **options: Any) -> None:
        user, created = User.objects.get_or_create(
            username=options["name"], defaults={"is_staff": True, "is_superuser": True}
        )
        if not created and not options["reset"]:
            self.stdout.write(
                f"  Login    {user.username} (its password was shown when it was made; `make operator` sets a new one)"
            )
            return
        password = secrets.token_urlsafe(18)
        user.set_password(password)
        user.save(update_fields=["password"])
        self.stdout.write(f"  Login    {user.username}\n  Password {password}   (shown this once)")
