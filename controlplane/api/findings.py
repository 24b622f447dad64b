"""/findings and /repair-pauses: what differs between our rows and Azure, and what operators decide about it."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.problems import not_found
from controlplane.api.shapes import Text
from controlplane.api.view import ApiView
from provisioning.drift.accepting import accept
from provisioning.drift.orphans import request_removal
from provisioning.drift.pauses import pause, resume
from provisioning.drift.repairs import request_repair, row_of
from provisioning.models import Finding, Pause


class FindingsQuery(PageQuery):
    state = serializers.ChoiceField(Finding.State.choices, required=False)
    kind = serializers.ChoiceField(Finding.Kind.choices, required=False)
    severity = serializers.ChoiceField([label for _, label in Finding.Severity.choices], required=False)
    target = Text(required=False, max_length=2000, help_text="A key, or azure:<ARM id> of what has no row.")


class FindingDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    target = serializers.CharField()
    name = serializers.CharField(help_text="Azure's name of it.")
    kind = serializers.ChoiceField(Finding.Kind.choices)
    attribute = serializers.CharField(allow_blank=True, help_text="Which property; empty: the whole.")
    severity = serializers.CharField(source="get_severity_display")
    state = serializers.ChoiceField(Finding.State.choices)
    expected = serializers.JSONField()
    observed = serializers.JSONField()
    note = serializers.CharField(allow_blank=True)
    firstSeenAt = serializers.DateTimeField(source="first_seen_at")
    lastSeenAt = serializers.DateTimeField(source="last_seen_at")
    seen = serializers.IntegerField(help_text="In how many looks.")
    repairId = serializers.CharField(source="repair_id", allow_null=True, help_text="The operation that repairs.")
    repairs = serializers.IntegerField(help_text="Repairs after which a look still showed it.")
    decidedBy = serializers.CharField(source="decided_by", allow_blank=True)
    reason = serializers.CharField(allow_blank=True)
    resolvedAt = serializers.DateTimeField(source="resolved_at", allow_null=True)


class FindingPage(serializers.Serializer[Any]):
    value = FindingDocument(many=True)
    nextLink = serializers.URLField(required=False)


class PauseDocument(serializers.Serializer[Any]):
    target = serializers.CharField()
    actor = serializers.CharField()
    reason = serializers.CharField()
    createdAt = serializers.DateTimeField(source="created_at")


class PausePage(serializers.Serializer[Any]):
    value = PauseDocument(many=True)
    nextLink = serializers.URLField(required=False)


class FindingsView(ApiView):
    """Findings, oldest first; without a state those that are not resolved."""

    queries: ClassVar = {"GET": FindingsQuery}

    @documented("findings_list", answers={200: FindingPage}, query=FindingsQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        rows, after = Finding.objects.order_by("pk"), continued_after(query, parts=1)
        rows = rows.filter(state=query["state"]) if "state" in query else rows.exclude(state=Finding.State.RESOLVED)
        rows = rows.filter(**{name: query[name] for name in ("kind", "target") if name in query})
        if "severity" in query:
            rows = rows.filter(severity=Finding.Severity[query["severity"].upper()])
        found = list((rows.filter(pk__gt=_key(after[0])) if after else rows)[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, list(FindingDocument(page, many=True).data), last))


class FindingDecision(ApiView):
    """An operator's decision about one finding."""

    bodies: ClassVar = {"POST": Reason}

    def finding(self, text: str) -> Finding:
        """Raises Problem 404."""
        row = Finding.objects.filter(pk=text).first() if _is_id(text) else None
        if row is None:
            raise not_found("Finding")
        return row


class FindingRepairView(FindingDecision):
    """Repairs what was found."""

    @documented("findings_repair", answers={202: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, finding: str) -> Response:
        """Put all that was found on its resource back as we want it, whatever brakes hold."""
        row, reason = self.finding(finding), self.body()["reason"]
        operation = request_repair(row.target, actor=self.actor(), reason=reason)
        return accepted(request, operation, operation_document(operation, self.viewer()))


class FindingAcceptView(FindingDecision):
    """Takes what Azure shows as what we want."""

    @documented("findings_accept", answers={200: FindingDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, finding: str) -> Response:
        """Write it into our row where that has a column for it; else live with it until it changes again."""
        row = accept(self.finding(finding), actor=self.actor(), reason=self.body()["reason"])
        return Response(FindingDocument(row).data)


class FindingRemoveView(FindingDecision):
    """Removes an orphan of this deployment."""

    @documented("findings_remove", answers={202: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, finding: str) -> Response:
        """Delete it in Azure, after another look right before: it still carries our tag, and no row stands for it."""
        row, reason = self.finding(finding), self.body()["reason"]
        operation = request_removal(row, actor=self.actor(), reason=reason)
        return accepted(request, operation, operation_document(operation, self.viewer()))


class PausesView(ApiView):
    """Resources of which nothing is repaired by itself."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("repair_pauses_list", answers={200: PausePage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        after = continued_after(query, parts=1)
        rows = Pause.objects.filter(target__gt=after[0] if after else "").order_by("target")
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].target] if len(found) > len(page) else None
        return Response(page_document(request, query, list(PauseDocument(page, many=True).data), last))


class PauseView(ApiView):
    """Repairs of one resource, and of all that stands in it: paused or not."""

    bodies: ClassVar = {"PUT": Reason}

    @documented("repair_pauses_put", answers={200: PauseDocument}, body=Reason, errors=(404,), writes=True)
    def put(self, request: Request, target: str) -> Response:
        """Repair nothing here by itself; comparison goes on."""
        self._known(target)
        pause(target, actor=self.actor(), reason=self.body()["reason"])
        return Response(PauseDocument(Pause.objects.get(target=target)).data)

    @documented("repair_pauses_delete", answers={204: None}, errors=(404,), writes=True)
    def delete(self, request: Request, target: str) -> Response:
        """Let repairs go on."""
        self._known(target)
        if not resume(target, actor=self.actor()):
            raise not_found("Pause")
        return Response(status=204)

    def _known(self, target: str) -> None:
        """Raises Problem 404 for what is no resource of ours."""
        if row_of(target) is None:
            raise not_found("Resource")


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True


def _key(text: str) -> UUID:
    """Raises Problem 400 for a token that is not ours."""
    if not _is_id(text):
        raise wrong_token()
    return UUID(text)
