"""A fleet as an operator may find it at night: mostly well, with a few things wrong."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from django.utils import timezone

from inventory.identifiers import azure_name, new_id
from inventory.models import Database, ElasticPool, Member, Region, SqlServer
from operations import audit
from operations.models import Operation, ResourceLock, StepRun
from rotation.models import Credential
from tests.builders import GIB, TIB, a_database, a_finding, a_plan, a_pool, a_region, a_server, a_service, a_workspace

REASON = "PasswordRejected: Azure refused three generated passwords in a row."
PLACES = (("centralindia", "Central India"), ("eastus", "East US"), ("westeurope", "West Europe"))
STEPS = ("place", "start_create", "stage_password")


@dataclass
class Fleet:
    """What tests look for on the pages."""

    stuck: Operation
    waiting: Operation
    failed_pool: ElasticPool
    unseen: SqlServer
    databases: list[Database]


def a_fleet(*, databases: int = 8, at: datetime | None = None) -> Fleet:
    """Three regions, a server and two pools in each, and databases spread over them; some of it in trouble."""
    now = at or timezone.now()
    pools = [pool for name, shown in PLACES for pool in _pools(a_region(name, display_name=shown), now)]
    rows = [_database(number, pools[number % len(pools)], now) for number in range(databases)]
    _drift(rows[3])
    failed = a_pool(
        pools[0].server,
        status="failed",
        error_code="ProvisioningDisabled",
        error_message="Provisioning is restricted in this region for the subscription.",
    )
    unseen = a_server(a_region("eastus"), observed_at=now - timedelta(hours=5), observed_state="Ready")
    a_plan(rows[6], state="approved", target=pools[(6 + 1) % len(pools)])
    return Fleet(_stuck(rows[0], now), _waiting(rows[1], now), failed, unseen, rows)


def _pools(region: Region, now: datetime) -> list[ElasticPool]:
    server = a_server(region, observed_at=now, observed_state="Ready", observed_minimal_tls="1.2")
    seen = {"observed_at": now, "observed_state": "Ready", "observed_vcores": 8}
    return [
        a_pool(server, max_size_bytes=2 * TIB, **seen),
        a_pool(server, max_size_bytes=1 * TIB, is_cordoned=region.name == "eastus", **seen),
    ]


def _database(number: int, pool: ElasticPool, now: datetime) -> Database:
    region = pool.server.region
    workspace = a_workspace(f"customer-{number // 6:02}-{region.name}", region, display_name=f"Customer {number // 6}")
    Member.objects.get_or_create(workspace=workspace, tenant_id=str(workspace.pk), object_id=f"object-{workspace.name}")
    service = a_service(workspace, f"service-{number:03}", "dicom" if number % 3 else "fhir")
    size = min((20 + 17 * number % 130) * GIB, pool.max_size_bytes - pool.bytes_committed)
    row = a_database(
        service,
        size_bytes=max(size, GIB),
        server=pool.server,
        pool=pool,
        holds_room=True,
        status="ready",
        ready_at=now - timedelta(hours=number),
        observed_at=now,
        observed_status="Online",
        observed_pool_name=pool.azure_name,
        placement={"reason": "The best of 2 pools that can take it, among 6.", "pools": 6, "feasible": 2},
    )
    pool.databases_committed += 1
    pool.bytes_committed = min(pool.bytes_committed + row.size_bytes, pool.max_size_bytes)
    pool.vcores_demanded += row.vcores_demanded
    pool.save()
    _credential(row, now)
    _operation(row, now - timedelta(minutes=number), state="succeeded", finished_at=now)
    return row


def _credential(row: Database, now: datetime) -> None:
    Credential.objects.create(
        database=row,
        slot="a",
        user_name=azure_name("u", row.pk),
        status="active",
        staging_secret=f"{row.azure_name}-a",
        staging_version="5b0f0c1c6c4b4d0b9f0e1d2c3b4a5968",
        stable_secret=row.azure_name,
        stable_version="0c1d2e3f4a5b6c7d8e9f0a1b2c3d4e5f",
        promoted_at=now,
        valid_until=now + timedelta(days=90),
    )


def _operation(row: Database, at: datetime, **columns: object) -> Operation:
    defaults = {"step": "await_create", "started_at": at, "deadline_at": at + timedelta(hours=4), "created_at": at}
    operation = Operation.objects.create(
        kind="create_database",
        target_key=row.key,
        workspace=row.service.workspace.name,
        actor="operator:builder",
        **{**defaults, **columns},
    )
    audit.record("operation.submitted", actor="operator:builder", target=row.key, operation_id=operation.pk)
    return operation


def _stuck(row: Database, now: datetime) -> Operation:
    code, message = REASON.split(": ")
    began = now - timedelta(hours=3, minutes=12)
    operation = _operation(
        row, began, state="needs_attention", step="create_user", attempt=12, error_code=code, error_message=message
    )
    for number, step in enumerate(STEPS):
        _run(operation, step, number, began + timedelta(minutes=number), "next", "")
    for number in range(3, 6):
        _run(operation, "create_user", number, began + timedelta(minutes=number), "error", REASON)
    _run(operation, "create_user", 6, began + timedelta(minutes=6), "attention", REASON)
    event = audit.event(
        "operation.needs_attention",
        actor="system:create_database",
        target=row.key,
        operation_id=operation.pk,
        outcome="failed",
        reason=message,
    )
    event.at = began + timedelta(minutes=6)
    audit.write([event])
    return operation


def _waiting(row: Database, now: datetime) -> Operation:
    operation = _operation(
        row,
        now - timedelta(minutes=50),
        state="running",
        due_at=now + timedelta(minutes=1),
        waits_on=row.key,
        waits_why="Azure is creating the database.",
    )
    ResourceLock.objects.create(
        resource_key=row.pool.key, operation=operation, mode="shared", reason="creates a database", granted_at=now
    )
    return operation


def _run(operation: Operation, step: str, number: int, at: datetime, outcome: str, detail: str) -> None:
    StepRun.objects.create(
        id=new_id(),
        operation_id=operation.pk,
        step=step,
        run=number + 1,
        target=operation.target_key,
        started_at=at,
        finished_at=at + timedelta(milliseconds=140),
        outcome=outcome,
        detail=detail,
        request_id="" if step == "place" else str(new_id()),
    )


def _drift(row: Database) -> None:
    row.observed_status = "absent"
    row.save()
    a_finding(row.key, name=row.azure_name, attribute="pool", expected="p-ours", observed="p-other")
