"""/rebalancing-rules: how each region's load is spread. For operators."""

from __future__ import annotations

import re
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document
from controlplane.api.problems import not_found
from controlplane.api.rebalance_plans import REGION
from controlplane.api.shapes import Shape, WholeNumber
from controlplane.api.view import ApiView, ConditionalView
from inventory.models import Region
from operations.services import serialise
from placement.models import RebalancingRules
from placement.rebalancing.deciding import resume, set_rules

COLUMNS = {
    "mode": "mode",
    "planEveryHours": "plan_every_hours",
    "mostMoves": "most_moves",
    "noticeHours": "notice_hours",
    "movesAnHour": "moves_an_hour",
    "poolAtOnce": "pool_at_once",
    "serverAtOnce": "server_at_once",
    "workspaceAWeek": "workspace_a_week",
    "settleHours": "settle_hours",
    "cooldownDays": "cooldown_days",
    "noReturnDays": "no_return_days",
    "objections": "objections",
    "longestDeferralDays": "longest_deferral_days",
    "measureHours": "measure_hours",
    "tolerancePercent": "tolerance_percent",
}


def _number(least: int, most: int, help_text: str) -> WholeNumber:
    return WholeNumber(required=False, min_value=least, max_value=most, help_text=help_text)


class RulesShape(Shape):
    """What is left out stays as it is."""

    mode = serializers.ChoiceField(RebalancingRules.Mode.choices, required=False)
    planEveryHours = _number(1, 720, "Between two looks for a plan.")
    mostMoves = _number(1, 500, "In one plan.")
    noticeHours = _number(0, 720, "From telling an owner to the move's begin.")
    movesAnHour = _number(1, 500, "In the region.")
    poolAtOnce = _number(1, 50, "Moves from or to one pool.")
    serverAtOnce = _number(1, 100, "Moves on one server.")
    workspaceAWeek = _number(1, 500, "Moves of one workspace's databases.")
    settleHours = _number(0, 720, "A pool is left alone after a move.")
    cooldownDays = _number(0, 365, "A database is left alone after a move.")
    noReturnDays = _number(0, 730, "Nor does it go back for so long.")
    objections = _number(0, 500, "That a workspace may make in 90 days.")
    longestDeferralDays = _number(1, 365, "A move can be put off for so long.")
    measureHours = _number(1, 720, "After a plan, until it is judged.")
    tolerancePercent = _number(1, 100, "Of a pool's vCores: how far its mean may be from the prediction.")


class RulesDocument(serializers.Serializer[Any]):
    region = serializers.CharField(source="region_id")
    mode = serializers.ChoiceField(RebalancingRules.Mode.choices)
    haltedAt = serializers.DateTimeField(source="halted_at", allow_null=True)
    haltedBecause = serializers.CharField(source="halted_because", allow_blank=True)

    def get_fields(self) -> dict[str, Any]:
        """The numbers beside, under the names by which they are set."""
        numbers = {name: _shown(name, column) for name, column in COLUMNS.items() if name != "mode"}
        return {**super().get_fields(), **numbers}


def _shown(name: str, column: str) -> serializers.IntegerField:
    return serializers.IntegerField() if name == column else serializers.IntegerField(source=column)


class RulesPage(serializers.Serializer[Any]):
    value = RulesDocument(many=True)
    nextLink = serializers.URLField(required=False)


class RebalancingRulesView(ApiView):
    """Every region that has rules, by name."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("rebalancing_rules_list", answers={200: RulesPage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        after = continued_after(query, parts=1)
        rows = RebalancingRules.objects.filter(region__gt=after[0] if after else "").order_by("region")
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].region_id] if len(found) > len(page) else None
        return Response(page_document(request, query, list(RulesDocument(page, many=True).data), last))


class RegionRulesView(ConditionalView):
    """One region's rules."""

    bodies: ClassVar = {"PUT": RulesShape}

    @documented("rebalancing_rules_get", answers={200: RulesDocument, 304: None}, errors=(404,))
    def get(self, request: Request, region: str) -> Response:
        return Response(self.present())

    def hold(self) -> None:
        serialise(f"rebalancing-rules:{self.kwargs['region']}")

    def present(self) -> dict[str, Any]:
        """A region without rules of its own shows the usual ones."""
        found = region_named(self.kwargs["region"])
        rules = RebalancingRules.objects.filter(region=found).first() or RebalancingRules(region=found)
        return dict(RulesDocument(rules).data)

    @documented("rebalancing_rules_put", answers={200: RulesDocument}, body=RulesShape, errors=(404, 412), writes=True)
    def put(self, request: Request, region: str) -> Response:
        """Set some of them: `off` leaves the region alone, `advise` proposes plans, `act` approves them by itself."""
        place, body = region_named(region), self.body()
        values = {COLUMNS[name]: value for name, value in body.items()}
        return Response(RulesDocument(set_rules(place, values, actor=self.actor())).data)


class RegionResumeView(ApiView):
    """Lets a halted region's load be spread again."""

    bodies: ClassVar = {"POST": Reason}

    @documented("rebalancing_rules_resume", answers={200: RulesDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, region: str) -> Response:
        """Go on after somebody has looked at what differed."""
        place = region_named(region)
        return Response(RulesDocument(resume(place, actor=self.actor(), reason=self.body()["reason"])).data)


def region_named(name: str) -> Region:
    """Raises Problem 404."""
    row = Region.objects.filter(pk=name).first() if re.fullmatch(REGION, name) else None
    if row is None:
        raise not_found("Region")
    return row
