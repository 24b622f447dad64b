"""/pool-proposals: other sizes for pools, or their end, with reason and cost. For operators."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import not_found
from controlplane.api.rebalance_plans import id_in
from controlplane.api.view import ApiView
from placement.engine.pool_size import Step
from provisioning.models import PoolProposal
from provisioning.pool_size.deciding import approve, dismiss, plan_of


class PoolProposalDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    pool = serializers.CharField(source="pool.azure_name")
    region = serializers.CharField(source="pool.server.region_id")
    step = serializers.ChoiceField([step.value for step in Step])
    state = serializers.ChoiceField(PoolProposal.State.choices)
    vcoresNow = serializers.IntegerField(source="vcores_now")
    vcores = serializers.IntegerField(allow_null=True, help_text="Proposed; null: it is to be deleted.")
    because = serializers.CharField(help_text="In figures.")
    currency = serializers.CharField(allow_blank=True)
    monthlyBefore = serializers.FloatField(source="cost_before", allow_null=True, help_text="null: unknown.")
    monthlyAfter = serializers.FloatField(source="cost_after", allow_null=True)
    costNote = serializers.CharField(source="cost_note", allow_blank=True)
    operationId = serializers.CharField(source="operation_id", allow_null=True)
    decidedBy = serializers.CharField(source="decided_by", allow_blank=True)
    reason = serializers.CharField(allow_blank=True, help_text="Of the decision, or why it did not go well.")
    createdAt = serializers.DateTimeField(source="created_at")


class PoolProposalPage(serializers.Serializer[Any]):
    value = PoolProposalDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ApproveBody(Reason, ConsentBody):
    """Why, and the consent to dropped connections."""


class PoolProposalsView(ApiView):
    """Proposals, newest first."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("pool_proposals_list", answers={200: PoolProposalPage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        after, rows = (
            continued_after(query, parts=1),
            PoolProposal.objects.select_related("pool__server").order_by("-pk"),
        )
        if after:
            last_seen = id_in(after[0])
            if last_seen is None:
                raise wrong_token()
            rows = rows.filter(pk__lt=last_seen)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, list(PoolProposalDocument(page, many=True).data), last))


class PoolProposalApproveView(ApiView):
    """Has the pool given that size, or deleted."""

    bodies: ClassVar = {"POST": ApproveBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "pool_proposals_approve",
        answers={200: PlanDocument, 202: OperationDocument},
        body=ApproveBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, proposal: str) -> Response:
        """Begin it. Another size waits for its owners' windows, and wants the plan's hash or acceptDisruption."""
        row, body = _proposal(proposal), self.body()
        if self.query()["dryRun"] == "true":
            return Response(plan_document(plan_of(row, actor=self.actor()), self.viewer()))
        operation = approve(row, actor=self.actor(), reason=body["reason"], consent=consent_in(body))
        return accepted(request, operation, operation_document(operation, self.viewer()))


class PoolProposalDismissView(ApiView):
    """Leaves the pool as it is."""

    bodies: ClassVar = {"POST": Reason}

    @documented(
        "pool_proposals_dismiss", answers={200: PoolProposalDocument}, body=Reason, errors=(404, 409), writes=True
    )
    def post(self, request: Request, proposal: str) -> Response:
        """Do not propose it again while the reason lasts."""
        row = dismiss(_proposal(proposal), actor=self.actor(), reason=self.body()["reason"])
        return Response(PoolProposalDocument(row).data)


def _proposal(text: str) -> PoolProposal:
    """Raises Problem 404."""
    key = id_in(text)
    row = PoolProposal.objects.select_related("pool__server").filter(pk=key).first() if key else None
    if row is None:
        raise not_found("Proposal")
    return row
