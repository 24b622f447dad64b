"""/audit-events: who did what to what, newest first; owners see what concerns their own workspaces."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, moment_after, page_document
from controlplane.api.shapes import Text
from controlplane.api.view import ApiView
from operations.models import AuditEvent
from provisioning.selectors import audit_events_for


class AuditEventsQuery(PageQuery):
    workspace = Text(required=False, max_length=63, help_text="Name of a workspace.")
    actor = Text(required=False, max_length=200)
    action = Text(required=False, pattern=r"^[a-z_.]{1,80}$", help_text="E.g. operation.submitted.")
    target = Text(required=False, max_length=300)
    since = serializers.DateTimeField(required=False)
    before = serializers.DateTimeField(required=False)


class AuditEventDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    at = serializers.DateTimeField()
    actor = serializers.CharField()
    action = serializers.CharField()
    target = serializers.CharField(allow_blank=True)
    workspace = serializers.CharField(allow_blank=True)
    operation = serializers.CharField(allow_null=True)
    requestId = serializers.CharField(allow_blank=True)
    outcome = serializers.CharField()
    reason = serializers.CharField(allow_blank=True)
    was = serializers.JSONField(required=False, help_text="Operators and auditors only.")
    became = serializers.JSONField(required=False, help_text="Operators and auditors only.")


class AuditEventPage(serializers.Serializer[Any]):
    value = AuditEventDocument(many=True)
    nextLink = serializers.URLField(required=False)


class AuditEventsView(ApiView):
    """The audit log as far as the caller may see it, newest first."""

    queries: ClassVar = {"GET": AuditEventsQuery}

    @documented("audit_events_list", answers={200: AuditEventPage}, query=AuditEventsQuery, errors=(404,))
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = audit_events_for(self.viewer()).filter(self._asked_for(query)).order_by("-at", "-id")
        after = moment_after(query)
        if after:
            at, row_id = after
            rows = rows.filter(Q(at__lt=at) | Q(id__lt=row_id), at__lte=at)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].at.isoformat(), str(page[-1].id)] if len(found) > len(page) else None
        shown = {name: _text(value) for name, value in query.items()}
        return Response(page_document(request, shown, [self._document(row) for row in page], last))

    def _asked_for(self, query: dict[str, Any]) -> Q:
        """The filters; a workspace that the caller may not know of is answered as one that does not exist."""
        asked = Q(**{name: query[name] for name in ("actor", "action", "target") if name in query})
        if "workspace" in query:
            asked &= Q(workspace=self.workspace(query["workspace"]).name)
        if "since" in query:
            asked &= Q(at__gte=query["since"])
        if "before" in query:
            asked &= Q(at__lt=query["before"])
        return asked

    def _document(self, row: AuditEvent) -> dict[str, Any]:
        document: dict[str, Any] = {
            "id": str(row.id),
            "at": row.at,
            "actor": row.actor,
            "action": row.action,
            "target": row.target,
            "workspace": row.workspace,
            "operation": str(row.operation_id) if row.operation_id else None,
            "requestId": row.request_id,
            "outcome": row.outcome,
            "reason": row.reason,
        }
        if self.viewer().sees_everything:
            document |= {"was": row.before, "became": row.after}
        return document


def _text(value: Any) -> Any:
    """Times as a link carries them."""
    return value.isoformat() if hasattr(value, "isoformat") else value
