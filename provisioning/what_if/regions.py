"""One region's rows as the planner sees them, and who would come to it. Reading only."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db.models import QuerySet

from inventory.identifiers import new_id
from inventory.models import Database
from inventory.states import Status
from placement.borrowing import COLUMNS, Crowd, crowd_of, lenders_in, loads_of
from placement.engine.fleet import Demand
from placement.engine.policy import Policy
from placement.engine.settling import Wish
from placement.engine.sizing import Tier, tier_for, vcores_for_hyperscale
from placement.engine.usage import OneLoad
from placement.snapshot import demand_of
from provisioning.changes.prices import Priced
from provisioning.what_if.question import MOST, Arrivals, Question, QuestionRefused

GONE = (Status.DELETING, Status.DELETED)


@dataclass(frozen=True, slots=True)
class Coming:
    """Who would come: wishes for room in pools, and single databases."""

    wishes: tuple[Wish, ...]
    singles: tuple[Priced, ...]


def coming_to(region: str, question: Question, rule: Policy) -> Coming:
    """Arrivals in the region, and what a lost one held. Raises QuestionRefused for more than can be answered."""
    wishes: list[Wish] = []
    singles: list[Priced] = []
    for one in question.arrivals:
        if one.region == region:
            arrived = _arrived(one, rule)
            wishes += [arrived] * one.count if isinstance(arrived, Wish) else []
            singles += [arrived] * one.count if isinstance(arrived, Priced) else []
    if question.loss and question.loss.to == region:
        wishes += _pooled(question.loss.region, region)
        singles += [priced(row) for row in standing_in(question.loss.region).filter(pool=None)]
    if len(wishes) > MOST:
        raise QuestionRefused(f"One question places at most {MOST:,} databases.")
    return Coming(tuple(wishes), tuple(singles))


def standing_in(region: str) -> QuerySet[Database]:
    """Databases that are there or coming; no row that stands in for another."""
    rows = Database.objects.filter(region=region, stands_in_for=None).exclude(status__in=GONE)
    return rows.select_related("service__workspace", "pool").order_by("pk")


def priced(row: Database) -> Priced:
    """What Azure bills for a single database."""
    return Priced(row.service_tier, row.vcores or 0, row.size_bytes)


def _arrived(one: Arrivals, rule: Policy) -> Wish | Priced:
    """What one of them asks, as a service of its kind and size would."""
    vcores = rule.expected_vcores(service_kind=one.kind, storage_bytes=one.size_bytes)
    if tier_for(one.size_bytes, rule.limits) is Tier.HYPERSCALE:
        return Priced(Database.Tier.HYPERSCALE, vcores_for_hyperscale(one.size_bytes, rule), one.size_bytes)
    demand = Demand(
        region=one.region,
        service_tier=Database.Tier.GENERAL_PURPOSE,
        storage_bytes=one.size_bytes,
        vcores=vcores,
        zone_redundant=one.zone_redundant,
    )
    alone = crowd_of([(new_id(), None, None, one.kind, one.size_bytes, vcores)])
    return Wish(demand, _loads(alone, one.region)[0])


def _pooled(lost: str, region: str) -> list[Wish]:
    """What stood in the lost region's pools, with the loads that were measured there."""
    rows = list(standing_in(lost).filter(pool__isnull=False))
    crowd = crowd_of(list(standing_in(lost).filter(pool__isnull=False).values_list(*COLUMNS)))
    demands = [replace(demand_of(row), region=region) for row in rows]
    return [Wish(demand, load) for demand, load in zip(demands, _loads(crowd, lost), strict=True)]


def _loads(crowd: Crowd, region: str) -> list[OneLoad]:
    found = loads_of(crowd, lenders_in(region)).loads
    return [
        OneLoad(profile, float(mean), float(variance))
        for profile, mean, variance in zip(found.profile, found.mean, found.variance, strict=True)
    ]
