"""/emergency-rotations: everything that somebody may know is replaced at once, both users, without an overlap."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.credentials import service_named
from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Text
from controlplane.api.view import ApiView
from inventory.models import Database, SqlServer
from rotation.emergency import Reach, Scope, reach_of_service, request_emergency
from rotation.holding import GONE


class EmergencyShape(Reason):
    """How far a leak may reach, and why everything there is replaced."""

    scope = serializers.ChoiceField([scope.value for scope in Scope])
    name = Text(
        required=False,
        default="",
        allow_blank=True,
        max_length=128,
        help_text="Of the workspace; of the server or database as Azure has it. Empty for everything.",
    )


class EmergencyView(ApiView):
    """Where an emergency is declared; the answer is its operation, whose `progress` tells how many are replaced."""

    bodies: ClassVar = {"POST": Reason}

    def declared(self, reach: Reach, *, workspace: str, reason: str) -> Response:
        operation = request_emergency(reach, actor=self.actor(), reason=reason, workspace=workspace)
        return accepted(self.request, operation, operation_document(operation, self.viewer()))


class EmergencyRotationsView(EmergencyView):
    """An emergency of any reach, for operators."""

    bodies: ClassVar = {"POST": EmergencyShape}

    @documented(
        "emergency_rotations_post",
        answers={202: OperationDocument},
        body=EmergencyShape,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request) -> Response:
        """Replace both users of every database within reach, worst first; sessions end, old versions are disabled."""
        body = self.body()
        reach, workspace = self._reach(Scope(body["scope"]), body["name"])
        return self.declared(reach, workspace=workspace, reason=body["reason"])

    def _reach(self, scope: Scope, name: str) -> tuple[Reach, str]:
        """What is meant, and the workspace that is told. Raises Problem 400, 404."""
        if bool(name) == (scope is Scope.EVERYTHING):
            raise Problem(400, "InvalidRequestBody", "A name belongs to every scope but everything.", target="name")
        if scope is Scope.EVERYTHING:
            return Reach(scope), ""
        if scope is Scope.WORKSPACE:
            return Reach(scope, self.workspace(name).pk), name
        if scope is Scope.SERVER:
            server = SqlServer.objects.filter(azure_name=name).exclude(status__in=GONE).first()
            return Reach(scope, _there(server, "Server").pk), ""
        database = Database.objects.filter(azure_name=name, stands_in_for=None).exclude(status__in=GONE)
        found = _there(database.select_related("service__workspace").first(), "Database")
        return Reach(scope, found.pk), found.service.workspace.name if found.service else ""


class WorkspaceEmergencyView(EmergencyView):
    """An emergency of one workspace."""

    @documented(
        "workspaces_emergency_rotations_post",
        answers={202: OperationDocument},
        body=Reason,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str) -> Response:
        """Replace the credentials of all its services now; whoever is signed in has to sign in again."""
        place = self.workspace(workspace)
        return self.declared(Reach(Scope.WORKSPACE, place.pk), workspace=place.name, reason=self.body()["reason"])


class ServiceEmergencyView(EmergencyView):
    """An emergency of one service."""

    @documented(
        "services_emergency_rotations_post",
        answers={202: OperationDocument},
        body=Reason,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Replace the service's credential now; whoever is signed in has to sign in again."""
        found = service_named(self, workspace, service)
        reach = _there(reach_of_service(found), "Credential")
        return self.declared(reach, workspace=found.workspace.name, reason=self.body()["reason"])


def _there(found: Any, kind: str) -> Any:
    """Raises Problem 404 for what is not."""
    if found is None:
        raise not_found(kind)
    return found
