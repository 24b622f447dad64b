"""/workspaces/{w}/services/{s}/credentials/sessions: how many sessions each user had when the database was last asked."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.credentials import SHOWN, service_named
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.problems import not_found
from controlplane.api.view import ApiView
from inventory.models import ServiceInstance
from rotation.models import Credential
from rotation.services import request_session_count


class UserSessionsDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.ChoiceField(["Active", "Overlapping"])
    openSessions = serializers.IntegerField(allow_null=True, help_text="Null: nobody has looked yet.")
    lookedAt = serializers.DateTimeField(allow_null=True, help_text="When the database was asked.")


class SessionsDocument(serializers.Serializer[Any]):
    users = UserSessionsDocument(many=True)


class SessionsView(ApiView):
    """Sessions of a service's users. The database is asked by the engine alone, never while a caller waits."""

    @documented("sessions_get", answers={200: SessionsDocument}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        """As last seen: an old user is looked at while it overlaps, and both whenever somebody has asked for a count."""
        rows = _users(service_named(self, workspace, service))
        return Response({"users": [_document(row) for row in rows]})

    @documented("sessions_count", answers={202: OperationDocument}, errors=(404, 409), writes=True)
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Ask the database now; the numbers are there when the operation has succeeded."""
        rows = _users(service_named(self, workspace, service))
        operation = request_session_count(rows[0].database, actor=self.actor())
        return accepted(request, operation, operation_document(operation, self.viewer()))


def _users(service: ServiceInstance) -> list[Credential]:
    """Raises Problem 404 before the first was issued."""
    rows = Credential.objects.filter(database__service=service, status__in=SHOWN).order_by("status")
    found = list(rows.select_related("database__service__workspace"))
    if not found:
        raise not_found("Credential")
    return found


def _document(row: Credential) -> dict[str, Any]:
    return {
        "name": row.user_name,
        "state": "Active" if row.status == Credential.Status.ACTIVE else "Overlapping",
        "openSessions": row.open_sessions,
        "lookedAt": row.sessions_seen_at,
    }
