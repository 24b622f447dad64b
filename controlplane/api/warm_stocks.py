"""/warm-stocks: databases kept ready before anybody asks, for operators."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.fleet import REGION
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Shape, Text, Truth, WholeNumber
from controlplane.api.view import ApiView, ConditionalView, named
from inventory.models import Database, ServiceInstance
from operations.services import serialise
from provisioning.changes.prices import price_book
from provisioning.models import WarmStock
from provisioning.warm.stocks import StockWish, define, figures, remove, resume

BYTES_PER_GB = 2**30
MOST = 500


class StockProperties(Shape):
    """What a stock is to be; its tier follows from the size."""

    region = Text(pattern=REGION)
    kind = serializers.ChoiceField(ServiceInstance.Kind.choices)
    sizeGb = WholeNumber(min_value=1, help_text="Planned capacity of each, in GiB; others are fitted at their claim.")
    enabled = Truth(required=False, default=True, help_text="Switched off, it is emptied.")
    least = WholeNumber(min_value=0, max_value=MOST, required=False, default=0)
    most = WholeNumber(min_value=0, max_value=MOST)
    servedPercent = WholeNumber(
        min_value=1, max_value=99, required=False, default=95, help_text="Of wishes, that are to find one ready."
    )
    monthlyBudget = WholeNumber(
        min_value=0,
        max_value=10**9,
        required=False,
        allow_null=True,
        default=None,
        help_text="For idle ones; null: only most bounds it.",
    )


class StockBody(Shape):
    """The wish for a stock."""

    properties = StockProperties()


class StockState(StockProperties):
    """What a stock is."""

    tier = serializers.ChoiceField(Database.Tier.values)
    wanted = serializers.IntegerField(
        help_text="How many are kept ready now, by arrivals, refill time, goal and budget."
    )
    sizedBy = serializers.DictField(help_text="From what that number was counted.")
    idle = serializers.IntegerField()
    making = serializers.IntegerField()
    stale = serializers.IntegerField(help_text="Too old, or made otherwise than now; replaced, then deleted.")
    active = serializers.IntegerField(help_text="Of this stock, and a service's now.")
    wished = serializers.IntegerField(help_text="Databases of this kind that were asked for in the last four weeks.")
    served = serializers.IntegerField(help_text="Of these, those that stood ready.")
    monthlyCostOfOne = serializers.FloatField(allow_null=True, help_text="Null: no price of the region is configured.")
    monthlyCostOfIdle = serializers.FloatField(allow_null=True)
    currency = serializers.CharField()
    haltedAt = serializers.DateTimeField(
        allow_null=True, help_text="Makings failed; nothing is made until it is resumed."
    )


class StockDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(["warmStocks"])
    properties = StockState()


class StockPage(serializers.Serializer[Any]):
    value = StockDocument(many=True)
    nextLink = serializers.URLField(required=False)


class WarmStocksView(ApiView):
    """The stocks, by name."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("warm_stocks_list", answers={200: StockPage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        query = self.query()
        after = continued_after(query, parts=1)
        rows = _present().filter(name__gt=after[0] if after else "").order_by("name")
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [page[-1].name] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row) for row in page], last))


class WarmStockView(ConditionalView):
    """One stock."""

    bodies: ClassVar = {"PUT": StockBody}

    @documented("warm_stocks_get", answers={200: StockDocument, 304: None}, errors=(404,))
    def get(self, request: Request, stock: str) -> Response:
        return Response(_document(_found(stock)))

    @documented("warm_stocks_put", answers={200: StockDocument}, body=StockBody, errors=(409, 412), writes=True)
    def put(self, request: Request, stock: str) -> Response:
        """Make or change it; it is filled within minutes."""
        row = define(_wish(named(stock, "stock"), self.body()["properties"]), actor=self.actor())
        return Response(_document(row))

    @documented("warm_stocks_delete", answers={204: None}, errors=(412,), writes=True)
    def delete(self, request: Request, stock: str) -> Response:
        """Let its idle databases go; services keep theirs."""
        row = _present().filter(name=named(stock, "stock")).first()
        if row is not None:
            remove(row, actor=self.actor())
        return Response(status=204)

    def hold(self) -> None:
        serialise(f"warm-stock:{named(self.kwargs['stock'], 'stock')}")

    def present(self) -> dict[str, Any] | None:
        row = _present().filter(name=named(self.kwargs["stock"], "stock")).first()
        return _document(row) if row else None

    def lasting(self, document: Any) -> Any:
        """The wish; how many are ready now changes by itself."""
        wished = {name: value for name, value in document["properties"].items() if name in StockProperties().fields}
        return {**document, "properties": wished}


class WarmStockResumeView(ApiView):
    """Fills a stock again whose makings had failed."""

    bodies: ClassVar = {"POST": Reason}

    @documented("warm_stocks_resume", answers={200: StockDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, stock: str) -> Response:
        row = _found(stock)
        resume(row, actor=self.actor(), reason=self.body()["reason"])
        return Response(_document(_found(stock)))


def _present() -> Any:
    return WarmStock.objects.filter(removed_at=None)


def _found(name: str) -> WarmStock:
    row: WarmStock | None = _present().filter(name=named(name, "stock")).first()
    if row is None:
        raise not_found("Stock")
    return row


def _wish(name: str, asked: dict[str, Any]) -> StockWish:
    if asked["least"] > asked["most"]:
        raise Problem(400, "InvalidRequestBody", "least is more than most.", target="properties.least")
    return StockWish(
        name=name,
        region=asked["region"],
        kind=asked["kind"],
        size_bytes=asked["sizeGb"] * BYTES_PER_GB,
        is_on=asked["enabled"],
        least=asked["least"],
        most=asked["most"],
        goal=asked["servedPercent"] / 100,
        monthly_budget=asked["monthlyBudget"],
    )


def _document(row: WarmStock) -> dict[str, Any]:
    now = figures(row)
    return {
        "id": f"/warm-stocks/{row.name}",
        "name": row.name,
        "type": "warmStocks",
        "properties": {
            "region": row.region_id,
            "kind": row.kind,
            "tier": row.service_tier,
            "sizeGb": row.size_bytes // BYTES_PER_GB,
            "enabled": row.is_on,
            "least": row.least,
            "most": row.most,
            "servedPercent": round(row.goal * 100),
            "monthlyBudget": None if row.monthly_budget is None else round(row.monthly_budget),
            "wanted": row.wanted,
            "sizedBy": row.reason,
            **{name: getattr(now, name) for name in ("idle", "making", "stale", "active", "wished", "served")},
            "monthlyCostOfOne": now.cost_of_one,
            "monthlyCostOfIdle": now.idle_cost,
            "currency": price_book(settings.PRICES_FILE)["currency"],
            "haltedAt": row.halted_at,
        },
    }
