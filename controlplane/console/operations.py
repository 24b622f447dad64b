"""Operations: what is open, what waits and why, each with its steps; and the two buttons that help one."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import Case, F, IntegerField, Q, QuerySet, Value, When
from django.http import HttpRequest
from django.utils.safestring import SafeString

from controlplane.console import recent
from controlplane.console.display import (
    BAD,
    BUSY,
    GOOD,
    NOTHING,
    TONES,
    WARNING,
    copyable,
    document,
    figure,
    joined,
    label,
    moment,
    row_link,
    shortened,
    span,
    state,
    who,
)
from controlplane.console.operation_buttons import CANCEL, CONSENT, RETRY, is_known, may_consent
from controlplane.console.progress import progress_facts
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice, Table
from controlplane.console.targets import Targets
from operations import selectors
from operations.clock import DatabaseNow
from operations.models import Operation, StepRun
from operations.workflow import workflow_of

State = Operation.State
STEPS_SHOWN = 200


class Show(admin.SimpleListFilter):
    """What is open, unless somebody asks for more."""

    title = "what"
    parameter_name = "show"
    OPEN = "open"
    CHOICES = {
        OPEN: "Open",
        "attention": "Needs attention",
        "due": "Due, not claimed",
        "waiting": "Waiting",
        "retrying": "Retrying after an error",
        "failed": "Failed",
        "finished": "Finished",
        "all": "All",
    }

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        return [(value, text) for value, text in self.CHOICES.items() if value != self.OPEN]

    def choices(self, changelist: Any) -> Any:
        for value, text in self.CHOICES.items():
            query = changelist.get_query_string({self.parameter_name: value})
            yield {"selected": (self.value() or self.OPEN) == value, "query_string": query, "display": text}

    def queryset(self, request: HttpRequest, queryset: QuerySet[Operation]) -> QuerySet[Operation]:
        return {
            "attention": queryset.filter(state=State.NEEDS_ATTENTION),
            "due": queryset.filter(pk__in=selectors.due_operations().values("pk")),
            "waiting": queryset.filter(WAITS),
            "retrying": queryset.filter(state=State.RUNNING).exclude(error_code=""),
            "failed": queryset.filter(state=State.FAILED),
            "finished": queryset.filter(state__in=Operation.TERMINAL),
            "all": queryset,
        }.get(self.value() or "", queryset.exclude(state__in=Operation.TERMINAL))


WAITS = Q(state=State.RUNNING, lease_until__isnull=True, due_at__gt=DatabaseNow(), error_code="")


@admin.register(Operation, site=console)
class OperationPage(ReadOnlyPage):
    """Those that need somebody first, then the oldest. Rows change through buttons that call services, never by a form."""

    list_display = ("kind", "target", "state_of", "step", "why", "attempt", "due", "asked")
    list_filter = (Show, "kind", "priority")
    search_fields = ("=id", "target_key", "=workspace", "=kind", "error_code", "actor")
    buttons = (RETRY, CONSENT, CANCEL)
    empty_means = "Nothing is open: no operation runs, waits or needs attention."

    def get_ordering(self, request: HttpRequest) -> tuple[Any, ...]:
        """Open ones: longest stuck first. Others, of which there are many: newest first, by index."""
        if request.GET.get(Show.parameter_name, Show.OPEN) in ("failed", "finished", "all"):
            return ("-created_at",)
        stuck_first = Case(
            When(state=State.NEEDS_ATTENTION, then=Value(0)), default=Value(1), output_field=IntegerField()
        )
        return (stuck_first, "created_at")

    def changelist_view(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> Any:
        response = super().changelist_view(request, extra_context)
        changelist = getattr(response, "context_data", {}).get("cl")
        if changelist is not None:
            targets = Targets(row.target_key for row in changelist.result_list)
            for row in changelist.result_list:
                row.target_link = targets.link(row.target_key)
        return response

    def title_of(self, row: Operation) -> str:
        return f"Operation {row.kind} {shortened(str(row.pk))}"

    @display(description="target", ordering="target_key")
    def target(self, row: Any) -> str:
        return str(row.target_link)

    @display(description="state", ordering="state")
    def state_of(self, row: Operation) -> str:
        return _state(row)

    @display(description="why")
    def why(self, row: Operation) -> str:
        return _why(row)

    @display(description="due", ordering="due_at")
    def due(self, row: Operation) -> str:
        return moment(row.due_at) if row.state in Operation.CLAIMABLE else NOTHING

    @display(description="asked for", ordering="created_at")
    def asked(self, row: Operation) -> str:
        return moment(row.created_at)

    def notices(self, row: Operation) -> list[Notice]:
        found = []
        if row.state == State.NEEDS_ATTENTION:
            found.append(Notice(BAD, f"Needs somebody: {row.error_code or 'no code'}", row.error_message))
        elif row.error_code:
            tone = BAD if row.state == State.FAILED else WARNING
            found.append(Notice(tone, row.error_code, row.error_message))
        if row.waits_why and not row.is_terminal:
            found.append(Notice(BUSY, "It waits", row.waits_why))
        if may_consent(row) and "held_until" in row.choices:
            until = moment(datetime.fromisoformat(row.choices["held_until"]))
            found.append(Notice(WARNING, "Copied: it switches over when its owner consents. Azure waits until", until))
        if row.cancel_requested_at and not row.is_terminal:
            found.append(Notice(WARNING, "Asked to stop", moment(row.cancel_requested_at)))
        return found

    def facts(self, row: Operation) -> list[Facts]:
        return [_what(row), *progress_facts(row), _when(row), _engine(row)]

    def first_tables(self, row: Operation) -> list[Table]:
        return [_steps(row), _runs(row)]

    def tables(self, row: Operation) -> list[Table]:
        return [
            recent.operations("Operations it has asked for", "It has asked for no other.", parent=row),
            _held(row),
            recent.events(f"operation={row.pk}", operation_id=row.pk),
        ]


def _state(row: Operation) -> str:
    waits = row.state == State.RUNNING and row.lease_until is None
    return state("retrying" if waits and row.error_code else "waiting" if waits and row.waits_why else row.state)


def _why(row: Operation) -> str:
    text = ": ".join(filter(None, (row.error_code, row.error_message))) or ("" if row.is_terminal else row.waits_why)
    return text or NOTHING


def _what(row: Operation) -> Facts:
    values = (
        ("Kind", row.kind),
        ("Target", Targets([row.target_key]).link(row.target_key)),
        ("Workspace", row.workspace or "the platform"),
        ("State", _state(row)),
        ("Step", row.step),
        ("Asked for by", who(row.actor)),
        ("For", row_link(row.parent, row.parent.kind) if row.parent else NOTHING),
        ("Stands in line behind", row_link(row.follows, row.follows.kind) if row.follows else NOTHING),
        ("Wish", document(row.input)),
        ("Choices", document(row.choices)),
    )
    return Facts("What", values)


def _when(row: Operation) -> Facts:
    took = row.finished_at - row.created_at if row.finished_at else None
    values = (
        ("Asked for", moment(row.created_at)),
        ("Started", moment(row.started_at, never="not yet")),
        ("Looks again", moment(row.due_at) if row.state in Operation.CLAIMABLE else NOTHING),
        ("Deadline", moment(row.deadline_at)),
        ("Finished", moment(row.finished_at, never="not yet")),
        ("Took", span(took) if took is not None else NOTHING),
    )
    return Facts("When", values)


def _engine(row: Operation) -> Facts:
    values = (
        ("Id", copyable(row.pk)),
        ("Priority", row.get_priority_display()),
        ("Failed attempts of this step", row.attempt),
        ("Claims so far", row.fence),
        ("Held by", row.lease_owner or "nobody"),
        ("Held until", moment(row.lease_until)),
        ("Step may have acted", "yes" if row.maybe_happened else "no"),
        ("Wakes on", copyable(row.waits_on)),
        ("Request", copyable(row.trace_id)),
    )
    return Facts("Engine", values)


def _steps(row: Operation) -> Table:
    """The workflow's own list, with where it stands."""
    if not is_known(row):
        return Table("Steps", (), [], f"This release knows no step {row.step} of {row.kind}.")
    names = workflow_of(row.kind).step_names
    at = names.index(row.step)
    chips = joined(*(_progress(row, name, number - at) for number, name in enumerate(names)))
    return Table("Steps", (), [(chips,)], "", name="steps")


def _progress(row: Operation, step: str, distance: int) -> SafeString:
    """A step, past, present or to come."""
    if distance < 0 or row.state == State.SUCCEEDED:
        return label(f"✓ {step}", GOOD, title="done")
    if distance > 0:
        return label(step, title="to come")
    return label(f"▸ {step}", TONES.get(row.state, BUSY), title=row.state)


def _runs(row: Operation) -> Table:
    """Newest first: the last lines say what is wrong."""
    found = selectors.step_history(row).order_by("-started_at", "-id")[:STEPS_SHOWN]
    rows = [
        (
            run.step,
            state(run.outcome) if run.finished_at else label("unfinished", WARNING, title="It may have happened."),
            run.detail or NOTHING,
            moment(run.started_at),
            _took(run),
            run.run,
            copyable(run.request_id),
        )
        for run in found
    ]
    headings = ("Step", "Outcome", "What came of it", "Began", "Took", "Claim", "Azure's request")
    return Table("History of steps, newest first", headings, rows, "No step has run yet.", name="history")


def _took(run: StepRun) -> str:
    if run.finished_at is None:
        return NOTHING
    milliseconds = (run.finished_at - run.started_at).total_seconds() * 1000
    return figure(f"{milliseconds:.0f} ms" if milliseconds < 10_000 else span(milliseconds / 1000))


def _held(row: Operation) -> Table:
    targets = Targets(lock.resource_key for lock in row.locks.all())
    rows = [
        (targets.link(lock.resource_key), lock.get_mode_display(), lock.reason, moment(lock.granted_at, never="waits"))
        for lock in row.locks.order_by(F("granted_at").asc(nulls_last=True))
    ]
    return Table("Locks", ("On", "Mode", "Why", "Granted"), rows, "It holds nothing.")
