"""Versions that somebody could read and that nobody should: the one check, for the benchmark, the demo and the tests."""

from __future__ import annotations

from cloud import factory
from inventory.models import Database
from rotation.holding import GONE
from rotation.models import Credential
from rotation.names import secrets_of

Status = Credential.Status
WORKING = (Status.ACTIVE, Status.OVERLAPPING)


def orphaned_versions(database: Database) -> list[str]:
    """Enabled versions (`name/version`) of the database's secrets that belong neither to an active nor to an
    overlapping user; all of them once it is gone. Ask while nothing works on its credential: a staged one looks orphaned."""
    used = set() if database.status in GONE else _versions_in_use(database)
    enabled = {
        (v.name, v.version) for name in secrets_of(database) for v in factory.secret_store().versions(name) if v.enabled
    }
    return sorted(f"{name}/{version}" for name, version in enabled - used)


def _versions_in_use(database: Database) -> set[tuple[str, str]]:
    rows = Credential.objects.filter(database=database, status__in=WORKING)
    staged = {(row.staging_secret, row.staging_version) for row in rows}
    return staged | {(row.stable_secret, row.stable_version) for row in rows}
