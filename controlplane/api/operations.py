"""/operations: long-running changes, how they are going, and how to stop them.

`status` is Azure's word. An operation that waits for a decision of an operator is Running to the outside, with a note: it is
not over, and nothing is asked of the caller.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.conf import settings
from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.links import service_path
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, moment_after, page_document
from controlplane.api.problems import not_found
from controlplane.api.shapes import Guid, Text
from controlplane.api.view import ApiView, TaggedView
from inventory.models import Database, ServiceInstance
from inventory.selectors import Viewer
from operations.models import Operation
from operations.services import cancel
from operations.workflow import workflow_of
from provisioning.changes.forecast import expected_end
from provisioning.selectors import operations_for

State = Operation.State
STATUSES = {
    State.QUEUED: "NotStarted",
    State.RUNNING: "Running",
    State.NEEDS_ATTENTION: "Running",
    State.SUCCEEDED: "Succeeded",
    State.FAILED: "Failed",
    State.CANCELLED: "Canceled",
}
STATUS_WORDS = sorted(set(STATUSES.values()))
PROGRESS = {"emergency_rotation": "progress", "drain_pool": "drain", "change_database": "hops"}
"""Under which name the progress of a kind is told."""
NOTE = "An operator has to look at it; it goes on afterwards."


class OperationsQuery(PageQuery):
    workspace = Text(required=False, max_length=63, help_text="Name of a workspace.")
    state = serializers.ChoiceField(STATUS_WORDS, required=False)
    kind = Text(required=False, pattern=r"^[a-z_]{1,60}$", help_text="E.g. create_database.")
    parentId = Guid(required=False, help_text="Operations that this one has asked for.")


class OperationError(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class OperationProperties(serializers.Serializer[Any]):
    target = serializers.CharField(help_text="Id of the service that it changes; of others, their key.")
    workspace = serializers.CharField(help_text="Empty: the platform's own.")


class CertifiedResource(serializers.Serializer[Any]):
    type = serializers.CharField()
    name = serializers.CharField()
    armId = serializers.CharField(allow_blank=True)
    service = serializers.CharField()
    endsAt = serializers.DateTimeField(allow_null=True)


class CertifiedBackup(serializers.Serializer[Any]):
    database = serializers.CharField()
    kind = serializers.CharField()
    redundancy = serializers.CharField()
    endsAt = serializers.DateTimeField(help_text="Until then Azure can restore it, and nobody can end it sooner.")


class CertifiedSecret(serializers.Serializer[Any]):
    vault = serializers.CharField()
    name = serializers.CharField()
    state = serializers.CharField()
    disabledAt = serializers.DateTimeField(allow_null=True)
    deletedAt = serializers.DateTimeField(allow_null=True, help_text="When it was deleted, or will be.")
    endsAt = serializers.DateTimeField(allow_null=True, help_text="The latest that the vault may keep what is deleted.")


class CertificateDocument(serializers.Serializer[Any]):
    workspace = serializers.CharField()
    workspaceId = serializers.CharField()
    operation = serializers.CharField()
    requestedBy = serializers.CharField()
    requestedAt = serializers.DateTimeField()
    issuedAt = serializers.DateTimeField()
    resources = CertifiedResource(many=True)
    backups = CertifiedBackup(many=True)
    secrets = CertifiedSecret(many=True)
    keys = serializers.ListField(child=serializers.CharField(), help_text="Customers' keys that were in use.")
    sha256 = serializers.CharField(help_text="Digest of all the rest.")


class EmergencyProgress(serializers.Serializer[Any]):
    databases = serializers.IntegerField(help_text="How many are within reach.")
    replaced = serializers.IntegerField(help_text="Of how many nothing that was known works any more.")
    needAttention = serializers.IntegerField(help_text="How many of the others an operator has to look at.")


class DrainProgress(serializers.Serializer[Any]):
    databases = serializers.IntegerField(help_text="How many stood in the pool.")
    moved = serializers.IntegerField(help_text="How many have left it.")


class HopsProgress(serializers.Serializer[Any]):
    hops = serializers.IntegerField(help_text="Of how many it consists; each is an operation with this as its parent.")
    done = serializers.IntegerField(help_text="How many have arrived.")
    stands = serializers.CharField(help_text="What the last of them has made of the database.")


class ChangeProgress(serializers.Serializer[Any]):
    phase = serializers.CharField(
        allow_blank=True, help_text="Azure's own word, e.g. Copying; empty where it tells none."
    )
    expectedEndAt = serializers.DateTimeField(help_text="Of the copy; while it is held: until when Azure holds it.")
    awaitsConsentUntil = serializers.DateTimeField(required=False, help_text="It is copied; consent switches it over.")


class OperationDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    kind = serializers.CharField()
    status = serializers.ChoiceField(STATUS_WORDS)
    step = serializers.CharField()
    percentComplete = serializers.IntegerField(
        help_text="Steps done, of all; with `change`: the share of the expected time, within the bounds of the phase."
    )
    expectedEndAt = serializers.DateTimeField(
        required=False,
        help_text="By what Azure tells of it, by the window that it waits for, or else by its plan. In the past: it is late.",
    )
    change = ChangeProgress(required=False, help_text="Of a conversion while Azure works on it, as last looked at.")
    note = serializers.CharField(required=False)
    createdAt = serializers.DateTimeField()
    startedAt = serializers.DateTimeField(allow_null=True)
    finishedAt = serializers.DateTimeField(allow_null=True)
    cancelRequestedAt = serializers.DateTimeField(allow_null=True)
    error = OperationError(allow_null=True)
    waitsFor = serializers.CharField(required=False, help_text="Operators and auditors only.")
    certificate = CertificateDocument(required=False, help_text="Of a workspace's removal that is done.")
    progress = EmergencyProgress(required=False, help_text="Of an emergency rotation.")
    drain = DrainProgress(required=False, help_text="Of a pool that is being drained.")
    hops = HopsProgress(required=False, help_text="Of a change of several hops.")
    properties = OperationProperties()


class OperationPage(serializers.Serializer[Any]):
    value = OperationDocument(many=True)
    nextLink = serializers.URLField(required=False)


class OperationsView(ApiView):
    """Operations that the caller may know of, newest first."""

    queries: ClassVar = {"GET": OperationsQuery}

    @documented("operations_list", answers={200: OperationPage}, query=OperationsQuery, errors=(404,))
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = operations_for(self.viewer()).filter(self._asked_for(query)).order_by("-created_at", "-id")
        after = moment_after(query)
        if after:
            at, row_id = after
            rows = rows.filter(Q(created_at__lt=at) | Q(id__lt=row_id), created_at__lte=at)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].created_at.isoformat(), str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, operation_documents(page, self.viewer()), last))

    def _asked_for(self, query: dict[str, Any]) -> Q:
        """The filters; a workspace that the caller may not know of is answered as one that does not exist."""
        asked = Q()
        if "workspace" in query:
            asked &= Q(workspace=self.workspace(query["workspace"]).name)
        if "state" in query:
            asked &= Q(state__in=[state for state, word in STATUSES.items() if word == query["state"]])
        if "kind" in query:
            asked &= Q(kind=query["kind"])
        if "parentId" in query:
            asked &= Q(parent_id=query["parentId"])
        return asked


class OperationView(TaggedView):
    """One operation: the status monitor that Operation-Location points to."""

    @documented("operations_get", answers={200: OperationDocument, 304: None}, errors=(404,))
    def get(self, request: Request, operation: str) -> Response:
        row = found(operation, self.viewer())
        headers = {} if row.is_terminal else {"Retry-After": str(settings.API_RETRY_AFTER_SECONDS)}
        return Response(operation_document(row, self.viewer()), headers=headers)


class OperationCancelView(ApiView):
    """Asks an operation to stop."""

    def check_still_known(self) -> None:
        found(self.kwargs["operation"], self.viewer())

    @documented("operations_cancel", answers={202: OperationDocument}, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Accepted until the point of no return; whether it stopped is told by the operation itself."""
        row = cancel(found(operation, self.viewer()), actor=self.actor())
        return accepted(request, row, operation_document(row, self.viewer()))


def found(text: str, viewer: Viewer) -> Operation:
    """The operation of that id, where the viewer may know of it. Raises Problem 404."""
    try:
        row = operations_for(viewer).filter(pk=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise not_found("Operation")
    return row


def operation_document(row: Operation, viewer: Viewer) -> dict[str, Any]:
    return operation_documents([row], viewer)[0]


def operation_documents(rows: list[Operation], viewer: Viewer) -> list[dict[str, Any]]:
    targets = _service_paths(row.target_key for row in rows)
    return [_document(row, targets.get(row.target_key, row.target_key), viewer) for row in rows]


def _document(row: Operation, target: str, viewer: Viewer) -> dict[str, Any]:
    failed = row.state == State.FAILED
    document: dict[str, Any] = {
        "id": str(row.pk),
        "kind": row.kind,
        "status": STATUSES[State(row.state)],
        "step": row.step,
        "percentComplete": _percent(row),
        "createdAt": row.created_at,
        "startedAt": row.started_at,
        "finishedAt": row.finished_at,
        "cancelRequestedAt": row.cancel_requested_at,
        "error": {"code": row.error_code, "message": row.error_message} if failed else None,
        "properties": {"target": target, "workspace": row.workspace},
    }
    if row.state == State.NEEDS_ATTENTION:
        document["note"] = NOTE
    if "certificate" in row.choices:
        document["certificate"] = row.choices["certificate"]
    if not row.is_terminal and "run" in row.choices:
        document |= _change(row)
    if row.kind in PROGRESS and "progress" in row.choices:
        document[PROGRESS[row.kind]] = row.choices["progress"]
    if (end := expected_end(row)) is not None:
        document["expectedEndAt"] = end
    if viewer.sees_everything and row.waits_why:
        document["waitsFor"] = row.waits_why
    return document


def _change(row: Operation) -> dict[str, Any]:
    run = row.choices["run"]
    told = {"phase": run["phase"], "expectedEndAt": run["expected_end_at"]}
    if row.step in ("await_consent", "await_window") and "held_until" in row.choices:
        told["awaitsConsentUntil"] = row.choices["held_until"]
    return {"percentComplete": run["percent"], "change": told}


def _percent(row: Operation) -> int:
    """Share of the workflow's steps that are behind it."""
    if row.state == State.SUCCEEDED:
        return 100
    workflow = workflow_of(row.kind)
    if row.step not in workflow.step_names:
        return 0
    return 100 * workflow.position(row.step) // len(workflow.steps)


def _service_paths(keys: Iterable[str]) -> dict[str, str]:
    """Target key of a service, of its database, or of its credentials → the service's id."""
    ids = {key: key.split(":")[1] for key in keys if key.startswith(("database:", "credential:", "service:"))}
    rows = Database.objects.filter(pk__in=set(ids.values()), service__isnull=False).values_list(
        "pk", "service__workspace__name", "service__name"
    )
    services = ServiceInstance.objects.filter(pk__in=set(ids.values())).values_list("pk", "workspace__name", "name")
    paths = {str(pk): service_path(workspace, service) for pk, workspace, service in (*rows, *services)}
    return {key: paths[pk] for key, pk in ids.items() if pk in paths}
