"""A workflow is a readable list of steps; each step says how it touches the world."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import TYPE_CHECKING

from django.conf import settings

from operations.outcomes import Outcome

if TYPE_CHECKING:
    from operations.models import Operation


class Mode(StrEnum):
    """LOOKS reads our rows only (fifty share a transaction). DECIDES writes our rows, inside the recording transaction.
    ACTS makes at most one change outside, with no transaction open; it may run twice."""

    LOOKS = "looks"
    DECIDES = "decides"
    ACTS = "acts"


class Lane(StrEnum):
    """What a step spends its time on, and so which workers run it.

    ROWS: PostgreSQL only. AZURE: HTTP with time-outs (ARM, Key Vault, metrics), good in threads. SQL: sign-ins that may
    hang in a driver, and COMPUTE: work that keeps a core busy; both belong into processes, which can be killed.
    """

    ROWS = "rows"
    AZURE = "azure"
    SQL = "sql"
    COMPUTE = "compute"


Run = Callable[["Operation"], Outcome]


@dataclass(frozen=True, slots=True)
class Step:
    """One step; its name is stored in rows, so renaming one needs a migration."""

    name: str
    mode: Mode
    run: Run
    lane: Lane = Lane.ROWS

    def __call__(self, operation: Operation) -> Outcome:
        return self.run(operation)


def looks(function: Run) -> Step:
    """Mark a step that only reads our rows."""
    return Step(function.__name__, Mode.LOOKS, function)


def decides(function: Run) -> Step:
    """Mark a step that writes our rows: its writes and its record commit together, or not at all."""
    return Step(function.__name__, Mode.DECIDES, function)


def computes(function: Run) -> Step:
    """Mark a step that decides after much arithmetic: a process does it, not a thread among others."""
    return Step(function.__name__, Mode.DECIDES, function, Lane.COMPUTE)


def acts(function: Run) -> Step:
    """Mark a step that changes Azure at most once. When `operation.maybe_happened`, it reads back first."""
    return Step(function.__name__, Mode.ACTS, function, Lane.AZURE)


def signs_in(function: Run) -> Step:
    """Mark a step that acts like `acts`, over a SQL connection: a process does it, since the driver may hang."""
    return Step(function.__name__, Mode.ACTS, function, Lane.SQL)


class Ending(StrEnum):
    """How an operation ends; equal to its terminal states."""

    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


@dataclass(frozen=True)
class Workflow:
    """Steps in order, and what the last transaction settles. `settle` writes our rows only.

    A cancel is obeyed before the step `point_of_no_return`; from there on it is refused. After `deadline`, or after
    `attempt_cap` failed attempts of one step, the operation asks for attention. `indispensable` steps (besides those that
    decide) no operator may leave out: later ones need what they give or prove.

    With `undo`, the first of the steps at the end of the list that take back what `begins` has begun outside, an obeyed
    cancel leads there once that step may have acted; the last of them ends in UNDONE.
    """

    kind: str
    steps: tuple[Step, ...]
    settle: Callable[[Operation, Ending], None]
    point_of_no_return: str
    deadline: timedelta = timedelta(hours=4)
    attempt_cap: int = 12
    indispensable: tuple[str, ...] = ()
    begins: str = ""
    undo: str = ""

    def __post_init__(self) -> None:
        for step in (self.point_of_no_return, *self.indispensable, *filter(None, (self.begins, self.undo))):
            self.position(step)

    @property
    def step_names(self) -> tuple[str, ...]:
        return tuple(step.name for step in self.steps)

    def position(self, step: str) -> int:
        """Index of a step; ValueError when there is none of that name."""
        return self.step_names.index(step)

    def step(self, name: str) -> Step:
        return self.steps[self.position(name)]

    def after(self, name: str) -> str:
        """Name of the step after `name`, or empty at the end."""
        following = self.position(name) + 1
        return self.steps[following].name if following < len(self.steps) else ""

    def must_undo(self, operation: Operation) -> bool:
        """Whether a cancel that is obeyed now has something to take back."""
        if not self.undo:
            return False
        step = operation.step
        return self.position(step) > self.position(self.begins) or (step == self.begins and operation.maybe_happened)

    def may_cancel_at(self, step: str) -> bool:
        return self.position(step) < self.position(self.point_of_no_return)


_registry: dict[str, Workflow] = {}


def register(workflow: Workflow) -> None:
    """Make a workflow known to this process; each app's `apps.py` registers its own. Repeating it is harmless."""
    known = _registry.setdefault(workflow.kind, workflow)
    if known is not workflow:
        raise ValueError(f"Two workflows are called {workflow.kind}.")


def workflow_of(kind: str) -> Workflow:
    return _registry[kind]


def known_kinds() -> frozenset[str]:
    """Kinds of everything this release can do."""
    return frozenset(_registry)


def known_steps() -> list[tuple[str, str, Mode]]:
    """(kind, step, mode) of everything this release can do."""
    return [(w.kind, step.name, step.mode) for w in _registry.values() for step in w.steps]


def steps_served(modes: Iterable[Mode]) -> list[tuple[str, Step]]:
    """(kind, step) of these modes that this process can do, in the lanes it serves; it claims nothing else."""
    wanted, lanes = set(modes), set(settings.WORKER_LANES)
    return [
        (workflow.kind, step)
        for workflow in _registry.values()
        for step in workflow.steps
        if step.mode in wanted and step.lane in lanes
    ]


def lane_of(kind: str, step: str) -> Lane:
    """The lane of a step; that of rows for one which only a newer release knows."""
    workflow = _registry.get(kind)
    return workflow.step(step).lane if workflow and step in workflow.step_names else Lane.ROWS
