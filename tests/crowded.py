"""Two pools of one server, one of them crowded: in the simulated Azure and in the inventory, with loads that are known."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from cloud import factory
from cloud.protocols import PoolSpec, Sku
from inventory.models import Database, ElasticPool
from operations import clock
from placement import pool_loads
from placement.models import PlannedMove, RebalancePlan, RebalancingRules
from placement.rebalancing import planning
from provisioning import rebalancing
from tests.builders import a_database, a_pool, a_server, a_service, a_workspace
from tests.local_azure import LocalAzure
from tests.measured_fleet import folded, measured
from tests.sampled import SampledFleet, a_sampled_fleet, finish

LOADS = (3.0, 2.0, 1.5, 1.0)  # 7.5 of 6.4 vCores


@dataclass
class Crowded:
    """`crowd` stands in the first pool, each with a workspace of its own; the second pool is empty."""

    first: ElasticPool
    second: ElasticPool
    crowd: list[Database]

    @property
    def region(self) -> str:
        return self.first.server.region_id

    @property
    def rules(self) -> RebalancingRules:
        return planning.rules_of(self.first.server.region)

    def plan(self) -> RebalancePlan:
        return planning.compute(self.first.server.region, actor="alice")


def crowded_rows() -> Crowded:
    """In the inventory alone."""
    server = a_server()
    return _crowded(a_pool(server), a_pool(server))


def crowded_azure(azure: LocalAzure) -> tuple[SampledFleet, Crowded]:
    """In Azure too."""
    fleet = a_sampled_fleet(azure, databases=0, vcores=8)
    second = a_pool(fleet.server, vcores=8, per_database_max_vcores=2, max_databases=200)
    spec = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 8), None, 0, 2, tags={})
    finish(azure, factory.sql_management().begin_create_pool(fleet.reference, second.azure_name, spec))
    rows = [fleet.add_database() for _ in LOADS]
    return fleet, _crowded(fleet.pool, second, rows)


def _crowded(first: ElasticPool, second: ElasticPool, rows: list[Database] | None = None) -> Crowded:
    rows = rows or [a_database(_service(first, n), server=first.server, pool=first, status="ready") for n in range(4)]
    Database.objects.filter(pk__in=[row.pk for row in rows]).update(holds_room=True, vcores_demanded=0.5)
    room = {"databases_committed": 4, "bytes_committed": sum(row.size_bytes for row in rows), "vcores_demanded": 2.0}
    ElasticPool.objects.filter(pk=first.pk).update(**room)
    measured(dict(zip(rows, LOADS, strict=True)))
    folded()
    pool_loads.refresh_all()
    for row in (first, second, *rows):
        row.refresh_from_db()
    return Crowded(first, second, rows)


def _service(pool: ElasticPool, number: int) -> object:
    return a_service(a_workspace(f"owner-{number}", pool.server.region), "claims")


def notice_is_over() -> None:
    clock.advance(timedelta(hours=25), business=True)


def begun() -> int:
    """What beat does, without looking for new plans."""
    return sum(rebalancing.begin_due(rules) for rules in RebalancingRules.objects.all())


def states(plan: RebalancePlan) -> list[str]:
    return list(PlannedMove.objects.filter(plan=plan).order_by("position").values_list("state", flat=True))
