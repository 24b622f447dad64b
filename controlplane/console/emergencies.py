"""Emergencies: a button on what may have leaked, and a page that shows how far they are and has the button for everything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.template.response import TemplateResponse

from controlplane.console.buttons import Button, press
from controlplane.console.display import bar, moment, row_link, state, who
from controlplane.console.tables import Table
from inventory.models import Database, SqlServer, Workspace
from operations.models import Operation
from rotation.emergency import Reach, Scope, emergencies, request_emergency

SEES = "rotation.view_credential"
PERMISSION = "rotation.change_credential"
WARNS = "Both users of {} get new passwords now, open sessions end, and every older secret version is disabled."
HEADINGS = ("Emergency", "Reach", "State", "Replaced", "Need a human", "Why", "Who", "Declared")
GONE = ("deleting", "deleted")


@dataclass(frozen=True)
class Everything:
    """Stands for the whole platform where a button wants a row."""

    key: str = "platform"

    def __str__(self) -> str:
        return "everything"


def emergency_page(request: HttpRequest, site: Any) -> HttpResponse:
    """The emergencies, and the button for everything. Raises PermissionDenied."""
    if not request.user.has_perm(SEES):
        raise PermissionDenied
    if request.method == "POST":
        press(EVERYTHING, request, Everything())
        return redirect("console:emergency")
    row = Everything()
    context = {
        **site.each_context(request),
        "title": "Emergency rotation",
        "buttons": [EVERYTHING.drawn_for(row)] if EVERYTHING.shown_for(request, row) else [],
        "table": _table(),
    }
    request.current_app = site.name  # read by the url tag
    return TemplateResponse(request, "console/emergency.html", context)


def _table() -> Table:
    rows = [_row(one) for one in emergencies()[:50]]
    return Table("Emergencies, newest first", HEADINGS, rows, "No emergency was ever declared.")


def _row(one: Operation) -> tuple[object, ...]:
    progress = one.choices.get("progress", {})
    replaced, total = progress.get("replaced", 0), progress.get("databases", 0)
    return (
        row_link(one, str(one.pk)[-8:]),
        " ".join(filter(None, (one.input["scope"], one.workspace))),
        state(one.state),
        bar(replaced, total, f"{replaced:,} / {total:,}"),
        progress.get("needAttention", 0),
        one.input["reason"],
        who(one.actor),
        moment(one.created_at),
    )


def _declare(reach: Reach, workspace: str, *, actor: str, reason: str) -> str:
    operation = request_emergency(reach, actor=actor, reason=reason, workspace=workspace)
    return f"The emergency is declared: operation {operation.pk} replaces everything within its reach."


def _of_workspace(row: Workspace, *, actor: str, reason: str) -> str:
    return _declare(Reach(Scope.WORKSPACE, row.pk), row.name, actor=actor, reason=reason)


def _of_server(row: SqlServer, *, actor: str, reason: str) -> str:
    return _declare(Reach(Scope.SERVER, row.pk), "", actor=actor, reason=reason)


def _of_database(row: Database, *, actor: str, reason: str) -> str:
    workspace = row.service.workspace.name if row.service else ""
    return _declare(Reach(Scope.DATABASE, row.pk), workspace, actor=actor, reason=reason)


def _of_everything(row: Everything, *, actor: str, reason: str) -> str:
    return _declare(Reach(Scope.EVERYTHING), "", actor=actor, reason=reason)


def _button(applies: Any, act: Any, of_what: str, confirms: Any = str) -> Button:
    return Button(
        name="emergency",
        title="Emergency rotation",
        permission=PERMISSION,
        applies=applies,
        act=act,
        warns=WARNS.format(of_what),
        icon="emergency_home",
        is_dangerous=True,
        confirms=confirms,
    )


OF_WORKSPACE = _button(lambda row: row.deleted_at is None, _of_workspace, "every database of this workspace")
OF_SERVER = _button(lambda row: row.status not in GONE, _of_server, "every database on this server")
OF_DATABASE = _button(
    lambda row: row.status not in GONE and row.credentials.exists(),
    _of_database,
    "this database",
    confirms=lambda row: str(row.service.name) if row.service else row.azure_name,
)
EVERYTHING = _button(lambda _: True, _of_everything, "every database of every customer")
