"""The two buttons that help an operation: let it try again, or let it stop."""

from __future__ import annotations

from controlplane.console.buttons import Button
from operations import services
from operations.models import Operation
from operations.workflow import known_steps, workflow_of
from provisioning import conversions
from provisioning.workflows.convert_to_hyperscale import KIND as CONVERT

State = Operation.State
PERMISSION = "operations.change_operation"


def _retry(operation: Operation, *, actor: str, reason: str) -> str:
    if services.retry(operation, actor=actor, reason=reason):
        return f"It tries {operation.step} again, with a fresh deadline."
    return "It does not need attention any more: nothing was changed."


def _cancel(operation: Operation, *, actor: str, reason: str) -> str:
    services.cancel(operation, actor=actor)
    if operation.state == State.NEEDS_ATTENTION:
        return "It stops now."
    return "It stops before its next step."


def _consent(operation: Operation, *, actor: str, reason: str) -> str:
    conversions.consent(operation, actor=actor)
    return "It switches over as soon as all is copied."


def may_consent(operation: Operation) -> bool:
    """Whether it is a conversion that its owner has not let switch over yet; the service decides."""
    asks = operation.kind == CONVERT and operation.input.get("cutover") == conversions.Cutover.CONSENT
    return asks and not operation.is_terminal and "consented_by" not in operation.choices


def _may_cancel(operation: Operation) -> bool:
    """Whether asking makes sense; the service decides."""
    if operation.is_terminal or operation.cancel_requested_at is not None or not is_known(operation):
        return False
    return workflow_of(operation.kind).may_cancel_at(operation.step)


def is_known(operation: Operation) -> bool:
    """Whether this process has the workflow, and the workflow the step: rows may be of an older or newer release."""
    return (operation.kind, operation.step) in {(kind, step) for kind, step, _ in known_steps()}


RETRY = Button(
    name="retry",
    title="Retry",
    permission=PERMISSION,
    applies=lambda row: row.state == State.NEEDS_ATTENTION,
    act=_retry,
    warns="Its present step runs again, with attempts and deadline counted anew.",
    icon="replay",
)
CONSENT = Button(
    name="consent",
    title="Consent to the switch",
    permission=PERMISSION,
    applies=may_consent,
    act=_consent,
    warns="Every connection of the service drops once, usually for less than a minute. It cannot be taken back.",
    icon="check_circle",
    is_dangerous=True,
)
CANCEL = Button(
    name="cancel",
    title="Cancel",
    permission=PERMISSION,
    applies=_may_cancel,
    act=_cancel,
    warns="It stops before its next step; past its point of no return this is refused.",
    icon="cancel",
    is_dangerous=True,
)
