"""Credentials by reference: names of users and secrets. The values stand in Key Vault alone."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Q, QuerySet
from django.http import HttpRequest

from controlplane.console import recent
from controlplane.console.display import copyable, moment, row_link, state
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.sessions import COUNT_SESSIONS, sessions_of
from controlplane.console.site import console
from controlplane.console.tables import Facts, Table
from controlplane.console.targets import name_of
from rotation.models import Credential


@admin.register(Credential, site=console)
class CredentialPage(ReadOnlyPage):
    """Soonest to expire first."""

    list_display = ("user_name", "slot", "state_of", "database_link", "stable", "promoted", "expires")
    list_filter = ("status", "slot")
    search_fields = ("user_name", "stable_secret", "staging_secret", "database__azure_name")
    ordering = ("valid_until", "pk")
    empty_means = "No login has been issued yet."
    buttons = (COUNT_SESSIONS,)

    def get_queryset(self, request: HttpRequest) -> QuerySet[Credential]:
        rows: QuerySet[Credential] = super().get_queryset(request).select_related("database__service__workspace")
        return rows

    @display(description="state", ordering="status")
    def state_of(self, row: Credential) -> str:
        return state(row.status)

    @display(description="database")
    def database_link(self, row: Credential) -> str:
        return row_link(row.database, name_of(row.database))

    @display(description="secret that consumers read", ordering="stable_secret")
    def stable(self, row: Credential) -> str:
        return copyable(row.stable_secret)

    @display(description="promoted", ordering="promoted_at")
    def promoted(self, row: Credential) -> str:
        return moment(row.promoted_at, never="never")

    @display(description="valid until", ordering="valid_until")
    def expires(self, row: Credential) -> str:
        return moment(row.valid_until)

    def facts(self, row: Credential) -> list[Facts]:
        user = (
            ("Database", self.database_link(row)),
            ("User", copyable(row.user_name)),
            ("Slot", row.slot),
            ("State", state(row.status)),
            ("Promoted", self.promoted(row)),
            ("Valid until", moment(row.valid_until)),
            ("Seen to work (user of Entra)", moment(row.checked_at)),
            ("Acknowledged by its service", moment(row.acknowledged_at, never="never")),
            ("Open sessions", sessions_of(row)),
        )
        secrets = (
            ("Secret that consumers read", copyable(row.stable_secret)),
            ("Its version", copyable(row.stable_version)),
            ("This slot's own secret", copyable(row.staging_secret)),
            ("Its version", copyable(row.staging_version)),
        )
        return [Facts("User", user), Facts("Names in the vault", secrets)]

    def tables(self, row: Credential) -> list[Table]:
        """Rotations are recorded about the credential, proofs by a sign-in about the database."""
        key, proved = row.key, Q(target=row.database.key, action__startswith="database.sign_in")
        return [recent.events(f"target={key}", Q(target=key) | proved)]
