"""A small fleet that stands both in the simulated Azure and in the inventory, and time that passes for both."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from cloud import factory
from cloud.protocols import Accepted, DatabaseSpec, PoolSpec, ServerRef, ServerSpec, Sku
from cloud.secrets import Secret
from inventory.models import Database, ElasticPool, SqlServer
from placement.models import Meter, Sample
from placement.sampling.collect import sample
from placement.sampling.slots import SLOT_SECONDS
from simulator.http import Request, Response
from tests.builders import GIB, a_database, a_pool, a_server, a_service, a_subscription, a_workspace
from tests.local_azure import LocalAzure

MINUTES = 60.0
LAG = 180.0  # SAMPLING_LAG_SECONDS


@dataclass
class SampledFleet:
    """One server and pool with databases. `of(row)` is the meter of a pool or database."""

    azure: LocalAzure
    server: SqlServer
    pool: ElasticPool
    databases: list[Database] = field(default_factory=list)

    @property
    def reference(self) -> ServerRef:
        return ServerRef(self.server.subscription_id, self.server.resource_group, self.server.azure_name)

    def add_database(self) -> Database:
        number = len(self.databases)
        service = a_service(a_workspace("cigna", self.server.region), f"service-{number}")
        row = a_database(service, server=self.server, pool=self.pool, status="ready")
        spec = DatabaseSpec("eastus", pool_name=self.pool.azure_name, max_size_bytes=32 * GIB, tags={})
        finish(self.azure, factory.sql_management().begin_create_database(self.reference, row.azure_name, spec))
        self.databases.append(row)
        return row

    def delete(self, row: Database | ElasticPool) -> None:
        """In Azure and in our inventory."""
        arm = factory.sql_management()
        begin = arm.begin_delete_database if isinstance(row, Database) else arm.begin_delete_pool
        finish(self.azure, begin(self.reference, row.azure_name))
        type(row).objects.filter(pk=row.pk).update(status="deleted")

    def use(self, row: Database, **load: float) -> None:
        """From now on it wants cpu_vcores, or holds storage_gb, or gains growth_gb_per_day."""
        body = orjson.dumps({"database": meter_of(row).arm_id, **load})
        told = self.azure.azure.handle(Request("POST", "localhost", 8443, "/_sim/workload", {}, {}, body))
        assert told.status == 201, told.body

    def sample_for(self, hours: float, *, every_minutes: float = 5.0) -> int:
        """What beat does all the while. Returns how many samples came."""
        came = 0
        for _ in range(round(hours * 60 / every_minutes)):
            self.azure.pass_time(every_minutes * MINUTES)
            came += sample()
        return came


def a_sampled_fleet(azure: LocalAzure, *, databases: int = 2, vcores: int = 4) -> SampledFleet:
    azure.pass_time((LAG + 30 - azure.azure.clock.now()) % SLOT_SECONDS)  # whatever a test takes, no slot more closes
    server = a_server(subscription=a_subscription(azure.subscription_id))
    pool = a_pool(server, vcores=vcores, per_database_max_vcores=2, max_databases=200)
    fleet = SampledFleet(azure, server, pool)
    arm = factory.sql_management()
    arm.ensure_resource_group(azure.subscription_id, server.resource_group, "eastus", {})
    spec = ServerSpec(
        region="eastus",
        administrator_login="sppadmin",
        minimal_tls_version="1.2",
        public_network_access=True,
        entra_only=False,
        tags={},
    )
    finish(azure, arm.begin_create_server(fleet.reference, spec, Secret("Correct-Horse-9")))
    sku = Sku("GP_Gen5", "GeneralPurpose", "Gen5", vcores)
    finish(azure, arm.begin_create_pool(fleet.reference, pool.azure_name, PoolSpec("eastus", sku, None, 0, 2, tags={})))
    for _ in range(databases):
        fleet.add_database()
    return fleet


def finish(azure: LocalAzure, accepted: Accepted) -> None:
    azure.pass_time(10 * MINUTES)
    if accepted.poll_url:
        factory.sql_management().poll(azure.subscription_id, accepted.poll_url)


def meter_of(row: Database | ElasticPool) -> Meter:
    return Meter.objects.get(resource=row.pk)


def slots_of(row: Database | ElasticPool, *, gaps: bool = False) -> list[float]:
    """Where the samples of a pool or database begin, in minutes since its first one."""
    found = (
        Sample.objects.filter(meter=meter_of(row), vcores__isnull=gaps).order_by("slot").values_list("slot", flat=True)
    )
    starts = list(found)
    return [(start - starts[0]) / timedelta(minutes=1) for start in starts]


@dataclass
class MonitorThatLags:
    """Azure Monitor without its points between two moments, until told otherwise; `refusals` answers come first."""

    azure: LocalAzure
    hidden: tuple[datetime, datetime] | None = None
    refusals: list[Response] = field(default_factory=list)
    calls: list[str] = field(default_factory=list)

    def __call__(self, name: str, call: Callable[[], Any]) -> Any:
        if "getBatch" not in name:
            return call()
        self.calls.append(name)
        return self.refusals.pop(0) if self.refusals else self._answer(call())

    def hide(self, *, minutes: float) -> None:
        """From now on for so long."""
        now = self.azure.azure.clock.moment()
        self.hidden = now, now + timedelta(minutes=minutes)

    def _answer(self, response: Response) -> Response:
        document = orjson.loads(response.body)
        for value in document.get("values", []) if self.hidden else []:
            for point in _points(value):
                if self.hidden[0] <= datetime.fromisoformat(point["timeStamp"]) < self.hidden[1]:
                    point.pop("average", None)
        return Response(response.status, response.headers, orjson.dumps(document))


def _points(value: dict[str, Any]) -> Iterator[dict[str, Any]]:
    for metric in value["value"]:
        for series in metric["timeseries"]:
            yield from series["data"]


def lagging(azure: LocalAzure) -> MonitorThatLags:
    """From now on all calls go through it."""
    azure.around = MonitorThatLags(azure)
    return azure.around
