"""Stocks as operators define them, and what each holds, serves and costs."""

from __future__ import annotations

from dataclasses import dataclass

from django.db import IntegrityError, transaction
from django.db.models import Count, Q

from inventory.models import Database, Region, ServiceInstance
from inventory.states import Status
from operations import audit, clock
from placement.engine.sizing import SizeRefused, Tier, tier_for
from placement.snapshot import limits
from provisioning.errors import ChangeNotSupported, SizeNotSupported, StockExists, UnknownRegion, UnsupportedServiceKind
from provisioning.models import WarmDatabase, WarmStock
from provisioning.warm.keeping import kept_of
from provisioning.warm.sizing import LOOKED_AT, cost_of_one

State = WarmDatabase.State

BEING_EMPTIED = "A removed stock is still being emptied there; ask again in some minutes."


@dataclass(frozen=True, slots=True)
class StockWish:
    """A stock as an operator wants it; its tier follows from the size. `monthly_budget` in the price book's currency."""

    name: str
    region: str
    kind: str
    size_bytes: int
    is_on: bool
    least: int
    most: int
    goal: float
    monthly_budget: float | None


@dataclass(frozen=True, slots=True)
class Figures:
    """What a stock is worth: `served` of `wished` in the last four weeks found one ready; money is a month's."""

    idle: int
    making: int
    stale: int
    active: int
    served: int
    wished: int
    cost_of_one: float | None

    @property
    def idle_cost(self) -> float | None:
        return None if self.cost_of_one is None else round(self.cost_of_one * self.idle, 2)


@transaction.atomic
def define(wish: StockWish, *, actor: str) -> WarmStock:
    """Make the stock, or change it; equal to what is there, nothing changes. Raises WishRefused.

    Region, kind and tier of one that stands cannot be changed.
    """
    tier = _tier(wish)
    stock = WarmStock.objects.select_for_update(of=("self",)).filter(name=wish.name).first()
    if stock is None:
        return _add(wish, tier, actor=actor)
    if (stock.region_id, stock.kind, stock.service_tier) != (wish.region, wish.kind, tier):
        if stock.removed_at is not None:
            raise StockExists(BEING_EMPTIED)
        raise ChangeNotSupported("A stock keeps its region, kind and tier; define another one.")
    before, wanted = _told(stock), _columns(wish)
    if all(getattr(stock, name) == value for name, value in wanted.items()) and stock.removed_at is None:
        return stock
    for name, value in {**wanted, "removed_at": None, "sized_at": None}.items():
        setattr(stock, name, value)
    stock.save()
    audit.record("warm_stock.changed", actor=actor, target=stock.key, before=before, after=_told(stock))
    return stock


@transaction.atomic
def remove(stock: WarmStock, *, actor: str) -> None:
    """Let its idle databases go; services keep theirs. Repeating it changes nothing."""
    removed = WarmStock.objects.filter(pk=stock.pk, removed_at=None).update(
        removed_at=clock.now(), is_on=False, sized_at=None
    )
    if removed:
        audit.record("warm_stock.removed", actor=actor, target=stock.key, before=_told(stock))


@transaction.atomic
def resume(stock: WarmStock, *, actor: str, reason: str) -> bool:
    """Fill it again after makings had failed. False: it was not halted."""
    changed = WarmStock.objects.filter(pk=stock.pk, halted_at__isnull=False).update(
        halted_at=None, resumed_at=clock.now()
    )
    if changed:
        audit.record("warm_stock.resumed", actor=actor, target=stock.key, reason=reason)
    return bool(changed)


def figures(stock: WarmStock) -> Figures:
    kept, since = kept_of(stock), clock.now() - LOOKED_AT
    placed = Database.objects.filter(
        region=stock.region_id, service_tier=stock.service_tier, service__kind=stock.kind, stands_in_for=None
    )
    counted = placed.filter(service__created_at__gte=since).aggregate(
        wished=Count("pk"), served=Count("pk", filter=Q(warm__state=State.CLAIMED))
    )
    active = placed.exclude(status=Status.DELETED).filter(warm__stock=stock).count()
    return Figures(len(kept.idle), len(kept.making), len(kept.stale), active, cost_of_one=cost_of_one(stock), **counted)


def _add(wish: StockWish, tier: str, *, actor: str) -> WarmStock:
    try:
        with transaction.atomic():
            stock = WarmStock.objects.create(
                name=wish.name, region_id=wish.region, kind=wish.kind, service_tier=tier, **_columns(wish)
            )
    except IntegrityError as error:
        others = WarmStock.objects.filter(region=wish.region, kind=wish.kind, service_tier=tier)
        is_going = others.filter(removed_at__isnull=False).exists()
        told = BEING_EMPTIED if is_going else "Another stock is there for this region, kind and tier."
        raise StockExists(told) from error
    audit.record("warm_stock.defined", actor=actor, target=stock.key, after=_told(stock))
    return stock


def _tier(wish: StockWish) -> str:
    if not Region.objects.filter(name=wish.region).exists():
        raise UnknownRegion(f"There is no region {wish.region}.")
    if wish.kind not in ServiceInstance.Kind.values:
        raise UnsupportedServiceKind(f"A service of kind {wish.kind} keeps no data in Azure SQL; FHIR and DICOM do.")
    try:
        single = tier_for(wish.size_bytes, limits()) is Tier.HYPERSCALE
    except SizeRefused as error:
        raise SizeNotSupported(str(error)) from error
    return Database.Tier.HYPERSCALE if single else Database.Tier.GENERAL_PURPOSE


def _columns(wish: StockWish) -> dict[str, object]:
    names = ("size_bytes", "is_on", "least", "most", "goal", "monthly_budget")
    return {name: getattr(wish, name) for name in names}


def _told(stock: WarmStock) -> dict[str, object]:
    return {
        "name": stock.name,
        "region": stock.region_id,
        "kind": stock.kind,
        "tier": stock.service_tier,
        "size_bytes": stock.size_bytes,
        "is_on": stock.is_on,
        "least": stock.least,
        "most": stock.most,
        "goal": stock.goal,
        "monthly_budget": stock.monthly_budget,
    }
