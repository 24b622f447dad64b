"""The certificate of a workspace's removal: every resource, backup and secret that it had, and when each ends."""

from __future__ import annotations

import hashlib
import json
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q

from inventory.models import Database, Workspace
from operations import clock
from operations.models import Operation
from provisioning.forgetting import grace_end
from rotation.models import Credential


def certificate_of(workspace: Workspace, operation: Operation) -> dict[str, Any]:
    """In JSON's types, with a digest of all the rest. It names references only; keys of customers stay with them."""
    theirs = Q(service__workspace=workspace) | Q(stands_in_for__service__workspace=workspace)
    databases = list(Database.objects.filter(theirs).select_related("service", "server", "stands_in_for__service"))
    databases.sort(key=lambda database: database.azure_name)
    content = {
        "workspace": workspace.name,
        "workspaceId": str(workspace.pk),
        "operation": str(operation.pk),
        "requestedBy": operation.actor,
        "requestedAt": operation.created_at.isoformat(),
        "issuedAt": clock.now().isoformat(),
        "resources": [_resource(database) for database in databases],
        "backups": [_backup(database) for database in databases if database.restorable_until],
        "secrets": _secrets(databases),
        "keys": [],
    }
    digest = hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()
    return {**content, "sha256": digest}


def _resource(database: Database) -> dict[str, Any]:
    return {
        "type": "Microsoft.Sql/servers/databases",
        "name": database.azure_name,
        "armId": database.observed_arm_id,
        "service": _service_of(database),
        "endsAt": _text(database.deleted_at),
    }


def _service_of(database: Database) -> str:
    """Also of what a restore has replaced."""
    owner = database.stands_in_for or database
    return owner.service.name if owner.service else ""


def _backup(database: Database) -> dict[str, Any]:
    """Azure keeps a dropped database's restore points for its retention time; nobody can end them sooner."""
    return {
        "database": database.azure_name,
        "kind": "pointInTime",
        "redundancy": database.backup_redundancy,
        "endsAt": _text(database.restorable_until),
    }


def _secrets(databases: list[Database]) -> list[dict[str, Any]]:
    """All versions were disabled before their database went; they are deleted when its last backup ends, and gone once the
    vault lets go of what is deleted."""
    ends = {database.pk: _secrets_end(database) for database in databases}
    names: dict[str, dict[str, Any]] = {}
    for credential in Credential.objects.filter(database__in=databases).order_by("pk"):
        for name in (credential.stable_secret, credential.staging_secret):
            if name:  # who signs in by Entra alone has none
                names[name] = ends[credential.database_id]
    return [{"vault": settings.AZURE_VAULT_URL, "name": name, **end} for name, end in sorted(names.items())]


def _secrets_end(database: Database) -> dict[str, Any]:
    """`endsAt` of what is still to be deleted is the latest that the vault may keep it; it may be erased sooner."""
    forgotten, gone = database.forgotten_at, database.secrets_gone_at
    deleted = forgotten or grace_end(database)
    if gone is None and deleted is not None:
        gone = deleted + timedelta(days=settings.VAULT_SOFT_DELETE_DAYS)
    return {
        "state": "deleted" if forgotten else "disabled",
        "disabledAt": _text(database.deleted_at),
        "deletedAt": _text(deleted),
        "endsAt": _text(gone),
    }


def _text(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None
