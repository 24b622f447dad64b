"""Answers, by what decides in earnest: `place` for newcomers, `relieve` for moves, the price file for cost.

All of it is computed in one read-only transaction: nothing can be touched.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from django.db import connection, transaction

from inventory.models import ElasticPool, Region
from operations import clock
from placement.engine.fleet import Fleet
from placement.engine.policy import Policy
from placement.engine.rebalance.relief import Relief, relieve
from placement.engine.settling import Settled, settle
from placement.engine.usage import HOURS, Measured
from placement.models import RebalancingRules
from placement.rebalancing.guests import Guest, with_guests
from placement.rebalancing.terrain import Ground, grounds
from placement.snapshot import PRESENT, fleet_in, measured_of, policy
from provisioning.changes.forecast import priced_pool
from provisioning.changes.plan import Cost
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.what_if.answer import Answer, Figures, Moves, RegionAnswer, new_pools, unplaced
from provisioning.what_if.question import Question, check
from provisioning.what_if.regions import Coming, coming_to, priced, standing_in

MOST_MOVES = 10_000


def answer(question: Question) -> Answer:
    """What would be otherwise, in every region that the question touches; without any named, in all that have pools.

    Raises QuestionRefused.
    """
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION READ ONLY")
        check(question)
        names = question.regions or set(ElasticPool.objects.values_list("server__region", flat=True))
        regions = Region.objects.filter(name__in=names).order_by("name")
        return Answer(tuple(_region(region, question) for region in regions))


def _region(region: Region, question: Question) -> RegionAnswer:
    fleet, rule = fleet_in(region), policy()
    measured, pools = measured_of(fleet), _priced_pools(region)
    singles = [priced(row) for row in standing_in(region.name).filter(pool=None)]
    now = _figures(fleet, measured, singles, rule)
    if question.loss and question.loss.region == region.name:
        return RegionAnswer(
            region.name, now, Figures(), (), (), Moves(), _cost(region, question, [*pools, *singles], [])
        )
    asked = _asked(question, rule)
    coming = coming_to(region.name, question, asked)
    settled = settle(fleet, measured, coming.wishes, asked)
    then = _figures(settled.fleet, settled.measured, [*singles, *coming.singles], asked)
    made = [
        Priced(one.service_tier, one.vcores, one.max_size_bytes, one.family, one.zone_redundant) for one in settled.made
    ]
    return RegionAnswer(
        region=region.name,
        now=now,
        then=then,
        new_pools=new_pools(settled.made),
        unplaced=unplaced(list(settled.refusals.values())),
        moves=_moves(region, coming, settled, asked),
        cost=_cost(region, question, [*pools, *singles], [*pools, *made, *singles, *coming.singles]),
    )


def _asked(question: Question, rule: Policy) -> Policy:
    """The policy that is set, with the headrooms that are supposed."""
    vcores, storage = question.headroom_vcores, question.headroom_storage
    if vcores is not None:
        rule = replace(rule, headroom_vcores_fraction=vcores)
    return rule if storage is None else replace(rule, headroom_storage_fraction=storage)


def _priced_pools(region: Region) -> list[Priced]:
    return [priced_pool(pool) for pool in ElasticPool.objects.filter(server__region=region, status__in=PRESENT)]


def _figures(fleet: Fleet, measured: Measured, singles: list[Priced], rule: Policy) -> Figures:
    promised, sizes = fleet.committed_vcores.astype(np.float64), fleet.vcores.astype(np.float64)
    level = sizes * (1 - rule.headroom_vcores_fraction)
    return Figures(
        databases=int(fleet.databases.sum()) + len(singles),
        pools=len(fleet),
        vcores=float(sizes.sum()) + sum(one.vcores for one in singles),
        storage_bytes=int(fleet.committed_bytes.sum()) + sum(one.storage_bytes for one in singles),
        pools_above=int(np.sum(measured.need(promised) > level)),
        hours_above=float(measured.share_above(sizes, promised).sum() * HOURS),
    )


def _moves(region: Region, coming: Coming, settled: Settled, rule: Policy) -> Moves:
    rules = RebalancingRules.objects.filter(region=region).first() or RebalancingRules(region=region)
    found = []
    for ground in grounds(rules, clock.now(), hot_only=False, placing=rule):
        terrain = with_guests(ground.terrain, _guests(ground, coming, settled))
        found.append((ground, relieve(terrain, most_moves=MOST_MOVES)))
    return _told(found)


def _guests(ground: Ground, coming: Coming, settled: Settled) -> list[Guest]:
    """Who would come into the pools of the ground."""
    place = {settled.fleet.index_of[str(pool.pk)]: number for number, pool in enumerate(ground.pools)}
    pairs = zip(coming.wishes, settled.places, strict=True)
    return [Guest(wish, place[index]) for wish, index in pairs if index in place]


def _told(found: list[tuple[Ground, Relief]]) -> Moves:
    steps = [(ground, step) for ground, relief in found for step in relief.steps]
    reasons = [
        f"Pool {ground.pools[pool].azure_name}: {reason}."
        for ground, relief in found
        for pool, reason in relief.reasons
    ]
    return Moves(
        count=len(steps),
        copied_gb=float(sum(ground.terrain.cost[step.database] for ground, step in steps)),
        overage_before=float(sum(relief.overage_before for _, relief in found)),
        overage_after=float(sum(relief.overage_after for _, relief in found)),
        bound=float(sum(relief.bound for _, relief in found)),
        reason=" ".join(reasons),
    )


def _cost(region: Region, question: Question, now: list[Priced], then: list[Priced]) -> Cost:
    cost = monthly_cost(region.name, now, then)
    if cost.after is None:
        return cost
    return replace(cost, after=round(cost.after * (1 + question.price_percent / 100), 2))
