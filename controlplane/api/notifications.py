"""/notifications: the inbox of the portal, per workspace; who has read what is kept for each reader."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, moment_after, page_document
from controlplane.api.shapes import Guid, Shape, Text
from controlplane.api.view import ApiView
from notifications.inbox import mark_read, notices_for
from notifications.kinds import Severity
from notifications.models import Notice

MOST_MARKED = 200


class NotificationsQuery(PageQuery):
    workspace = Text(required=False, max_length=63, help_text="Name of a workspace.")
    unread = serializers.ChoiceField(["true"], required=False, help_text="true: only what the caller has not read.")


class MarkReadBody(Shape):
    """What the caller has read: all of a workspace's, or of the fleet's where none is named; or these of them."""

    workspace = Text(required=False, default="", allow_blank=True, max_length=63)
    ids = serializers.ListField(child=Guid(), required=False, allow_null=True, default=None, max_length=MOST_MARKED)


class FactDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    value = serializers.CharField()


class NotificationProperties(serializers.Serializer[Any]):
    workspace = serializers.CharField(help_text="Empty: the fleet's.")
    eventType = serializers.CharField()
    severity = serializers.ChoiceField([severity.value for severity in Severity])
    target = serializers.CharField(help_text="Key of what it is about.")
    title = serializers.CharField()
    text = serializers.CharField()
    facts = FactDocument(many=True)
    createdAt = serializers.DateTimeField()
    isRead = serializers.BooleanField()


class NotificationDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(["notifications"])
    properties = NotificationProperties()


class NotificationPage(serializers.Serializer[Any]):
    value = NotificationDocument(many=True)
    nextLink = serializers.URLField(required=False)


class MarkedDocument(serializers.Serializer[Any]):
    marked = serializers.IntegerField(help_text="How many of them were unread.")


class NotificationsView(ApiView):
    """What the caller may know of, newest first."""

    queries: ClassVar = {"GET": NotificationsQuery}

    @documented("notifications_list", answers={200: NotificationPage}, query=NotificationsQuery, errors=(404,))
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = notices_for(self.viewer(), reader=self.actor()).select_related("event").filter(self._asked_for(query))
        after = moment_after(query)
        if after:
            at, row_id = after
            rows = rows.filter(Q(created_at__lt=at) | Q(id__lt=row_id), created_at__lte=at)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].created_at.isoformat(), str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row) for row in page], last))

    def _asked_for(self, query: dict[str, Any]) -> Q:
        asked = Q()
        if "workspace" in query:
            asked &= Q(workspace=self.workspace(query["workspace"]))
        if "unread" in query:
            asked &= Q(is_read=False)
        return asked


class MarkReadView(ApiView):
    """Remembers what the caller has read; others' marks stay as they are."""

    bodies: ClassVar = {"POST": MarkReadBody}

    @documented("notifications_mark_read", answers={200: MarkedDocument}, body=MarkReadBody, errors=(404,), writes=True)
    def post(self, request: Request) -> Response:
        """Mark notifications as read by the caller."""
        body = self.body()
        place = self.workspace(body["workspace"]) if body["workspace"] else None
        ids = None if body["ids"] is None else [UUID(one) for one in body["ids"]]
        return Response({"marked": mark_read(self.viewer(), reader=self.actor(), workspace=place, ids=ids)})


def _document(row: Notice) -> dict[str, Any]:
    return {
        "id": str(row.pk),
        "type": "notifications",
        "properties": {
            "workspace": row.workspace.name if row.workspace else "",
            "eventType": row.kind,
            "severity": row.severity,
            "target": row.target,
            "title": row.title,
            "text": row.text,
            "facts": [{"name": name, "value": str(value)} for name, value in sorted(row.event.data.items())],
            "createdAt": row.created_at,
            "isRead": row.is_read,  # type: ignore[attr-defined]  # of the query
        },
    }
