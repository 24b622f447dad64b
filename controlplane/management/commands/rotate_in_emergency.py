"""Replace every credential that somebody may know, now, from a shell."""

from __future__ import annotations

import getpass
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from inventory.models import Database, SqlServer
from inventory.selectors import present_workspaces
from operations.errors import OperationRefused
from rotation.emergency import Reach, Scope, request_emergency
from rotation.holding import GONE


class Command(BaseCommand):
    """Declares an emergency: both users of each database within reach, worst first. The operation tells how it is going."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        reach = parser.add_mutually_exclusive_group(required=True)
        reach.add_argument("--database", metavar="NAME", help="one database, by its name in Azure")
        reach.add_argument("--workspace", metavar="NAME", help="all databases of one workspace")
        reach.add_argument("--server", metavar="NAME", help="all databases on one server, by its name in Azure")
        reach.add_argument("--everything", action="store_true", help="every database of every customer")
        parser.add_argument("--reason", required=True, help="why; it stands in the audit log")

    def handle(self, *args: Any, **options: Any) -> None:
        reach, workspace = _reach(options)
        actor = f"shell:{getpass.getuser()}"
        try:
            operation = request_emergency(reach, actor=actor, reason=options["reason"], workspace=workspace)
        except OperationRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(f"Declared: operation {operation.pk} replaces everything within its reach.")


def _reach(options: dict[str, Any]) -> tuple[Reach, str]:
    """What is meant, and the workspace that is told. Raises CommandError for what is not there."""
    if options["everything"]:
        return Reach(Scope.EVERYTHING), ""
    if name := options["workspace"]:
        return Reach(Scope.WORKSPACE, _there(present_workspaces().filter(name=name).first(), name).pk), name
    if name := options["server"]:
        found = SqlServer.objects.filter(azure_name=name).exclude(status__in=GONE).first()
        return Reach(Scope.SERVER, _there(found, name).pk), ""
    rows = Database.objects.select_related("service__workspace").exclude(status__in=GONE)
    database = _there(rows.filter(azure_name=options["database"], stands_in_for=None).first(), options["database"])
    return Reach(Scope.DATABASE, database.pk), database.service.workspace.name if database.service else ""


def _there(found: Any, name: str) -> Any:
    if found is None:
        raise CommandError(f"There is no {name}.")
    return found
