"""Waiting for Azure without asking it: the observer lists each server once for all who wait there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime

from django.conf import settings

from cloud.classify import failure_of
from cloud.errors import CloudError, RetryLater
from cloud.polls import PollState
from cloud.protocols import Accepted
from inventory.models import Database, ElasticPool, SqlServer
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError, Wait
from provisioning.targets import management_for

ABSENT = "absent"
ASKED_ANEW = 3
Observed = Database | ElasticPool | SqlServer


def accepted(operation: Operation, answer: Accepted, **choices: object) -> Next:
    """Azure took the request: keep the poll URL, and since when a look at Azure counts."""
    assert operation.claimed_at is not None
    now = operation.claimed_at.isoformat()
    return Next(
        choices={"accepted_at": now, "examined_at": None, "request_id": answer.request_id, **choices},
        poll_url=answer.poll_url or "",
    )


def taken_before(operation: Operation) -> Next:
    """An earlier run of this step reached Azure: what is looked at from now on counts."""
    assert operation.claimed_at is not None
    return Next(choices={"accepted_at": operation.claimed_at.isoformat(), "examined_at": None})


def await_state(operation: Operation, row: Observed, *, state: str, wanted: str, then: str, examine: str) -> Outcome:
    """Go on to `then` once a look after the request shows `wanted`; to `examine` when what is seen makes no sense.

    Examined is: missing from a complete list, a final but wrong state, and longer than `EXAMINE_AFTER_SECONDS`.
    """
    if not seen_since(operation, row):
        return _look_again(row, "Azure has taken the request.")
    if state == wanted:
        return Next(to=then)
    if state == ABSENT or _overdue(operation):
        return Next(to=examine)
    return _look_again(row, f"Azure says {state}.")


def ask_and_look(operation: Operation, what: str, *, is_done: Callable[[], bool], ask: Callable[[], object]) -> Outcome:
    """Change a setting that Azure applies in a while: go on once it shows, ask for it when it does not, and again when a
    request seems lost. Asking twice changes nothing."""
    return Next() if is_done() else _look_for(operation, what, ask=ask)


def ask_then_look(
    operation: Operation,
    what: str,
    *,
    is_done: Callable[[], bool],
    ask: Callable[[], Accepted],
    look_after: float | None = None,
) -> Outcome:
    """The same, asked for before any look: what was so already, Azure finishes at once, and no look is needed. Else it is
    looked at every `look_after` seconds."""
    if operation.choices.get(what) is not None and is_done():
        return Next()
    return _look_for(operation, what, ask=ask, look_after=look_after)


def _look_for(
    operation: Operation, what: str, *, ask: Callable[[], object], look_after: float | None = None
) -> Outcome:
    """Ask, where that was not done or long ago, and wait; go on where Azure says that it was finished at once."""
    assert operation.claimed_at is not None
    asked_at = operation.choices.get(what)
    if not was_asked_lately(operation, what):
        answer = ask()
        if isinstance(answer, Accepted) and answer.poll_url is None:
            return Next()
        asked_at = operation.claimed_at.isoformat()
    seconds = look_after or settings.SHORT_WAIT_SECONDS
    return Wait(seconds, reason=f"Azure is applying {what}.", choices={what: asked_at})


def was_asked_lately(operation: Operation, what: str) -> bool:
    """Whether `ask_and_look` has asked Azure for it, so lately that the request is not taken for lost."""
    asked_at = operation.choices.get(what)
    if asked_at is None:
        return False
    return _seconds_since(operation, datetime.fromisoformat(asked_at)) <= settings.EXAMINE_AFTER_SECONDS


def seen_since(operation: Operation, row: Observed) -> bool:
    """A look at Azure that began after our last word with it; an older one tells nothing."""
    since = _last_word(operation)
    seen_at = row.seen_at
    return seen_at is not None and (since is None or seen_at >= since)


def examine_poll(operation: Operation, row: Observed, *, subscription_id: str, back_to: str, ask_again: str) -> Outcome:
    """Read the stored poll URL once: asks anew for what failed by Azure's own trouble, or has come to nothing, goes back to
    what has not failed.

    Raises the error of a failure that would only repeat itself.
    """
    assert operation.claimed_at is not None
    poll = management_for(operation).poll(subscription_id, operation.poll_url) if operation.poll_url else None
    if poll is not None and poll.state in (PollState.FAILED, PollState.CANCELED):
        return ask_anew(operation, failure_of(poll), ask_again)
    if (poll is None or poll.state is PollState.SUCCEEDED) and _came_to_nothing(operation, row):
        return ask_anew(
            operation, RetryLater("NothingMade", "Azure shows nothing of it, and works on nothing."), ask_again
        )
    examined: Mapping[str, object] = {"examined_at": operation.claimed_at.isoformat()}
    return Next(to=back_to, choices=examined)


def _came_to_nothing(operation: Operation, row: Observed) -> bool:
    """Missing from complete lists for long although Azure had it, or the request: whoever asked lost the answer, and with it
    the news of a failure. A fresh request may be missing for a while."""
    state = row.observed_status if isinstance(row, Database) else row.observed_state
    asked_at = operation.choices.get("accepted_at")
    if state != ABSENT or row.status != row.Status.CREATING or asked_at is None:
        return False
    return _seconds_since(operation, datetime.fromisoformat(asked_at)) > settings.EXAMINE_AFTER_SECONDS


def examine_change(
    operation: Operation, *, subscription_id: str, stands: Callable[[], bool], back_to: str, ask_again: str
) -> Outcome:
    """Read how a change goes; asks again where Azure has ended it, or knows nothing of it, and it does not stand.

    Asking for the same change twice changes nothing. Raises the error of a failure that would only repeat itself.
    """
    assert operation.claimed_at is not None
    management = management_for(operation)
    poll = management.poll(subscription_id, operation.poll_url) if operation.poll_url else None
    if poll is not None and poll.state in (PollState.FAILED, PollState.CANCELED):
        return ask_anew(operation, failure_of(poll), ask_again)
    if (poll is not None and poll.state is PollState.RUNNING) or stands():
        return Next(to=back_to, choices={"examined_at": operation.claimed_at.isoformat()})
    return ask_anew(operation, RetryLater("ChangeNotShown", "Azure does not show the change."), ask_again)


def ask_anew(operation: Operation, failure: CloudError, step: str) -> Next:
    """Back to the step that asks: what has failed stays failed, however often its poll URL is read."""
    asked = operation.choices.get("asked_anew", 0)
    if not failure.transient:
        raise failure
    if asked >= ASKED_ANEW:
        raise StepError(failure.code, failure.message or "Azure has failed at it several times.")
    return Next(to=step, choices={"asked_anew": asked + 1, "accepted_at": None, "examined_at": None}, poll_url="")


def _overdue(operation: Operation) -> bool:
    """No news for too long since our last word with Azure."""
    since = _last_word(operation)
    return since is not None and _seconds_since(operation, since) > settings.EXAMINE_AFTER_SECONDS


def _seconds_since(operation: Operation, moment: datetime) -> float:
    assert operation.claimed_at is not None
    return (operation.claimed_at - moment).total_seconds()


def _last_word(operation: Operation) -> datetime | None:
    """When Azure took the request, its poll URL was last read, or an operator said that the effect stands."""
    words = [operation.choices.get(name) for name in ("accepted_at", "examined_at", "adopted_at")]
    return max((datetime.fromisoformat(word) for word in words if word), default=None)


def _look_again(row: Observed, reason: str) -> Wait:
    """The observer wakes us when it sees a change; the time is only for a lost call."""
    return Wait(settings.LOOK_AGAIN_SECONDS, on=row.key, reason=reason)


def await_ready(row: ElasticPool | SqlServer) -> Outcome:
    """Go on once a pool or server that another operation makes or changes is ready; fail when that has failed."""
    if row.status == row.Status.READY:
        return Next()
    if row.status in (row.Status.CREATING, row.Status.UPDATING):
        return Wait(settings.LOOK_AGAIN_SECONDS, on=row.key, reason=f"{row} is {row.status}.")
    raise StepError(row.error_code or "PlaceGone", row.error_message or f"{row} is {row.status}.")
