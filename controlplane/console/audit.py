"""The audit log: searched by who, what, to what, workspace and time; paged by position, so that page 1000 is as quick."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django import forms
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.http import urlencode

from controlplane.console.recent import EVENT_HEADINGS, event_rows
from controlplane.console.tables import Table
from operations.models import AuditEvent

PAGE_SIZE = 50
PERMISSION = "operations.view_auditevent"
MEANS_NOTHING = "No event matches. The log keeps every change of state, refusal and sign-in."
TROUBLE = "trouble"
OUTCOMES = (
    ("", "any outcome"),
    ("done", "done"),
    (TROUBLE, "refused or failed"),
    ("refused", "refused"),
    ("failed", "failed"),
)


class Search(forms.Form):
    """What is looked for; empty fields match everything."""

    actor = forms.CharField(required=False, label="Who", max_length=200)
    action = forms.CharField(required=False, label="What (begins with)", max_length=200)
    target = forms.CharField(required=False, label="To what (key or id)", max_length=200)
    workspace = forms.CharField(required=False, label="Workspace", max_length=63)
    operation = forms.UUIDField(required=False, label="Operation")
    outcome = forms.ChoiceField(required=False, label="Outcome", choices=OUTCOMES)
    since = forms.DateTimeField(required=False, label="From (UTC)", widget=forms.TextInput({"type": "datetime-local"}))
    until = forms.DateTimeField(required=False, label="Until (UTC)", widget=forms.TextInput({"type": "datetime-local"}))


def audit_view(request: HttpRequest, site: Any) -> HttpResponse:
    """One page of events, newest first. Raises PermissionDenied without the right to see the log."""
    if request.method not in ("GET", "HEAD") or not request.user.has_perm(PERMISSION):
        raise PermissionDenied
    form = Search(request.GET)
    wanted = matching(form.cleaned_data) if form.is_valid() else AuditEvent.objects.none()
    events = list(_before(wanted, request.GET.get("before", ""))[: PAGE_SIZE + 1])
    shown = events[:PAGE_SIZE]
    context = {
        **site.each_context(request),
        "title": "Audit events",
        "form": form,
        "table": Table("Events, newest first", EVENT_HEADINGS, event_rows(shown), MEANS_NOTHING),
        "older": _page(request, position(shown[-1])) if len(events) > PAGE_SIZE else "",
        "newest": _page(request, "") if request.GET.get("before") else "",
    }
    request.current_app = site.name  # read by the url tag
    return TemplateResponse(request, "console/audit.html", context)


def matching(wanted: dict[str, Any]) -> QuerySet[AuditEvent]:
    """Events that a valid search asks for, newest first."""
    condition = Q()
    for field, lookup in LOOKUPS.items():
        if wanted.get(field):
            condition &= Q(**{lookup: wanted[field]})
    if wanted.get("outcome"):
        outcomes = ("refused", "failed") if wanted["outcome"] == TROUBLE else (wanted["outcome"],)
        condition &= Q(outcome__in=outcomes)
    if wanted.get("target"):
        condition &= _about(wanted["target"])
    return AuditEvent.objects.filter(condition)


LOOKUPS = {
    "actor": "actor__icontains",
    "action": "action__startswith",
    "workspace": "workspace",
    "operation": "operation_id",
    "since": "at__gte",
    "until": "at__lt",
}


def position(event: AuditEvent) -> str:
    """Where in the log an event stands."""
    return f"{event.at.isoformat()}_{event.id}"


def _about(target: str) -> Q:
    """A whole key by its index; a bare id as the end of one."""
    return Q(target=target) if ":" in target else Q(target__endswith=target)


def _before(events: QuerySet[AuditEvent], place: str) -> QuerySet[AuditEvent]:
    """Events after that place in the list; all of them for a place that nobody has made."""
    moment, _, event_id = place.partition("_")
    try:
        at, last = datetime.fromisoformat(moment), UUID(event_id)
    except ValueError:
        return events
    if at.tzinfo is None:
        return events
    return events.filter(Q(at__lt=at) | Q(at=at, id__lt=last))


def _page(request: HttpRequest, before: str) -> str:
    query = {name: str(value) for name, value in request.GET.items() if value and name != "before"}
    return "?" + urlencode({**query, "before": before} if before else query)
