"""/workspaces/{w}/growth-proposals: which databases will be full, when, and the sizes that we propose in time."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import CharField, QuerySet, Value
from django.db.models.functions import Cast, Concat
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Flag, Moment, Shape
from controlplane.api.view import ApiView
from inventory.models import Database, Workspace
from operations import clock
from provisioning.growth.accepting import accept, plan_of, schedule
from provisioning.growth.proposals import dismiss
from provisioning.models import GrowthProposal

BYTES_PER_GB = 2**30


class GrowthProposalDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    service = serializers.CharField()
    state = serializers.ChoiceField(GrowthProposal.State.choices)
    limitGb = serializers.SerializerMethodField(help_text="Where it will be full.")
    proposedGb = serializers.SerializerMethodField(
        help_text="The size that would last; equal to limitGb: none is larger."
    )
    usedGb = serializers.SerializerMethodField(help_text="By its trend, on lastDay.")
    gbPerDay = serializers.SerializerMethodField()
    daysLeft = serializers.FloatField(source="days_left", help_text="Counted from lastDay.")
    lastDay = serializers.DateField(source="last_day", help_text="Of the last sample.")
    dueAt = serializers.DateTimeField(source="due_at", allow_null=True, help_text="Accepted for then.")
    operationId = serializers.CharField(source="operation_id", allow_null=True)
    decidedBy = serializers.CharField(source="decided_by", allow_blank=True)
    reason = serializers.CharField(allow_blank=True)

    def get_limitGb(self, row: GrowthProposal) -> float:
        return round(row.limit_bytes / BYTES_PER_GB, 2)

    def get_proposedGb(self, row: GrowthProposal) -> float:
        return round(row.proposed_bytes / BYTES_PER_GB, 2)

    def get_usedGb(self, row: GrowthProposal) -> float:
        return round(row.used_bytes / BYTES_PER_GB, 2)

    def get_gbPerDay(self, row: GrowthProposal) -> float:
        return round(row.bytes_per_day / BYTES_PER_GB, 3)


class GrowthProposalPage(serializers.Serializer[Any]):
    value = GrowthProposalDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ScheduleShape(Shape):
    """When it is to grow."""

    dueAt = Moment(help_text="Not in the past.")
    acceptDisruption = Flag(required=False, default=False, help_text="Also where its connections drop.")


class GrowthProposalsView(ApiView):
    """Proposals of a workspace, oldest first."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("growth_proposals_list", answers={200: GrowthProposalPage}, query=PageQuery, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        query, place = self.query(), self.workspace(workspace)
        rows, after = (
            proposals_of(place).order_by("pk"),
            continued_after(query, parts=1),
        )
        if after:
            rows = rows.filter(pk__gt=_id(after[0]) or _refuse())
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        documents = list(GrowthProposalDocument(page, many=True).data)
        return Response(page_document(request, query, documents, last))


class GrowthDecision(ApiView):
    """An owner's decision about one proposal."""

    def proposal(self, workspace: str, text: str) -> GrowthProposal:
        """Raises Problem 404."""
        place, key = self.workspace(workspace), _id(text)
        row = proposals_of(place).filter(pk=key).first() if key else None
        if row is None:
            raise not_found("Proposal")
        return row


class GrowthAcceptView(GrowthDecision):
    """Grows it as proposed."""

    bodies: ClassVar = {"POST": ConsentBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "growth_proposals_accept",
        answers={200: PlanDocument, 202: OperationDocument},
        body=ConsentBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, proposal: str) -> Response:
        """Grow it now. Where that disturbs its users, the plan's hash or acceptDisruption is needed."""
        row, body = self.proposal(workspace, proposal), self.body()
        if self.query()["dryRun"] == "true":
            return Response(plan_document(plan_of(row, actor=self.actor()), self.viewer()))
        operation = accept(row, actor=self.actor(), consent=consent_in(body))
        return accepted(request, operation, operation_document(operation, self.viewer()))


class GrowthScheduleView(GrowthDecision):
    """Grows it as proposed, later."""

    bodies: ClassVar = {"POST": ScheduleShape}

    @documented(
        "growth_proposals_schedule",
        answers={200: GrowthProposalDocument},
        body=ScheduleShape,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, proposal: str) -> Response:
        """Grow it from that moment on."""
        row, body = self.proposal(workspace, proposal), self.body()
        if body["dueAt"] < clock.now():
            raise Problem(400, "InvalidRequestBody", "The moment has passed.", target="dueAt")
        disturbs = bool(body.get("acceptDisruption"))
        row = schedule(row, body["dueAt"], actor=self.actor(), accepts_disruption=disturbs)
        return Response(GrowthProposalDocument(row).data)


class GrowthDismissView(GrowthDecision):
    """Leaves it as it is."""

    bodies: ClassVar = {"POST": Reason}

    @documented(
        "growth_proposals_dismiss",
        answers={200: GrowthProposalDocument},
        body=Reason,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, proposal: str) -> Response:
        """Do not grow it; when days remain its owner is told all the same."""
        row = dismiss(self.proposal(workspace, proposal), actor=self.actor(), reason=self.body()["reason"])
        return Response(GrowthProposalDocument(row).data)


def proposals_of(place: Workspace) -> QuerySet[GrowthProposal]:
    """Those of its databases; none of a former holder of its name."""
    theirs = Database.objects.filter(service__workspace=place).annotate(
        named=Concat(Value("database:"), Cast("pk", CharField()))
    )
    return GrowthProposal.objects.filter(workspace=place.name, target__in=theirs.values("named"))


def _id(text: str) -> UUID | None:
    try:
        return UUID(text)
    except ValueError:
        return None


def _refuse() -> UUID:
    """Raises Problem 400: the token is not ours."""
    raise wrong_token()
