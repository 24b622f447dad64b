"""What operations that would run mean to those who are served meanwhile: time, dropped connections, cost."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime, timedelta

from inventory.calendars import calendar_of
from inventory.models import Database, ElasticPool, Workspace
from inventory.transitions import Row
from operations import clock
from operations.models import Operation
from operations.workflow import workflow_of
from provisioning.beginnings import Copying, beginning_of
from provisioning.changes.plan import Disruption, Plan, PlannedOperation, Timing, When
from provisioning.changes.prices import GIB, Priced
from provisioning.durations import expected_seconds
from provisioning.windows import KEY as WINDOW
from provisioning.windows import opening_for

MOMENT = "%Y-%m-%d %H:%M"
GOING_BY_OTHERS = ("change_database", "drain_pool")
TOO_SHORT = When(Timing.NEVER, "never as it is: no window is long enough")


def planned(operation: Operation, *, seconds: float | None = None) -> PlannedOperation:
    """The operation in a plan; `seconds` where its size tells better than what has run here."""
    expected = expected_seconds(operation.kind) if seconds is None else seconds
    return PlannedOperation(operation.kind, workflow_of(operation.kind).step_names, round(expected, 1))


def disruption_of(
    rows: tuple[Row, ...],
    *,
    databases: int = 1,
    workspaces: Collection[Workspace] = (),
    seconds: float = 0.0,
    when: When | None = None,
) -> Disruption:
    """What the rows of the table say about connections, and the owners' windows (or `when`) about the moment; nothing where
    nobody is served."""
    drops = sum(row.drops for row in rows)
    if not drops or not databases:
        return Disruption()
    at = when or when_open(workspaces, seconds)
    return Disruption(drops, max(row.drop_seconds for row in rows), databases, at.text, at.timing)


def workspaces_of(row: Database | ElasticPool) -> list[Workspace]:
    """Whose windows a change of this has to keep."""
    if isinstance(row, Database):
        return [row.service.workspace] if row.service else []
    return list(
        Workspace.objects.filter(services__databases__pool=row, services__databases__holds_room=True).distinct()
    )


def when_open(workspaces: Collection[Workspace], seconds: float) -> When:
    """When the windows of all of them let it begin."""
    opening = opening_for(workspaces, expected_seconds=seconds)
    if opening.span is None:
        return TOO_SHORT
    if opening.is_now:
        timing = Timing.WINDOW if opening.has_windows else Timing.AT_ONCE
        return When(timing, "as soon as Azure is ready for the switch")
    return When(Timing.WINDOW, f"from {opening.span.starts_at:{MOMENT}} UTC")


def when_copied(workspaces: Collection[Workspace], copying: Copying) -> When:
    """When the windows of all of them let it switch, and from when on it copies for that."""
    now = clock.now()
    calendar = calendar_of(workspaces, now)
    beginning = beginning_of(copying, calendar, now)
    if beginning is None:
        return TOO_SHORT
    if not beginning.waits:
        return When(Timing.WINDOW if calendar.has_windows else Timing.AT_ONCE, "as soon as it is copied")
    copied = f"; it is copied from {beginning.at:{MOMENT}} UTC on" if beginning.at > now else ""
    return When(Timing.WINDOW, f"from {beginning.opening.starts_at:{MOMENT}} UTC{copied}")


def copying_seconds(rows: tuple[Row, ...], size_bytes: int) -> float | None:
    """How long the rows take where they copy so many bytes; None where none of them copies."""
    if not any(row.copies for row in rows):
        return None
    return 60 * sum(row.expected_minutes(size_bytes / GIB) for row in rows)


def keep_promise(operation: Operation, plan: Plan) -> None:
    """Remember the plan that an operation was granted by, and how long it is to take."""
    Operation.objects.filter(pk=operation.pk).update(plan_hash=plan.hash)
    operation.plan_hash = plan.hash
    own = next((one.expected_seconds for one in plan.operations if one.kind == operation.kind), 0.0)
    promise_end(operation, plan.expected_seconds, own=own or plan.expected_seconds)


def promise_end(operation: Operation, seconds: float, *, own: float | None = None) -> None:
    """Remember how long it is to take, and its `own` part of that, once all is there that is made for it."""
    progress = {"expected_seconds": seconds, "own_seconds": seconds if own is None else own}
    Operation.objects.filter(pk=operation.pk).update(progress=progress)
    operation.progress = progress


def expected_end(operation: Operation) -> datetime | None:
    """When it should be over; in the past: it is late. By what Azure tells of its work; while it waits for its window, by
    that; else by its plan, from when Azure took it, or it began. None where nothing is known, or it is not at work."""
    if operation.is_terminal:
        return None
    if operation.kind in GOING_BY_OTHERS:
        return _end_of_others(operation)
    announced = operation.choices.get("announced", {})
    if operation.waits_on.startswith(WINDOW) and "opens_at" in announced:
        return datetime.fromisoformat(announced["opens_at"]) + timedelta(seconds=announced["expected_seconds"])
    return _end_of_work(operation)


def _end_of_work(operation: Operation) -> datetime | None:
    choices, seconds = operation.choices, operation.progress.get("expected_seconds")
    if "run" in choices:
        return datetime.fromisoformat(choices["run"]["expected_end_at"])
    if choices.get("accepted_at"):
        own = operation.progress.get("own_seconds", choices.get("expected_seconds", seconds))
        return None if own is None else datetime.fromisoformat(choices["accepted_at"]) + timedelta(seconds=own)
    if seconds is None or operation.started_at is None:
        return None
    return operation.started_at + timedelta(seconds=seconds)


def _end_of_others(operation: Operation) -> datetime | None:
    """Of one that only begins others: not before the last of those that are at work, who may wait for their windows, and with
    what is left to begin after that."""
    seconds, hops = operation.progress.get("expected_seconds"), operation.input.get("hops", [])
    if seconds is None or operation.started_at is None:
        return None
    at_work = Operation.objects.filter(parent=operation).exclude(state__in=Operation.TERMINAL)
    ends = [end for one in at_work if (end := expected_end(one)) is not None]
    to_come = len(hops) - int(operation.choices.get("done", 0)) - 1
    left = timedelta(seconds=seconds * to_come / len(hops)) if hops and to_come > 0 else timedelta(0)
    return max([operation.started_at + timedelta(seconds=seconds), *(end + left for end in ends)])


def priced_pool(pool: ElasticPool) -> Priced:
    return Priced(pool.service_tier, pool.vcores, pool.max_size_bytes, pool.family, pool.is_zone_redundant)
