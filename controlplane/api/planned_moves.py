"""/workspaces/{w}/planned-moves: which of its databases will move to spread load, and what its owner says to that."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.problems import Problem, not_found
from controlplane.api.rebalance_plans import id_in
from controlplane.api.shapes import Moment, Shape, Text
from controlplane.api.view import ApiView
from inventory.models import Workspace
from operations import clock
from placement.models import PlannedMove
from placement.rebalancing.deciding import accept, defer, veto


class PlannedMoveDocument(serializers.Serializer[Any]):
    """An owner sees when, and what becomes of it; nothing of pools and of who else stands there."""

    id = serializers.CharField()
    service = serializers.CharField()
    state = serializers.ChoiceField(PlannedMove.State.choices)
    dueAt = serializers.DateTimeField(source="due_at", allow_null=True, help_text="It does not begin before.")
    deferredUntil = serializers.DateTimeField(source="deferred_until", allow_null=True)
    operationId = serializers.CharField(source="operation_id", allow_null=True)
    decidedBy = serializers.CharField(source="decided_by", allow_blank=True)
    reason = serializers.CharField(allow_blank=True)


class PlannedMovePage(serializers.Serializer[Any]):
    value = PlannedMoveDocument(many=True)
    nextLink = serializers.URLField(required=False)


class DeferShape(Shape):
    """Until when it is put off."""

    until = Moment(help_text="Later than now; the region says for how long at most.")
    reason = Text(required=False, default="", max_length=500, allow_blank=True)


class PlannedMovesView(ApiView):
    """Moves of a workspace's databases that its owner was told of, oldest first."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("planned_moves_list", answers={200: PlannedMovePage}, query=PageQuery, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        query, place = self.query(), self.workspace(workspace)
        rows = moves_of(place).order_by("pk")
        after = continued_after(query, parts=1)
        if after:
            key = id_in(after[0])
            if key is None:
                raise wrong_token()
            rows = rows.filter(pk__gt=key)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, list(PlannedMoveDocument(page, many=True).data), last))


class MoveDecision(ApiView):
    """An owner's word about one move."""

    def move(self, workspace: str, text: str) -> PlannedMove:
        """Raises Problem 404."""
        place, key = self.workspace(workspace), id_in(text)
        row = moves_of(place).filter(pk=key).first() if key else None
        if row is None:
            raise not_found("Move")
        return row


class MoveAcceptView(MoveDecision):
    """Agrees to a move."""

    @documented("planned_moves_accept", answers={200: PlannedMoveDocument}, errors=(404, 409), writes=True)
    def post(self, request: Request, workspace: str, move: str) -> Response:
        """Let it begin as soon as its window is open."""
        return Response(PlannedMoveDocument(accept(self.move(workspace, move), actor=self.actor())).data)


class MoveDeferView(MoveDecision):
    """Puts a move off."""

    bodies: ClassVar = {"POST": DeferShape}

    @documented(
        "planned_moves_defer", answers={200: PlannedMoveDocument}, body=DeferShape, errors=(404, 409), writes=True
    )
    def post(self, request: Request, workspace: str, move: str) -> Response:
        """No plan moves the database until then. A workspace may do so a few times a quarter."""
        row, body = self.move(workspace, move), self.body()
        if body["until"] <= clock.now():
            raise Problem(400, "InvalidRequestBody", "The moment has passed.", target="until")
        row = defer(row, body["until"], actor=self.actor(), reason=body.get("reason", ""))
        return Response(PlannedMoveDocument(row).data)


class MoveVetoView(MoveDecision):
    """Refuses a move."""

    bodies: ClassVar = {"POST": Reason}

    @documented("planned_moves_veto", answers={200: PlannedMoveDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, workspace: str, move: str) -> Response:
        """No plan moves the database for 90 days. A workspace may do so a few times a quarter."""
        row = veto(self.move(workspace, move), actor=self.actor(), reason=self.body()["reason"])
        return Response(PlannedMoveDocument(row).data)


def moves_of(place: Workspace) -> QuerySet[PlannedMove]:
    """Moves of its databases that it was told of; none of a former holder of its name."""
    return PlannedMove.objects.filter(database__service__workspace=place, due_at__isnull=False)
