"""What the workflows of repairs share: look, ask for what is still wanted, look again; and what their end means."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TypeVar

from django.conf import settings

from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from operations.workflow import Ending
from provisioning import awaiting
from provisioning.drift.differences import Difference
from provisioning.drift.findings import tell
from provisioning.drift.reconcile import look_again_soon
from provisioning.models import Finding
from provisioning.windows import tell_owners_of_end

Seen = TypeVar("Seen")
REPAIR = "the repair"


def wanted(operation: Operation) -> set[str]:
    """The properties that this repair is about; others, perhaps accepted as they are, are left alone."""
    return set(operation.input["attributes"])


def put_back(
    operation: Operation,
    seen: Seen | None,
    *,
    differs: Callable[[Seen], Iterable[Difference]],
    ask: Callable[[Seen, set[str]], object],
    missed: Callable[[set[str]], bool] = lambda _: False,
) -> Outcome:
    """Go on once Azure shows it as we want it; ask for what differs. Asking twice changes nothing. Where the window that it
    needs was missed, it waits for the next."""
    if seen is None:
        raise StepError("ResourceMissing", "Azure does not have it any more: a repair cannot bring it back.")
    left = {one.attribute for one in differs(seen)} & wanted(operation)
    if not left:
        return Next()
    if not awaiting.was_asked_lately(operation, REPAIR) and missed(left):
        return Next(to="await_window")
    return awaiting.ask_and_look(operation, REPAIR, is_done=lambda: False, ask=lambda: ask(seen, left))


def settle(operation: Operation, ending: Ending) -> None:
    """A repair that ended well is believed when a look shows it; any other leaves its findings open."""
    tell_owners_of_end(operation, ending)
    found = list(Finding.objects.select_for_update().filter(repair_id=operation.pk, state=Finding.State.REPAIRING))
    if ending is Ending.SUCCEEDED:
        look_again_soon(sorted({one.scope for one in found}), settings.DRIFT_SETTLE_SECONDS + 1.0)
        return
    for one in found:
        one.state, one.repairs = Finding.State.OPEN, one.repairs + 1
        one.note = f"The repair has {ending.value}: {operation.error_code} {operation.error_message}".strip()
        one.save()
        tell(one, "drift.repair_failed")
