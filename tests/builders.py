"""Plain builders for rows that tests start from."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone

from inventory.identifiers import azure_name, new_id
from inventory.models import Database, ElasticPool, Region, ServiceInstance, SqlServer, Subscription, Workspace
from inventory.states import Status
from placement.models import PlannedMove, RebalancePlan, RebalancingRules
from provisioning.models import Finding, GrowthProposal, PoolProposal
from rotation.models import Credential

TIB = 2**40
GIB = 2**30


def a_region(name: str = "eastus", **columns: object) -> Region:
    defaults = {"display_name": name, "geography": "United States", "has_zones": True}
    return Region.objects.get_or_create(name=name, defaults={**defaults, **columns})[0]


def a_subscription(subscription_id: str = "00000000-0000-0000-0000-000000000001", **columns: object) -> Subscription:
    return Subscription.objects.get_or_create(subscription_id=subscription_id, defaults={"name": "test", **columns})[0]


def a_workspace(name: str = "cigna", region: Region | None = None, **columns: object) -> Workspace:
    return Workspace.objects.get_or_create(name=name, defaults={"region": region or a_region(), **columns})[0]


def a_service(workspace: Workspace | None = None, name: str = "claims", kind: str = "fhir") -> ServiceInstance:
    return ServiceInstance.objects.create(workspace=workspace or a_workspace(), name=name, kind=kind)


def a_server(region: Region | None = None, **columns: object) -> SqlServer:
    row_id = new_id()
    return SqlServer.objects.create(
        id=row_id,
        subscription=columns.pop("subscription", None) or a_subscription(),
        region=region or a_region(),
        resource_group="sql-persistence",
        azure_name=f"test-{str(row_id)[-8:]}",
        administrator_login="sppadmin",
        admin_secret_name=f"{azure_name('s', row_id)}-admin",
        **{"status": Status.READY, "observed_endpoint": "localhost", **columns},
    )


def a_pool(server: SqlServer | None = None, **columns: object) -> ElasticPool:
    row_id = new_id()
    defaults = {
        "sku_name": "GP_Gen5",
        "service_tier": "GeneralPurpose",
        "vcores": 8,
        "max_size_bytes": 2 * TIB,
        "max_databases": 500,
        "per_database_max_vcores": 4,
        "status": Status.READY,
    }
    return ElasticPool.objects.create(
        id=row_id, server=server or a_server(), azure_name=azure_name("p", row_id), **{**defaults, **columns}
    )


def a_database(service: ServiceInstance | None = None, **columns: object) -> Database:
    row_id = new_id()
    service = service or a_service()
    defaults = {
        "region": service.workspace.region,
        "service_tier": Database.Tier.GENERAL_PURPOSE,
        "size_bytes": 100 * GIB,
        "azure_name": azure_name("d", row_id),
        "vcores_demanded": 0.25,
    }
    return Database.objects.create(id=row_id, service=service, **{**defaults, **columns})


def a_deleted_service(workspace: Workspace | None = None, name: str = "claims", **columns: object) -> Database:
    """One that was deleted yesterday and can be restored for six days more."""
    now, day = timezone.now(), timedelta(days=1)
    service = a_service(workspace, name)
    ServiceInstance.objects.filter(pk=service.pk).update(deleted_at=now - day)
    defaults = {"server": a_server(service.workspace.region), "status": Status.DELETED, "ready_at": now - 3 * day}
    ended = {"deleted_at": now - day, "restorable_until": now + 6 * day}
    return a_database(service, **{**defaults, **ended, **columns})


def a_credential(database: Database, slot: str = "a", **columns: object) -> Credential:
    defaults = {
        "user_name": f"svc_{slot}",
        "status": Credential.Status.ACTIVE,
        "staging_secret": f"{database.azure_name}-{slot}",
        "staging_version": "1",
        "stable_secret": database.azure_name,
        "stable_version": "2",
    }
    return Credential.objects.create(database=database, slot=slot, **{**defaults, **columns})


def a_finding(target: str, **columns: object) -> Finding:
    """Something that two looks have shown."""
    now = timezone.now()
    defaults = {"scope": "server:tests", "name": "d-found", "kind": "changed", "severity": Finding.Severity.HIGH}
    seen = {"state": Finding.State.OPEN, "first_seen_at": now, "last_seen_at": now, "seen": 2}
    return Finding.objects.create(target=target, **{**defaults, **seen, **columns})


def a_proposal(database: Database, **columns: object) -> GrowthProposal:
    """One of a database that will be full in a month."""
    service = database.service
    defaults = {
        "workspace": service.workspace.name if service else "",
        "service": service.name if service else "",
        "name": database.azure_name,
        "limit_bytes": database.size_bytes,
        "proposed_bytes": 2 * database.size_bytes,
        "used_bytes": database.size_bytes // 2,
        "bytes_per_day": GIB,
        "days_left": 30.0,
        "last_day": timezone.now().date(),
        "created_at": timezone.now(),
    }
    return GrowthProposal.objects.create(target=database.key, **{**defaults, **columns})


def a_plan(
    database: Database, *, state: str = "proposed", region: Region | None = None, target: ElasticPool | None = None
) -> RebalancePlan:
    """One that moves the database to another pool of its server; approved: its owner was told of it."""
    source = database.pool or a_pool(database.server)
    now, told = timezone.now(), state == "approved"
    amounts = {"overage_before": 1.5, "overage_after": 0.0, "bound": 0.0, "fewest_moves": 1}
    rows = RebalancePlan.objects.create(
        region=region or database.region, state=state, created_by="tests", created_at=now, **amounts
    )
    RebalancingRules.objects.get_or_create(region=rows.region)
    PlannedMove.objects.create(
        plan=rows,
        position=0,
        database=database if told else a_database(a_service(database.service.workspace, "other"), pool=source),
        source=source,
        target=target or a_pool(source.server),
        workspace=database.service.workspace.name,
        service=database.service.name,
        state="told" if told else "planned",
        due_at=now + timedelta(days=2) if told else None,
        **{"gain": 1.5, "copied_gb": 100.0, "source_after": 5.0, "target_after": 2.0, "profile": bytes(672)},
    )
    return rows


def a_pool_proposal(pool: ElasticPool, *, step: str = "delete", vcores: int | None = None) -> PoolProposal:
    """One that waits for a decision: an empty pool's end, unless another size is named."""
    told = {"vcores": vcores, "vcores_now": pool.vcores, "because": "Nobody uses it."}
    return PoolProposal.objects.create(pool=pool, step=step, created_at=timezone.now(), **told)
