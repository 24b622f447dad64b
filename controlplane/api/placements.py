"""Why a database stands where it stands: for operators with pools and amounts, for owners with their own figures alone."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.fleet import AZURE_NAME
from controlplane.api.moves import database_named
from controlplane.api.openapi import documented
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Shape, Text
from controlplane.api.view import ApiView, named
from inventory.models import Database, ElasticPool
from inventory.selectors import present_databases, services_for
from placement.explaining import Explanation, explain, for_owner
from placement.load_forecasts import calibration
from placement.services import why_not_there
from placement.snapshot import PRESENT


class FiguresDocument(serializers.Serializer[Any]):
    sizeGb = serializers.FloatField(source="size_gb", help_text="As planned.")
    plannedVcores = serializers.FloatField(source="planned_vcores")
    meanVcores = serializers.FloatField(source="mean_vcores", help_text="As measured; while little is, as estimated.")
    peakVcores = serializers.FloatField(source="peak_vcores", help_text="At the risk quantile.")
    busiestHour = serializers.IntegerField(source="busiest_hour", help_text="Of the week; 0 is Monday's first, UTC.")


class RefusalDocument(serializers.Serializer[Any]):
    """What one rule refuses, and the pool that misses it least."""

    constraint = serializers.CharField()
    refused = serializers.IntegerField(help_text="Pools.")
    alone = serializers.IntegerField(help_text="Pools that nothing else refuses.")
    nearestPool = serializers.CharField(source="nearest_pool_id", help_text="Our id of it.")
    missing = serializers.FloatField()
    unit = serializers.CharField(allow_blank=True)


class ShortfallDocument(serializers.Serializer[Any]):
    """By how much the pool that was asked about misses a rule."""

    constraint = serializers.CharField()
    missing = serializers.FloatField()
    unit = serializers.CharField(allow_blank=True)


class CandidateDocument(serializers.Serializer[Any]):
    pool = serializers.CharField()
    scores = serializers.DictField(child=serializers.FloatField(), help_text="In order of weight; lower is better.")


class DatabasePlacementDocument(serializers.Serializer[Any]):
    database = serializers.CharField()
    here = serializers.JSONField(help_text="The decision that put it there.")
    reason = serializers.CharField(help_text="Where it would go if it had to leave now.")
    candidates = CandidateDocument(many=True)
    refusals = RefusalDocument(many=True)
    whatWouldChangeIt = serializers.ListField(child=serializers.CharField())
    figures = FiguresDocument()
    whyNotThere = ShortfallDocument(
        many=True, allow_null=True, help_text="Of the pool that was asked about; empty: it could take it."
    )


class PlacementQuery(Shape):
    """Which pool is asked about besides."""

    pool = Text(required=False, pattern=AZURE_NAME, help_text="Why not there?")


class RuleDocument(serializers.Serializer[Any]):
    constraint = serializers.CharField()
    meaning = serializers.CharField()


class ServicePlacementDocument(serializers.Serializer[Any]):
    """The rules for its place, and its own figures."""

    rules = RuleDocument(many=True)
    figures = FiguresDocument()


class BandDocument(serializers.Serializer[Any]):
    """Days of pools whose forecast lay in a band: the share of slots foretold above the level, and the share that was."""

    low = serializers.FloatField()
    high = serializers.FloatField()
    days = serializers.IntegerField()
    predicted = serializers.FloatField()
    observed = serializers.FloatField()


class CalibrationDocument(serializers.Serializer[Any]):
    value = BandDocument(many=True)


class DatabasePlacementView(ApiView):
    """Why a database stands in its pool, and not in another."""

    queries: ClassVar = {"GET": PlacementQuery}

    @documented("databases_explain", answers={200: DatabasePlacementDocument}, query=PlacementQuery, errors=(404,))
    def get(self, request: Request, database: str) -> Response:
        """Decided anew as if it had to leave its pool; nothing is taken."""
        row, asked = database_named(database), self.query().get("pool")
        there = ShortfallDocument(why_not_there(row, _pool_named(row, asked)), many=True).data if asked else None
        return Response({"database": row.azure_name, **_explained(explain(row)), "whyNotThere": there})


class ServicePlacementView(ApiView):
    """What its place has to do with, for the service's owner."""

    @documented("services_explain", answers={200: ServicePlacementDocument}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        """The rules for its place and its own figures; nothing of others."""
        place = self.workspace(workspace)
        mine = services_for(self.viewer()).filter(workspace=place, name=named(service, "service"))
        row = (
            present_databases().select_related("pool", "service__workspace", "region").filter(service__in=mine).first()
        )
        if row is None:
            raise not_found("Service")
        view = for_owner(row)
        rules = [{"constraint": name, "meaning": meaning} for name, meaning in view.rules]
        return Response({"rules": rules, "figures": FiguresDocument(view.figures).data})


class CalibrationView(ApiView):
    """How forecasts of load compare with what came."""

    @documented("load_forecasts_calibration", answers={200: CalibrationDocument})
    def get(self, request: Request) -> Response:
        """By how much was foretold: days of pools, the mean forecast, and what was observed."""
        return Response({"value": BandDocument(calibration(), many=True).data})


def _pool_named(row: Database, name: str) -> ElasticPool:
    """Of the database's region, there or being made. Raises Problem 400."""
    pools = ElasticPool.objects.filter(server__region=row.region, status__in=PRESENT)
    found = pools.filter(azure_name=name).first()
    if found is None:
        raise Problem(400, "UnknownPool", "There is no such pool in its region.", target="pool")
    return found


def _explained(found: Explanation) -> dict[str, Any]:
    decision = found.elsewhere
    return {
        "here": found.here,
        "reason": decision.reason,
        "candidates": [{"pool": one.pool_id, "scores": dict(one.scores)} for one in decision.candidates],
        "refusals": RefusalDocument(decision.refusals, many=True).data,
        "whatWouldChangeIt": list(found.what_would_change_it),
        "figures": FiguresDocument(found.figures).data,
    }
