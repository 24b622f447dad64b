"""Give the application's role its rights on the tables to come. Once, before the first `migrate` on a server of your own."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.db import connection

from controlplane.database_roles import grant_default_rights


class Command(BaseCommand):
    """Runs as the owner (MIGRATION_DATABASE_URL); harmless to repeat."""

    help = __doc__

    def handle(self, *args: Any, **options: Any) -> None:
        owner, application = connection.settings_dict["USER"], settings.APPLICATION_ROLE
        if owner == application:
            raise CommandError("MIGRATION_DATABASE_URL must name the owner, another role than DATABASE_URL does.")
        with connection.cursor() as cursor:
            grant_default_rights(cursor, owner=owner, application=application)
        self.stdout.write(f"{application} may read and write rows of the tables that {owner} makes from now on.")
