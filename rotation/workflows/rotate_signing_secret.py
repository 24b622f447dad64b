"""A receiver of webhooks gets a new signing secret: while receivers change over, both sign; then the old one is disabled."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from notifications.models import Receiver
from notifications.signing import new_signing_secret
from operations import clock
from operations.models import Operation
from operations.outcomes import END, Next, Outcome, Wait
from operations.workflow import Ending, Workflow, acts, decides, looks
from rotation.signing_secrets import receiver_of, record_new, record_retired, try_again_later
from rotation.upkeep import record_disabled
from rotation.vault import set_once, store_of


@acts
def stage_secret(operation: Operation) -> Outcome:
    """A new version in the vault, once per operation. Receivers read it there, by the name that the API tells."""
    row = receiver_of(operation)
    version = set_once(operation, row, row.secret_name, new_signing_secret)
    return Next(choices={"version": version.version})


@decides
def sign_with_it(operation: Operation) -> Outcome:
    """From here on it signs; one that was removed meanwhile signs nothing."""
    row = receiver_of(operation)
    if row.state == Receiver.State.REMOVED:
        return Next(to=END)
    record_new(operation, row)
    return Next()


@looks
def await_overlap(operation: Operation) -> Outcome:
    """Let receivers change over."""
    row = receiver_of(operation)
    left = (row.previous_until - clock.now()).total_seconds() if row.previous_until else 0.0
    if left <= 0 or row.state == Receiver.State.REMOVED:
        return Next()
    reason = "Both secrets sign until receivers have had time to change."
    return Wait(min(left, settings.CREDENTIAL_LOOK_SECONDS), on=operation.target_key, reason=reason)


@decides
def sign_with_it_alone(operation: Operation) -> Outcome:
    row = receiver_of(operation)
    if row.previous_version:
        record_retired(operation, row)
    return Next()


@acts
def disable_superseded(operation: Operation) -> Outcome:
    """Disable every version but the one that signs, one a run."""
    row = receiver_of(operation)
    for version in store_of(operation).versions(row.secret_name):
        if version.enabled and version.version not in (row.signing_version, row.previous_version):
            store_of(operation).disable(row.secret_name, version.version)
            record_disabled(operation, version)
            return Next(to="disable_superseded")
    return Next()


def settle(operation: Operation, ending: Ending) -> None:
    """A failure is tried again later; what was left behind is put right then."""
    if ending is not Ending.SUCCEEDED:
        try_again_later(receiver_of(operation))


ROTATE_SIGNING_SECRET = Workflow(
    kind="rotate_signing_secret",
    settle=settle,
    steps=(stage_secret, sign_with_it, await_overlap, sign_with_it_alone, disable_superseded),
    point_of_no_return="stage_secret",
    indispensable=("stage_secret",),
    deadline=timedelta(days=30),
)
