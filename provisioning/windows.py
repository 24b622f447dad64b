"""Disruptive steps wait for a window. Waiting costs nothing; whoever changes a window wakes those who wait for it."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models import Q

from inventory.calendar import NEVER, Calendar, Span
from inventory.calendars import calendar_of, fleet_freezes
from inventory.models import Workspace
from inventory.selectors import present_workspaces
from notifications.services import tell
from operations import audit, clock
from operations.clock import database_now
from operations.models import Operation
from operations.outcomes import Next, Outcome, Wait
from operations.services import note
from operations.waking import wake
from operations.workflow import Ending, workflow_of
from provisioning.beginnings import LATE, Copying, beginning_of
from provisioning.errors import NotWaitingForWindow

KEY = "window:"
COPYING = "copying:"  # for whoever is copied and switches by itself: changed windows concern it too
Places = Collection[Workspace] | None
LONGEST_LOOK = timedelta(hours=1)  # nothing is missed by it: a changed window wakes; it bounds what a moved clock costs


@dataclass(frozen=True, slots=True)
class Opening:
    """When a change may begin, and when it must be over; None: no window is that long. `has_windows`: somebody has named
    hours for it; else only freezes are in its way."""

    span: Span | None
    is_now: bool
    longest_seconds: float
    has_windows: bool


def opening_for(workspaces: Collection[Workspace], *, expected_seconds: float) -> Opening:
    """The same for a plan's preview: the next moment at which all of these workspaces may be disturbed for so long."""
    now = clock.now()
    calendar = calendar_of(workspaces, now)
    span = _opening(calendar, now, timedelta(seconds=expected_seconds))
    is_now = span is not None and span.starts_at <= now
    return Opening(span, is_now, calendar.longest(now).total_seconds(), calendar.has_windows)


def wait_for_window(
    operation: Operation, *, expected_seconds: float = 0.0, workspaces: Collection[Workspace] | None = None
) -> Outcome:
    """Go on while all `workspaces` (the operation's own, unless given) may be disturbed for `expected_seconds`; else wait.

    Call it in a step that decides, before locks are taken. Emergencies (`emergency` and `reason` in the wish), and operations
    whose owner said so, go on at once, audited. The operation's deadline stands still while a window is sure to come. The
    choice `window` then says when the disturbance may begin and must be over (ISO 8601, UTC).
    """
    now, lasting = clock.now(), timedelta(seconds=expected_seconds)
    places = _workspaces_of(operation) if workspaces is None else workspaces
    calendar = calendar_of(places, now)
    opening = _opening(calendar, now, lasting)
    if opening is not None and opening.starts_at <= now:
        return _begin(operation, opening, lasting, workspaces)
    if (consent := _consent(operation, now)) is not None:
        return _override(operation, consent, now + lasting, now, workspaces)
    if opening is None:
        return _too_short(operation, calendar, now, lasting, workspaces)
    return _hold(operation, opening, now, lasting, places=workspaces)


def wait_to_begin(operation: Operation, copying: Copying, *, minds_windows: bool = True) -> Outcome:
    """Go on when copying may begin so that its end meets an opening of the operation's workspace; until then wait as
    `wait_for_window` does. Without `minds_windows`, and where somebody let it start, only the fleet's freezes count.

    What ends by itself (no `hold`) counts as begun here; what is held must still wait for its window before the switch.
    """
    now, lasting = clock.now(), timedelta(seconds=copying.switch_seconds)
    calendar = calendar_for(operation, now, minds_windows=minds_windows)
    beginning = beginning_of(copying, calendar, now)
    if beginning is None:
        return _too_short(operation, calendar, now, lasting)
    if beginning.at > now:
        return _hold(operation, beginning.opening, now, lasting, until=beginning.at)
    if copying.hold:
        return Next()
    if (consent := _consent(operation, now)) is not None:
        return _override(operation, consent, now + timedelta(seconds=copying.seconds) + lasting, now)
    return _begin(operation, beginning.opening, lasting)


def is_over(operation: Operation, workspaces: Collection[Workspace] | None = None) -> bool:
    """Whether too little is left meanwhile of what let it begin: it stood in line, workers were away, somebody declared a
    freeze.

    Ask right before the call that drops connections, once a look at Azure has shown that it was not made before.
    """
    now, window = clock.now(), operation.choices.get("window")
    if window is None or _consent(operation, now) is not None:
        return False
    places = _workspaces_of(operation) if workspaces is None else workspaces
    ends_at = calendar_of(places, now).open_until(now)
    return ends_at is None or ends_at - now < timedelta(seconds=window.get("expected_seconds", 0.0))


def calendar_for(operation: Operation, now: datetime, *, minds_windows: bool = True) -> Calendar:
    """What the operation has to keep as things are now: less where somebody let it start, or `minds_windows` is not asked."""
    given = operation.choices.get("start_now")
    if operation.input.get("emergency") or (given and given["over_freezes"]):
        return Calendar()
    return calendar_of(_workspaces_of(operation), now) if minds_windows and not given else fleet_freezes(now)


def tell_owners_of_end(operation: Operation, ending: Ending) -> None:
    """Who was told that connections would drop hears how it ended; the operation's own workspace hears it anyhow.

    Call it when the operation settles. Nobody hears of neighbours: the event is each owner's own.
    """
    told = {"operation": str(operation.pk), "kind": operation.kind, "error": operation.error_code}
    for workspace in operation.choices.get("told", []):
        tell(f"operation.{ending.value}", target=operation.target_key, workspace=workspace, facts=told)


def stop_the_deadline(operation: Operation, look: timedelta) -> None:
    """Count its deadline from the end of this look: what waits for its owner's time is not stuck."""
    deadline = database_now() + look * 1.1 + workflow_of(operation.kind).deadline
    Operation.objects.filter(pk=operation.pk).update(deadline_at=deadline)
    operation.deadline_at = deadline


@transaction.atomic
def start_now(operation: Operation, *, actor: str, reason: str, over_freezes: bool) -> Operation:
    """Let an operation that waits for a window go on without it. `over_freezes`: the fleet's freezes do not hold it either.

    Raises NotWaitingForWindow.
    """
    held = Operation.objects.select_for_update(of=("self",)).get(pk=operation.pk)
    if held.is_terminal or not held.waits_on.startswith(KEY):
        raise NotWaitingForWindow("The operation does not wait for a window.")
    note(held, {"start_now": {"actor": actor, "reason": reason, "over_freezes": over_freezes}})
    wake([held.waits_on])
    held.refresh_from_db()
    return held


def wake_those_who_wait() -> None:
    """Have every operation that waits for a window, or will switch by itself, look again, once the caller's transaction has
    committed."""
    theirs = Q(waits_on__startswith=KEY) | Q(waits_on__startswith=COPYING)
    waiting = Operation.objects.filter(theirs, state__in=Operation.CLAIMABLE)
    wake(list(waiting.values_list("waits_on", flat=True).distinct()))


def _workspaces_of(operation: Operation) -> Collection[Workspace]:
    return list(present_workspaces().filter(name=operation.workspace)) if operation.workspace else []


def _opening(calendar: Calendar, now: datetime, lasting: timedelta) -> Span | None:
    """What is open now for long enough, or else what will be, with time to spare for a worker that comes late: one that
    lasts not a moment longer would be missed each time."""
    found = calendar.next_opening(now, lasting=lasting)
    if found is None or found.starts_at <= now:
        return found
    return calendar.next_opening(now, lasting=lasting + LATE)


def _begin(operation: Operation, opening: Span, lasting: timedelta, places: Places = None) -> Next:
    """Told to everybody once a window, however often the operation begins in it, and again in another one."""
    facts = {"opens_at": opening.starts_at.isoformat(), "ends_at": opening.ends_at.isoformat()}
    if operation.choices.get("window", {}).get("ends_at") != facts["ends_at"]:
        _tell(operation, "change.started", facts, places)
    window = {**facts, "expected_seconds": lasting.total_seconds()}
    return Next(choices={"window": window, **_told(operation, places)})


def _consent(operation: Operation, now: datetime) -> dict[str, object] | None:
    """Who lets it go on without a window, and why; None while nobody does, or a freeze of the fleet stands above it."""
    if operation.input.get("emergency"):
        reason = operation.input.get("reason") or "emergency"
        return {"actor": operation.actor, "reason": reason, "over_freezes": True}
    given: dict[str, object] | None = operation.choices.get("start_now")
    if given is None or given["over_freezes"] or fleet_freezes(now).is_open(now):
        return given
    return None


def _override(
    operation: Operation, consent: dict[str, object], until: datetime, now: datetime, places: Places = None
) -> Next:
    """One word is told, and written down, once, however many drops it allows."""
    facts = {"opens_at": now.isoformat(), "ends_at": until.isoformat(), "overridden": str(consent["reason"])}
    if operation.choices.get("window", {}).get("overridden") == facts["overridden"]:
        return Next(choices={"window": facts})
    audit.record(
        "window.overridden",
        actor=str(consent["actor"]),
        target=operation.target_key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        reason=str(consent["reason"]),
    )
    _tell(operation, "change.started", facts, places)
    return Next(choices={"window": facts, **_told(operation, places)})


def _hold(
    operation: Operation,
    opening: Span,
    now: datetime,
    lasting: timedelta,
    *,
    until: datetime | None = None,
    places: Places = None,
) -> Wait:
    """Wait for it (or only `until` then), and tell of it once each time it becomes another."""
    facts = {
        "opens_at": opening.starts_at.isoformat(),
        "ends_at": opening.ends_at.isoformat(),
        "expected_seconds": lasting.total_seconds(),
    }
    if operation.choices.get("announced") != facts:
        _tell(operation, "change.scheduled", facts, places)
    left = (until or opening.starts_at) - now
    look = min(left if left < timedelta(minutes=1) else left * 0.9, LONGEST_LOOK)  # a wait may take a tenth longer
    stop_the_deadline(operation, look)
    opens = f"{opening.starts_at:%Y-%m-%d %H:%M} UTC"
    begins = f" It begins to copy at {until:%Y-%m-%d %H:%M} UTC." if until else ""
    choices = {"announced": facts, **_told(operation, places)}
    return _wait(operation, look, f"Waits for its window, which opens at {opens}.{begins}", choices)


def _too_short(
    operation: Operation, calendar: Calendar, now: datetime, lasting: timedelta, places: Places = None
) -> Wait:
    """No window is long enough: its owner is told, and the deadline goes on."""
    facts = {
        "longest_seconds": calendar.longest(now).total_seconds(),
        "expected_seconds": lasting.total_seconds(),
    }
    if operation.choices.get("announced") != facts:
        _tell(operation, "change.window_too_short", facts, places)
    reason = (
        f"It takes about {lasting.total_seconds() / 60:.0f} minutes; the longest window has "
        f"{facts['longest_seconds'] / 60:.0f}. Widen it, or let the operation start now."
    )
    return _wait(operation, LONGEST_LOOK, reason, {"announced": facts, **_told(operation, places)})


def _wait(operation: Operation, look: timedelta, reason: str, choices: Mapping[str, object]) -> Wait:
    return Wait(look.total_seconds(), on=f"{KEY}{operation.workspace}", reason=reason, choices=choices)


def _told(operation: Operation, places: Places) -> dict[str, object]:
    """Whom we told of it besides its own workspace, as a choice: they will want to hear of its end."""
    told = {*operation.choices.get("told", []), *(place.name for place in places or ())} - {operation.workspace}
    return {"told": sorted(told)} if told else {}


def _tell(operation: Operation, kind: str, facts: Mapping[str, object], places: Places = None) -> None:
    """Whoever asked for it, and each owner who will notice it; what nothing ends is told without an end."""
    shown = {name: value for name, value in facts.items() if value != NEVER.isoformat()}
    told = {"operation": str(operation.pk), "kind": operation.kind, **shown}
    for workspace in sorted({operation.workspace, *(place.name for place in places or ())}):
        tell(kind, target=operation.target_key, workspace=workspace, facts=told)
