"""Databases with a credential, and what must hold of it at any moment, as seen from Azure's side."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from inventory.models import Database, Workspace
from operations import clock
from provisioning.services import ServiceWish, request_service
from rotation.models import Credential
from rotation.names import stable_secret_of
from tests.builders import GIB, a_region, a_workspace
from tests.local_azure import LocalAzure, run_until_settled

DAY = timedelta(days=1)


def a_ready_database(azure: LocalAzure, name: str = "claims", workspace: Workspace | None = None) -> Database:
    """Made by the whole road, so that its first credential was really issued."""
    place = workspace or a_workspace("cigna", a_region("eastus"))
    granted = request_service(place, ServiceWish(name, "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure, seconds=60)
    database = Database.objects.select_related("server", "service__workspace").get(service=granted.service)
    assert database.status == "ready", database.error_message
    return database


def published(azure: LocalAzure, database: Database) -> dict[str, str]:
    """What a consumer reads now: the newest version, which must be readable."""
    newest = azure.secrets()[stable_secret_of(database)][-1]
    assert newest["attributes"]["enabled"], "consumers are refused the newest version"
    document: dict[str, str] = json.loads(newest["value"])
    return document


def can_sign_in(document: dict[str, str]) -> bool:
    login = LoginSpec(document["endpoint"], document["database"], document["user"], Secret(document["password"]))
    try:
        factory.sql_logins().verify(login)
    except CloudError:
        return False
    return True


def enabled_versions(azure: LocalAzure, database: Database) -> set[tuple[str, str]]:
    """(secret, version) of everything that somebody could still read."""
    return {(name, version["version"]) for name, version in versions_of(azure, database) if _enabled(version)}


def versions_of(azure: LocalAzure, database: Database) -> Iterator[tuple[str, dict[str, Any]]]:
    stable = stable_secret_of(database)
    for name, versions in azure.secrets().items():
        if name == stable or name.startswith(f"{stable}-"):
            yield from ((name, version) for version in versions)


def versions_in_use(database: Database) -> set[tuple[str, str]]:
    """(secret, version) that belong to the active or the overlapping user, by our own rows."""
    rows = Credential.objects.filter(database=database, status__in=["active", "overlapping"])
    staged = {(row.staging_secret, row.staging_version) for row in rows}
    return staged | {(row.stable_secret, row.stable_version) for row in rows}


def let_overlap_pass(azure: LocalAzure) -> None:
    """The business clock passes the overlap, and workers look again."""
    clock.advance(3 * DAY, business=True)
    azure.pass_time(1000)
    run_until_settled(azure, seconds=60)


def _enabled(version: dict[str, Any]) -> bool:
    return bool(version["attributes"]["enabled"])
