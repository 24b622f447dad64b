"""/maintenance: when changes may disturb a workspace, or the fleet; and operations that need not wait for it."""

from __future__ import annotations

from datetime import time
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.access import OPERATORS, granting_roles
from controlplane.api.decisions import DecisionView, Reason
from controlplane.api.links import workspace_path
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, found, operation_document
from controlplane.api.shapes import Moment, Shape, Text, WholeNumber
from controlplane.api.view import ConditionalView
from inventory.calendar import NEVER
from inventory.models import Workspace
from inventory.selectors import workspaces_for
from operations.services import serialise
from provisioning.maintenance import (
    MOST_OF_EACH,
    FreezeWish,
    MaintenanceWish,
    WindowWish,
    define_maintenance,
    present_maintenance,
)
from provisioning.windows import opening_for, start_now

DAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HOUR_AND_MINUTE = r"([01][0-9]|2[0-3]):[0-5][0-9]"


class MaintenanceWindowShape(Shape):
    """Local hours of a weekday in which changes may disturb; they may pass midnight, and the week's end."""

    day = serializers.ChoiceField(DAYS, help_text="On which it opens.")
    opens = Text(
        pattern=HOUR_AND_MINUTE, help_text="Local time, e.g. 22:00; where that hour is missing, an hour later."
    )
    minutes = WholeNumber(min_value=1, max_value=1440, help_text="How long it stays open.")
    timeZone = Text(max_length=64, help_text="IANA's name, e.g. Europe/Berlin.")


class FreezeShape(Shape):
    """A time in which no change may disturb, whatever the windows say."""

    startsAt = Moment()
    endsAt = Moment()
    reason = Text(max_length=500, pattern=r"[\s\S]*\S[\s\S]*")


class MaintenanceProperties(Shape):
    """All windows and all freezes. Without windows: at any time, or in the fleet's where it is a workspace's."""

    windows = serializers.ListField(
        child=MaintenanceWindowShape(), required=False, default=list, max_length=MOST_OF_EACH
    )
    freezes = serializers.ListField(child=FreezeShape(), required=False, default=list, max_length=MOST_OF_EACH)


class MaintenanceBody(Shape):
    """The wish for windows and freezes."""

    properties = MaintenanceProperties()


class OpeningDocument(serializers.Serializer[Any]):
    startsAt = serializers.DateTimeField(allow_null=True, help_text="Null: it is open now.")
    endsAt = serializers.DateTimeField(allow_null=True, help_text="Null: nothing ends it.")


class MaintenanceState(MaintenanceProperties):
    """What holds."""

    nextOpening = OpeningDocument(
        allow_null=True, help_text="When changes may disturb next, all freezes regarded. Null: never."
    )


class MaintenanceDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.ChoiceField(["maintenance"])
    type = serializers.ChoiceField(["maintenance", "workspaces/maintenance"])
    properties = MaintenanceState()


class MaintenanceView(ConditionalView):
    """The fleet's windows, for workspaces without any of their own, and its freezes, for all."""

    bodies: ClassVar = {"PUT": MaintenanceBody}

    @documented("maintenance_get", answers={200: MaintenanceDocument, 304: None})
    def get(self, request: Request) -> Response:
        return Response(_document(None))

    @documented("maintenance_put", answers={200: MaintenanceDocument}, body=MaintenanceBody, errors=(412,), writes=True)
    def put(self, request: Request) -> Response:
        """Replace them; operations that wait for a window look again at once."""
        define_maintenance(None, _wish(self.body()["properties"]), actor=self.actor())
        return Response(_document(None))

    def hold(self) -> None:
        serialise("maintenance-of-the-fleet")

    def present(self) -> dict[str, Any]:
        return _document(None)


class WorkspaceMaintenanceView(ConditionalView):
    """A workspace's own windows and freezes."""

    bodies: ClassVar = {"PUT": MaintenanceBody}

    @documented("workspaces_maintenance_get", answers={200: MaintenanceDocument, 304: None}, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        return Response(_document(self.workspace(workspace)))

    @documented(
        "workspaces_maintenance_put",
        answers={200: MaintenanceDocument},
        body=MaintenanceBody,
        errors=(404, 412),
        writes=True,
    )
    def put(self, request: Request, workspace: str) -> Response:
        """Replace them; operations that wait for a window look again at once."""
        row = self.workspace(workspace)
        define_maintenance(row, _wish(self.body()["properties"]), actor=self.actor())
        return Response(_document(row))

    def present(self) -> dict[str, Any] | None:
        row = workspaces_for(self.viewer()).filter(name=self.kwargs["workspace"]).first()
        return _document(row) if row else None


class OperationStartNowView(DecisionView):
    """Lets an operation go on without its window."""

    @documented("operations_start_now", answers={200: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Do not wait for a window. The fleet's freezes hold all the same, unless an operator says so."""
        row, reason = found(operation, self.viewer()), self.body()["reason"]
        over_freezes = bool(granting_roles(request) & OPERATORS)
        row = start_now(row, actor=self.actor(), reason=reason, over_freezes=over_freezes)
        return Response(operation_document(row, self.viewer()))


def _wish(properties: dict[str, Any]) -> MaintenanceWish:
    windows = [
        WindowWish(DAYS.index(w["day"]), time.fromisoformat(w["opens"]), w["minutes"], w["timeZone"])
        for w in properties["windows"]
    ]
    freezes = [FreezeWish(f["startsAt"], f["endsAt"], f["reason"]) for f in properties["freezes"]]
    return MaintenanceWish(frozenset(windows), frozenset(freezes))


def _document(workspace: Workspace | None) -> dict[str, Any]:
    present = present_maintenance(workspace)
    return {
        "id": f"{workspace_path(workspace.name)}/maintenance" if workspace else "/maintenance",
        "name": "maintenance",
        "type": "workspaces/maintenance" if workspace else "maintenance",
        "properties": {
            "windows": [
                {
                    "day": DAYS[wish.weekday],
                    "opens": f"{wish.opens:%H:%M}",
                    "minutes": wish.minutes,
                    "timeZone": wish.time_zone,
                }
                for wish in sorted(present.windows)
            ],
            "freezes": [
                {"startsAt": wish.starts_at, "endsAt": wish.ends_at, "reason": wish.reason}
                for wish in sorted(present.freezes)
            ],
            "nextOpening": _next_opening(workspace),
        },
    }


def _next_opening(workspace: Workspace | None) -> dict[str, Any] | None:
    opening = opening_for([workspace] if workspace else [], expected_seconds=0)
    if opening.span is None:
        return None
    ends_at = opening.span.ends_at
    return {
        "startsAt": None if opening.is_now else opening.span.starts_at,
        "endsAt": None if ends_at == NEVER else ends_at,
    }
