"""/what-if: the planner on a copy of the fleet. Nothing is touched, whatever is asked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.fleet import REGION
from controlplane.api.openapi import documented
from controlplane.api.plans import CostDocument
from controlplane.api.problems import Problem
from controlplane.api.services import BYTES_PER_GB
from controlplane.api.shapes import Shape, Text, Truth, WholeNumber
from controlplane.api.view import ApiView
from inventory.models import ServiceInstance
from provisioning.what_if.answer import Figures, Moves, NewPools, RegionAnswer
from provisioning.what_if.answering import answer
from provisioning.what_if.question import MOST, Arrivals, Loss, Question, QuestionRefused

LARGEST_GB = 2**23


class ArrivalsShape(Shape):
    """Services that are supposed to be asked for."""

    region = Text(pattern=REGION)
    kind = serializers.ChoiceField(ServiceInstance.Kind.choices)
    sizeGb = WholeNumber(min_value=1, max_value=LARGEST_GB, help_text="Planned capacity of each, in GiB.")
    count = WholeNumber(min_value=1, max_value=MOST)
    zoneRedundant = Truth(required=False, default=False)


class LossShape(Shape):
    """A region that is supposed to be gone, and the one where its databases are to be."""

    region = Text(pattern=REGION)
    to = Text(pattern=REGION)


class HeadroomShape(Shape):
    """Percent of each pool that is kept free; what is left out stays as it is set."""

    vcoresPercent = WholeNumber(min_value=0, max_value=99, required=False)
    storagePercent = WholeNumber(min_value=0, max_value=99, required=False)


class QuestionShape(Shape):
    """Any of it, together. Nothing at all: the fleet as it is."""

    arrivals = serializers.ListField(child=ArrivalsShape(), required=False, default=list, max_length=100)
    loss = LossShape(required=False, default=None, allow_null=True)
    pricesPercent = WholeNumber(
        min_value=-99, max_value=1000, required=False, default=0, help_text="By how much they rise."
    )
    headroom = HeadroomShape(required=False, default=dict)


class FleetFiguresDocument(serializers.Serializer[Any]):
    databases = serializers.IntegerField()
    pools = serializers.IntegerField()
    vcores = serializers.FloatField(help_text="Of pools and single databases.")
    storageGb = serializers.FloatField(help_text="Planned capacity of all databases.")
    poolsAboveLevel = serializers.IntegerField(help_text="Pools that need more than their size less headroom.")
    hoursAbove = serializers.FloatField(help_text="Pool-hours a week in which one is expected above its whole size.")


class NewPoolsDocument(serializers.Serializer[Any]):
    sku = serializers.CharField()
    vcores = serializers.IntegerField()
    maxSizeGb = serializers.FloatField()
    zoneRedundant = serializers.BooleanField()
    count = serializers.IntegerField()


class UnplacedDocument(serializers.Serializer[Any]):
    count = serializers.IntegerField()
    reason = serializers.CharField()


class MovesDocument(serializers.Serializer[Any]):
    """What rebalancing by hand would do then; amounts are vCores above the pools' levels."""

    count = serializers.IntegerField()
    copiedGb = serializers.FloatField()
    overageBefore = serializers.FloatField()
    overageAfter = serializers.FloatField()
    bound = serializers.FloatField(help_text="Proven: no moves whatever go below it.")
    reason = serializers.CharField(allow_blank=True, help_text="Why they do no more.")


class RegionAnswerDocument(serializers.Serializer[Any]):
    region = serializers.CharField()
    now = FleetFiguresDocument()
    then = FleetFiguresDocument()
    newPools = NewPoolsDocument(many=True)
    unplaced = UnplacedDocument(many=True)
    moves = MovesDocument()
    cost = CostDocument()


class AnswerDocument(serializers.Serializer[Any]):
    value = RegionAnswerDocument(many=True)


class WhatIfView(ApiView):
    """Suppositions."""

    bodies: ClassVar = {"POST": QuestionShape}

    @documented("what_if", answers={200: AnswerDocument}, body=QuestionShape, writes=True)
    def post(self, request: Request) -> Response:
        """Say what it would cost, risk and move. Computed as in earnest, on a copy."""
        try:
            found = answer(question_in(self.body()))
        except QuestionRefused as refusal:
            raise Problem(400, refusal.code, str(refusal)) from refusal
        return Response({"value": [region_document(one) for one in found.regions]})


def question_in(body: Mapping[str, Any]) -> Question:
    """The question that a document asks."""
    headroom, loss = body["headroom"], body["loss"]
    return Question(
        arrivals=tuple(
            Arrivals(one["region"], one["kind"], one["sizeGb"] * BYTES_PER_GB, one["count"], one["zoneRedundant"])
            for one in body["arrivals"]
        ),
        loss=Loss(loss["region"], loss["to"]) if loss else None,
        price_percent=body["pricesPercent"],
        headroom_vcores=_share(headroom.get("vcoresPercent")),
        headroom_storage=_share(headroom.get("storagePercent")),
    )


def region_document(one: RegionAnswer) -> dict[str, Any]:
    """What is shown of a region's answer."""
    return {
        "region": one.region,
        "now": _figures(one.now),
        "then": _figures(one.then),
        "newPools": [_new_pools(pools) for pools in one.new_pools],
        "unplaced": [{"count": group.count, "reason": group.reason} for group in one.unplaced],
        "moves": _moves(one.moves),
        "cost": {
            "currency": one.cost.currency,
            "monthlyBefore": one.cost.before,
            "monthlyAfter": one.cost.after,
            "note": one.cost.note,
        },
    }


def _share(percent: int | None) -> float | None:
    return None if percent is None else percent / 100


def _figures(figures: Figures) -> dict[str, Any]:
    return {
        "databases": figures.databases,
        "pools": figures.pools,
        "vcores": figures.vcores,
        "storageGb": figures.storage_bytes / BYTES_PER_GB,
        "poolsAboveLevel": figures.pools_above,
        "hoursAbove": round(figures.hours_above, 2),
    }


def _new_pools(pools: NewPools) -> dict[str, Any]:
    shape = pools.shape
    size = {"sku": shape.sku_name, "vcores": shape.vcores, "maxSizeGb": shape.max_size_bytes / BYTES_PER_GB}
    return {**size, "zoneRedundant": shape.zone_redundant, "count": pools.count}


def _moves(moves: Moves) -> dict[str, Any]:
    return {
        "count": moves.count,
        "copiedGb": round(moves.copied_gb, 1),
        "overageBefore": round(moves.overage_before, 3),
        "overageAfter": round(moves.overage_after, 3),
        "bound": round(moves.bound, 3),
        "reason": moves.reason,
    }
