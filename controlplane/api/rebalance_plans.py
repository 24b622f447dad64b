"""/rebalance-plans: what would spread a region's load, what it is worth, and what became of it. For operators."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Shape, Text
from controlplane.api.view import ApiView
from inventory.models import Region
from placement.models import PlannedMove, PlannedPool, RebalancePlan
from placement.rebalancing.deciding import approve, reject
from placement.rebalancing.planning import compute

REGION = r"^[a-z0-9]{1,40}$"


class RebalancePlanDocument(serializers.Serializer[Any]):
    """Amounts are vCores above the pools' levels, summed over the pools that may exchange databases."""

    id = serializers.CharField()
    region = serializers.CharField(source="region_id")
    state = serializers.ChoiceField(RebalancePlan.State.choices)
    overageBefore = serializers.FloatField(source="overage_before")
    overageAfter = serializers.FloatField(source="overage_after")
    bound = serializers.FloatField(help_text="Proven: no moves whatever go below it.")
    gap = serializers.FloatField(help_text="How far overageAfter is above the bound.")
    fewestMoves = serializers.IntegerField(
        source="fewest_moves", help_text="Proven: no plan that reaches as much makes fewer."
    )
    reason = serializers.CharField(allow_blank=True, help_text="Why it does no more.")
    createdBy = serializers.CharField(source="created_by")
    createdAt = serializers.DateTimeField(source="created_at")
    decidedBy = serializers.CharField(source="decided_by", allow_blank=True)
    decidedBecause = serializers.CharField(source="decided_because", allow_blank=True)
    measuredAt = serializers.DateTimeField(source="measured_at", allow_null=True)


class PlanMoveDocument(serializers.Serializer[Any]):
    """One move, in the plan's order; all moves up to any one of them leave every pool within its limits."""

    id = serializers.CharField()
    database = serializers.CharField(source="database.azure_name")
    workspace = serializers.CharField(allow_blank=True)
    service = serializers.CharField(allow_blank=True)
    sourcePool = serializers.CharField(source="source.azure_name")
    targetPool = serializers.CharField(source="target.azure_name")
    state = serializers.ChoiceField(PlannedMove.State.choices)
    gain = serializers.FloatField(help_text="vCores by which it lowers the overage.")
    copiedGb = serializers.FloatField(source="copied_gb")
    sourceAfter = serializers.FloatField(source="source_after", help_text="vCores that the pool needs after it.")
    targetAfter = serializers.FloatField(source="target_after")
    dueAt = serializers.DateTimeField(source="due_at", allow_null=True)
    deferredUntil = serializers.DateTimeField(source="deferred_until", allow_null=True)
    operationId = serializers.CharField(source="operation_id", allow_null=True)
    reason = serializers.CharField(allow_blank=True)


class PlanPoolDocument(serializers.Serializer[Any]):
    """What a pool needs before and after, as predicted, and what was then measured; vCores."""

    pool = serializers.CharField(source="pool.azure_name")
    level = serializers.FloatField()
    needBefore = serializers.FloatField(source="need_before")
    needAfter = serializers.FloatField(source="need_after")
    predictedMean = serializers.FloatField(source="predicted_mean", allow_null=True)
    measuredMean = serializers.FloatField(source="measured_mean", allow_null=True)
    outcome = serializers.CharField(allow_blank=True)


class WholePlanDocument(RebalancePlanDocument):
    moves = PlanMoveDocument(many=True)
    pools = PlanPoolDocument(many=True)


class RebalancePlanPage(serializers.Serializer[Any]):
    value = RebalancePlanDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ComputeShape(Shape):
    """Where to look for a plan."""

    region = Text(pattern=REGION, help_text="Azure's name, e.g. centralindia.")


class RebalancePlansView(ApiView):
    """Plans, newest first."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("rebalance_plans_list", answers={200: RebalancePlanPage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        after, rows = continued_after(query, parts=1), RebalancePlan.objects.order_by("-pk")
        if after:
            rows = rows.filter(pk__lt=id_in(after[0]) or _refuse())
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, list(RebalancePlanDocument(page, many=True).data), last))


class PlanComputeView(ApiView):
    """Looks for a plan by hand, for every pool that is above its level now."""

    bodies: ClassVar = {"POST": ComputeShape}

    @documented(
        "rebalance_plans_compute", answers={200: WholePlanDocument}, body=ComputeShape, errors=(409,), writes=True
    )
    def post(self, request: Request) -> Response:
        """Compute a plan. Nothing moves before it is approved; one that nobody decided about is replaced."""
        region = Region.objects.filter(pk=self.body()["region"]).first()
        if region is None:
            raise Problem(400, "UnknownRegion", "There is no such region.", target="region")
        return Response(whole(compute(region, actor=self.actor())))


class RebalancePlanView(ApiView):
    """One plan with its moves and pools."""

    @documented("rebalance_plans_get", answers={200: WholePlanDocument}, errors=(404,))
    def get(self, request: Request, plan: str) -> Response:
        return Response(whole(plan_with(plan)))


class RebalancePlanApproveView(ApiView):
    """Has a plan's moves made."""

    bodies: ClassVar = {"POST": Reason}

    @documented(
        "rebalance_plans_approve", answers={200: WholePlanDocument}, body=Reason, errors=(404, 409), writes=True
    )
    def post(self, request: Request, plan: str) -> Response:
        """Tell the owners; each move begins when its notice is over, within its owner's window and the region's budgets."""
        row = plan_with(plan)
        return Response(whole(approve(row, actor=self.actor(), reason=self.body()["reason"])))


class RebalancePlanRejectView(ApiView):
    """Has none of a plan's moves made that have not begun."""

    bodies: ClassVar = {"POST": Reason}

    @documented("rebalance_plans_reject", answers={200: WholePlanDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, plan: str) -> Response:
        """Drop it, also after it was approved; owners who were told hear so."""
        row = plan_with(plan)
        return Response(whole(reject(row, actor=self.actor(), reason=self.body()["reason"])))


def whole(plan: RebalancePlan) -> dict[str, Any]:
    """A plan with everything in it."""
    moves = plan.moves.select_related("database", "source", "target").order_by("position")
    pools = PlannedPool.objects.filter(plan=plan).select_related("pool").order_by("-need_before", "pk")
    return {
        **RebalancePlanDocument(plan).data,
        "moves": PlanMoveDocument(moves, many=True).data,
        "pools": PlanPoolDocument(pools, many=True).data,
    }


def plan_with(text: str) -> RebalancePlan:
    """Raises Problem 404."""
    key = id_in(text)
    row = RebalancePlan.objects.filter(pk=key).first() if key else None
    if row is None:
        raise not_found("Plan")
    return row


def id_in(text: str) -> UUID | None:
    """The id that a text is; None where it is none."""
    try:
        return UUID(text)
    except ValueError:
        return None


def _refuse() -> UUID:
    """Raises Problem 400: the token is not ours."""
    raise wrong_token()
