"""Print a bearer token for the API of a running `make up`, as the local directory gives it to an application."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.api.principals import Role
from controlplane.demo.clients import SimulatorBooks, token_answer
from controlplane.env import is_set

ROLES = [Role.OPERATOR, Role.AUDITOR]  # the others need a workspace to be a member of


class Command(BaseCommand):
    """Registers an application in the simulator's directory. Refused where the directory is a real one."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument("--role", default=Role.OPERATOR, choices=ROLES, help="the app role in the token")

    def handle(self, *args: Any, **options: Any) -> None:
        if settings.IN_PRODUCTION or not is_set("SIMULATOR_ADMIN_URL"):
            raise CommandError("Only the local Azure gives tokens away; ask your own directory for one.")
        role, audience = str(options["role"]), settings.API_AUDIENCE
        app = SimulatorBooks().register_app(f"local-{role.lower()}", roles={audience: [role]})
        self.stdout.write(token_answer(app, audience)["access_token"])
