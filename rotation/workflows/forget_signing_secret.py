"""A receiver is gone: every version of its signing secret is taken out of use."""

from __future__ import annotations

from datetime import timedelta

from notifications.models import Receiver
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Workflow, acts
from rotation.signing_secrets import receiver_of
from rotation.upkeep import record_disabled
from rotation.vault import store_of


@acts
def disable_all(operation: Operation) -> Outcome:
    """One a run; those that another operation made until the very end too."""
    row = receiver_of(operation)
    for version in store_of(operation).versions(row.secret_name):
        if version.enabled:
            store_of(operation).disable(row.secret_name, version.version)
            record_disabled(operation, version)
            return Next(to="disable_all")
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """Nothing refers to it any more."""
    if ending is Ending.SUCCEEDED:
        Receiver.objects.filter(pk=receiver_of(operation).pk).update(
            signing_version="", previous_version="", previous_until=None, rotate_after=None
        )


FORGET_SIGNING_SECRET = Workflow(
    kind="forget_signing_secret",
    settle=settle,
    steps=(disable_all,),
    point_of_no_return="disable_all",
    deadline=timedelta(hours=4),
    indispensable=("disable_all",),
)
