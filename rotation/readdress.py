"""What consumers read when a database's endpoint changes: the same user and password at another server.

Users are contained, so they have come along; only the published document has to say where.
"""

from __future__ import annotations

import contextlib

from django.db.models import QuerySet

from inventory.models import Database
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.services import submit
from rotation.holding import is_entra_only
from rotation.models import Credential
from rotation.publishing import publish_active

PUBLISHED = "readdressed"


def publish_endpoint(operation: Operation, database: Database) -> Outcome:
    """Publish every active credential anew with the endpoint that the row leads to, one a run; its password stays.

    Hold the database alone, so that nobody promotes another one meanwhile. Where only Entra may sign in there is no secret.
    """
    done: dict[str, str] = operation.choices.get(PUBLISHED, {})
    left = [row for row in _active(database) if row.slot not in done]
    if is_entra_only(database) or not left:
        return Next()
    version = publish_active(operation, database, left[0])
    return Next(to=operation.step, choices={PUBLISHED: {**done, left[0].slot: version.version}})


def record_endpoint(operation: Operation, database: Database) -> dict[str, str]:
    """Remember the versions by which consumers find it; nobody has acknowledged them. Returns them by secret."""
    told = {}
    for row in _active(database):
        version = operation.choices.get(PUBLISHED, {}).get(row.slot)
        if version is not None:
            Credential.objects.filter(pk=row.pk).update(stable_version=version, acknowledged_at=None)
            told[row.stable_secret] = version
    return told


def is_acknowledged(database: Database) -> bool:
    """Whether every service that reads a secret of the database has said that it uses the newest one. Where only Entra may
    sign in there is none, and nobody can say so."""
    active = _active(database)
    return not is_entra_only(database) and not active.filter(acknowledged_at=None).exists()


def sweep(operation: Operation, database: Database) -> None:
    """Have the versions with the former endpoint disabled; work that is under way on the credential does it too."""
    for row in _active(database).filter(slot__in=operation.choices.get(PUBLISHED, {})):
        with contextlib.suppress(OperationInProgress):
            submit("retire_credential", target=row.key, actor="system", workspace=operation.workspace)


def _active(database: Database) -> QuerySet[Credential]:
    rows = Credential.objects.filter(database=database, status=Credential.Status.ACTIVE)
    return rows.select_related("database").order_by("slot")
