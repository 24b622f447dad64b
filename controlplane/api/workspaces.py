"""/workspaces: customers' containers of services. Operators make and remove them."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.links import workspace_path
from controlplane.api.openapi import documented
from controlplane.api.operations import CertificateDocument, OperationDocument, operation_document
from controlplane.api.paging import PageQuery, continued_after, page_document
from controlplane.api.problems import not_found
from controlplane.api.shapes import Guid, Shape, Text, WholeNumber
from controlplane.api.view import ApiView, ConditionalView, named
from inventory.models import AuthMode, Workspace
from inventory.selectors import workspaces_for
from provisioning.selectors import operations_for
from provisioning.workspaces import MemberWish, RotationWish, WorkspaceWish, define_workspace, request_removal

MOST_MEMBERS = 100


class MemberShape(Shape):
    """Somebody who may act in a workspace: an object of a directory. What they may do stands in their token."""

    tenantId = Guid()
    objectId = Guid()


class WindowShape(Shape):
    """Local hours in which rotations may start; it may pass midnight, equal hours are the whole day."""

    firstHour = WholeNumber(min_value=0, max_value=23)
    endHour = WholeNumber(min_value=0, max_value=24)
    timeZone = Text(required=False, default="UTC", max_length=64, help_text="IANA's name, e.g. Europe/Berlin.")


class RotationShape(Shape):
    """When the credentials of the workspace's databases are renewed, within the platform's bounds."""

    days = WholeNumber(required=False, allow_null=True, default=None, help_text="Null: as the platform does.")
    window = WindowShape(required=False, allow_null=True, default=None, help_text="Null: at any hour.")


class WorkspaceProperties(Shape):
    """What a workspace is to be."""

    region = Text(pattern=r"^[a-z0-9]{1,40}$", help_text="Azure's name, e.g. centralindia; fixed once made.")
    displayName = Text(required=False, allow_blank=True, max_length=128, default="")
    tenantId = Guid(required=False, allow_blank=True, default="", help_text="The customer's directory.")
    retentionDays = WholeNumber(
        required=False, min_value=1, max_value=35, default=7, help_text="Point-in-time restore window of new databases."
    )
    authMode = serializers.ChoiceField(
        AuthMode.values,
        required=False,
        allow_null=True,
        default=None,
        help_text="How services sign in: by password, or as identities of Entra alone. Fixed; null: sql, or as it is.",
    )
    rotation = RotationShape(required=False, default=dict)
    members = serializers.ListField(
        child=MemberShape(), required=False, default=list, max_length=MOST_MEMBERS, help_text="All who may act in it."
    )


class WorkspaceBody(Shape):
    """The wish for a workspace."""

    properties = WorkspaceProperties()


class WorkspaceState(WorkspaceProperties):
    """What a workspace is."""

    authMode = serializers.ChoiceField(AuthMode.values)
    createdAt = serializers.DateTimeField()


class WorkspaceDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(["workspaces"])
    properties = WorkspaceState()


class WorkspacePage(serializers.Serializer[Any]):
    value = WorkspaceDocument(many=True)
    nextLink = serializers.URLField(required=False)


class WorkspacesView(ApiView):
    """The caller's workspaces, by name."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("workspaces_list", answers={200: WorkspacePage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = workspaces_for(self.viewer()).order_by("name").prefetch_related("members")
        after = continued_after(query, parts=1)
        if after:
            rows = rows.filter(name__gt=after[0])
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].name] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row) for row in page], last))


class WorkspaceView(ConditionalView):
    """One workspace."""

    bodies: ClassVar = {"PUT": WorkspaceBody}

    @documented("workspaces_get", answers={200: WorkspaceDocument, 304: None}, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        return Response(_document(self.workspace(workspace)))

    @documented(
        "workspaces_put",
        answers={200: WorkspaceDocument, 201: WorkspaceDocument},
        body=WorkspaceBody,
        errors=(409, 412),
        writes=True,
    )
    def put(self, request: Request, workspace: str) -> Response:
        """Make a workspace, or give it these properties; members are replaced."""
        wish = _wish(named(workspace, "workspace"), self.body()["properties"])
        row, is_new = define_workspace(wish, actor=self.actor())
        location = {"Location": request.build_absolute_uri()} if is_new else {}
        return Response(_document(row), status=201 if is_new else 200, headers=location)

    @documented("workspaces_delete", answers={202: OperationDocument, 204: None}, errors=(409, 412), writes=True)
    def delete(self, request: Request, workspace: str) -> Response:
        """Remove a workspace with all its services: one operation, with one below it for each service."""
        name = named(workspace, "workspace")
        row = workspaces_for(self.viewer()).filter(name=name).first()
        operation = request_removal(row, actor=self.actor()) if row is not None else None
        if operation is None:
            return Response(status=204)
        return accepted(request, operation, operation_document(operation, self.viewer()))

    def present(self) -> dict[str, Any] | None:
        row = workspaces_for(self.viewer()).filter(name=self.kwargs["workspace"]).first()
        return _document(row) if row else None


class CertificateView(ApiView):
    """What was removed with a workspace."""

    @documented("workspaces_certificate", answers={200: CertificateDocument}, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        """The certificate of the latest removal of a workspace of this name."""
        name = named(workspace, "workspace")
        removals = operations_for(self.viewer()).filter(kind="delete_workspace", workspace=name, state="succeeded")
        latest = removals.order_by("-created_at").first()
        if latest is None:
            raise not_found("Certificate")
        return Response(latest.choices["certificate"])


def _wish(name: str, properties: dict[str, Any]) -> WorkspaceWish:
    return WorkspaceWish(
        name=name,
        region=properties["region"],
        display_name=properties["displayName"],
        entra_tenant_id=properties["tenantId"],
        retention_days=properties["retentionDays"],
        auth_mode=properties["authMode"],
        rotation=_rotation_wish(properties["rotation"]),
        members=frozenset(MemberWish(member["tenantId"], member["objectId"]) for member in properties["members"]),
    )


def _rotation_wish(shape: dict[str, Any]) -> RotationWish:
    window = shape.get("window") or {}
    return RotationWish(
        rotation_days=shape.get("days"),
        rotation_first_hour=window.get("firstHour"),
        rotation_end_hour=window.get("endHour"),
        time_zone=window.get("timeZone", "UTC"),
    )


def _rotation(row: Workspace) -> dict[str, Any]:
    window = {"firstHour": row.rotation_first_hour, "endHour": row.rotation_end_hour, "timeZone": row.time_zone}
    return {"days": row.rotation_days, "window": None if row.rotation_first_hour is None else window}


def _document(row: Workspace) -> dict[str, Any]:
    members = sorted((member.tenant_id, member.object_id) for member in row.members.all())
    return {
        "id": workspace_path(row.name),
        "name": row.name,
        "type": "workspaces",
        "properties": {
            "region": row.region_id,
            "displayName": row.display_name,
            "tenantId": row.entra_tenant_id,
            "retentionDays": row.retention_days,
            "rotation": _rotation(row),
            "members": [{"tenantId": tenant, "objectId": object_id} for tenant, object_id in members],
            "authMode": row.auth_mode,
            "createdAt": row.created_at,
        },
    }
