"""A ready database gets a credential for DICOM Cast too: staged, set, proved by a real sign-in, published."""

from __future__ import annotations

from datetime import timedelta

from inventory.models import ServiceInstance
from operations.models import Operation
from operations.outcomes import END, Next, Outcome
from operations.workflow import Ending, Workflow, decides
from rotation import holding, issue
from rotation.models import Credential
from rotation.names import SLOTS, stable_secret_of, staging_secret_of, user_of
from rotation.services import request_revocation
from rotation.targets import active_credential, database_of, purpose_in
from rotation.workflows.rotate_credential import hold_database, promote, set_password, stage_password, verify_login


@decides
def choose_slot(operation: Operation) -> Outcome:
    """Take the purpose's first user; nothing is left to do where it has one, none is wanted any more, or the database goes."""
    database, purpose = database_of(operation), purpose_in(operation)
    if active_credential(database, purpose) is not None or holding.is_gone(database):
        return Next(to=END)
    if not holding.is_wanted(database, purpose):
        return Next(to=END)
    slot = SLOTS[purpose][0]
    names = {
        "user_name": user_of(slot),
        "staging_secret": staging_secret_of(database, slot),
        "stable_secret": stable_secret_of(database, purpose),
    }
    Credential.objects.update_or_create(
        database=database, slot=slot, defaults={**names, "status": Credential.Status.STAGED}
    )
    return Next(choices={"slot": slot})


def settle(operation: Operation, ending: Ending) -> None:
    """It is there; or the wish is taken back with all that came of it; or it failed, and may be wished for again."""
    database = database_of(operation)
    if "slot" not in operation.choices or holding.is_gone(database):
        return
    if ending is Ending.SUCCEEDED:
        issue.record_issued(operation, database, slot=operation.choices["slot"])
    elif ending is Ending.CANCELLED:
        ServiceInstance.objects.filter(databases=database).update(has_cast=False)
        if not Operation.objects.filter(follows=operation).exists():
            request_revocation(database, actor=operation.actor)


ISSUE_CAST_CREDENTIAL = Workflow(
    kind="issue_cast_credential",
    settle=settle,
    steps=(choose_slot, hold_database, stage_password, set_password, verify_login, promote),
    point_of_no_return="promote",
    indispensable=("stage_password", "set_password", "verify_login", "promote"),
    deadline=timedelta(hours=4),
)
