"""A deleted service's grace time is over: its secrets are deleted, and purged where the vault allows it.

What the vault is protected against purging stays recoverable there, by its own operators alone, until its time is over; the
row says until when.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from inventory.models import Database
from operations import audit, clock
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.workflow import Ending, Workflow, acts, decides
from provisioning.forgetting import KIND, is_due
from provisioning.holding import stand_in_line
from provisioning.targets import database_of
from rotation import revoke


@decides
def hold_database(operation: Operation) -> Outcome:
    """Have the credential to ourselves; leave alone what can come back after all."""
    database = database_of(operation)
    if not is_due(database, clock.now()):
        return Next(to=END)
    return stand_in_line(operation, [Lock(database.key, Mode.EXCLUSIVE, "forgets its secrets")])


@acts
def delete_secrets(operation: Operation) -> Outcome:
    """Delete its secrets, one a run."""
    left = revoke.delete_next_secret(operation, database_of(operation))
    return Next(to="delete_secrets") if left else Next()


@acts
def purge_secrets(operation: Operation) -> Outcome:
    """Erase them, one a run, as far as the vault allows it; note until when the rest can be recovered."""
    database = database_of(operation)
    if revoke.purge_next_secret(operation, database):
        return Next(to="purge_secrets")
    until = revoke.secrets_recoverable_until(operation, database)
    return Next(choices={"forgotten": True, "recoverable_until": until.isoformat() if until else None})


def settle(operation: Operation, ending: Ending) -> None:
    """Write down that it is forgotten; where that was given up, the next sweep but some begins anew."""
    if ending is not Ending.SUCCEEDED or not operation.choices.get("forgotten"):
        return
    database, now = database_of(operation), clock.now()
    until = operation.choices["recoverable_until"]
    gone_at = max(now, datetime.fromisoformat(until)) if until else now
    Database.objects.filter(pk=database.pk).update(forgotten_at=now, secrets_gone_at=gone_at)
    audit.record(
        "database.forgotten",
        actor=operation.actor,
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        after={"secrets_gone_at": gone_at.isoformat()},
    )


FORGET_DATABASE = Workflow(
    kind=KIND,
    settle=settle,
    steps=(hold_database, delete_secrets, purge_secrets),
    point_of_no_return="hold_database",
    deadline=timedelta(hours=6),
    indispensable=("delete_secrets", "purge_secrets"),
)
