"""/workspaces/{w}/services/{s}:restore and /deleted-services: what is gone, until when it can come back, and its return."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Exists, OuterRef, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.links import service_path
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.paging import PageQuery, moment_after, page_document
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.services import BYTES_PER_GB, ServiceProperties
from controlplane.api.shapes import Guid, Moment
from controlplane.api.view import ApiView, named
from inventory.models import Database, ServiceInstance
from inventory.selectors import deleted_services_for
from operations import clock
from provisioning.changes.restoring import restore
from provisioning.plans import plan_restore
from provisioning.restores import RestoreWish


class RestoreBody(ConsentBody):
    """Empty: a deleted service as it was at its end. One that stands is led to another database, which needs consent."""

    pointInTime = Moment(
        required=False, help_text="As of then. Of a standing service: needed; its data since are lost."
    )
    uid = Guid(required=False, help_text="Which one, where several deleted services had this name.")


class DeletedServiceState(ServiceProperties):
    """What a deleted service was."""

    uid = serializers.UUIDField(help_text="Tells services apart that had the same name.")
    createdAt = serializers.DateTimeField()
    deletedAt = serializers.DateTimeField()
    restorableUntil = serializers.DateTimeField(help_text="After it nobody can bring it back.")
    nameTaken = serializers.BooleanField(help_text="Another service stands by this name: it has to be deleted first.")


class DeletedServiceDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(["workspaces/deletedServices"])
    properties = DeletedServiceState()


class DeletedServicePage(serializers.Serializer[Any]):
    value = DeletedServiceDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ServiceRestoreView(ApiView):
    """Brings a service back."""

    bodies: ClassVar = {"POST": RestoreBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "services_restore",
        answers={200: PlanDocument, 202: OperationDocument},
        body=RestoreBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Undelete a service within its grace time, or take a standing one back to a moment: restored beside it at once, and
        switched to in its workspace's window."""
        place, asked = self.workspace(workspace), self.body()
        wish = RestoreWish(named(service, "service"), asked.get("pointInTime"), asked.get("uid"))
        if self.query()["dryRun"] == "true":
            return Response(plan_document(plan_restore(place, wish, actor=self.actor()), self.viewer()))
        operation = restore(place, wish, actor=self.actor(), consent=consent_in(asked))
        document = operation_document(operation, self.viewer())
        location = request.build_absolute_uri(service_path(workspace, service))
        return accepted(request, operation, document, location=location)


class DeletedServicesView(ApiView):
    """Deleted services of a workspace that can still be restored, latest first."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("deleted_services_list", answers={200: DeletedServicePage}, query=PageQuery, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        query, place = self.query(), self.workspace(workspace)
        rows = _rows(deleted_services_for(self.viewer(), clock.now()).filter(service__workspace=place))
        after = moment_after(query)
        if after:
            at, row_id = after
            rows = rows.filter(Q(deleted_at__lt=at) | Q(pk__lt=row_id), deleted_at__lte=at)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].deleted_at.isoformat(), str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row) for row in page], last))


def _rows(deleted: QuerySet[Database]) -> QuerySet[Any]:
    same_name = Q(workspace=OuterRef("service__workspace"), name=OuterRef("service__name"), deleted_at__isnull=True)
    rows = deleted.select_related("service__workspace").annotate(
        taken=Exists(ServiceInstance.objects.filter(same_name))
    )
    return rows.order_by("-deleted_at", "-pk")


def _document(row: Any) -> dict[str, Any]:
    service = row.service
    return {
        "id": service_path(service.workspace.name, service.name),
        "name": service.name,
        "type": "workspaces/deletedServices",
        "properties": {
            "kind": service.kind,
            "sizeGb": row.size_bytes // BYTES_PER_GB,
            "uid": service.pk,
            "createdAt": service.created_at,
            "deletedAt": row.deleted_at,
            "restorableUntil": row.restorable_until,
            "nameTaken": row.taken,
        },
    }
