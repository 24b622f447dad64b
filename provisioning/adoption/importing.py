"""The import: rows whose desired columns are what Azure shows. Nothing in Azure changes, unless tags are asked for."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F

from inventory.identifiers import azure_name, new_id
from inventory.models import Database, ElasticPool, ServiceInstance, SqlServer, Workspace
from inventory.states import Status
from operations import audit, clock
from operations.models import Priority
from operations.services import serialise, submit
from placement.snapshot import policy
from provisioning.adoption.preview import AdoptionWish, Entry, Verdict, as_spelt_here, preview
from provisioning.adoption.rules import auth_mode_of, size_of
from provisioning.drift.normal import sku_of
from provisioning.drift.pauses import pause
from provisioning.errors import WishRefused
from rotation.models import ServerAdministrator

NOT_BY_ITSELF = timedelta(days=365 * 100)  # the administrator's password is changed when somebody asks for it
ATTEMPTS = 3
PAUSED = "Adopted: compared, and put right only when an operator says so."


class AdoptedMeanwhile(WishRefused):
    """What was to be imported became somebody's between each look and its import."""

    code = "AdoptedMeanwhile"


def adopt(wish: AdoptionWish, *, actor: str, reason: str, tag: bool = False) -> list[Entry]:
    """Look once more and take all that can be taken; the answer says what became of each.

    Where somebody else was quicker it looks again. Raises as `preview`, and AdoptedMeanwhile.
    """
    wish = as_spelt_here(wish)
    for _ in range(ATTEMPTS):
        entries = preview(wish)
        try:
            with transaction.atomic():
                serialise("adoption")
                rows = [row for entry in entries if (row := _take(wish, entry, actor=actor, reason=reason)) is not None]
                if tag:
                    _tag(rows, actor=actor, reason=reason)
        except IntegrityError:
            continue
        return entries
    raise AdoptedMeanwhile("Others import or create there at this moment; nothing was imported. Ask again.")


def _take(wish: AdoptionWish, entry: Entry, *, actor: str, reason: str) -> SqlServer | ElasticPool | Database | None:
    if entry.verdict is not Verdict.IMPORT:
        return None
    made: SqlServer | ElasticPool | Database
    if entry.kind == "server":
        made = _server(wish, entry)
        pause(made.key, actor=actor, reason=PAUSED)
    elif entry.kind == "pool":
        made = _pool(wish, entry)
    else:
        made = _database(wish, entry)
    workspace = wish.claims[entry.name].workspace if entry.kind == "database" else ""
    audit.record(
        "resource.adopted",
        actor=actor,
        target=made.key,
        workspace=workspace,
        after={"kind": entry.kind, "server": entry.server, "name": entry.name},
        reason=reason,
    )
    return made


def _server(wish: AdoptionWish, entry: Entry) -> SqlServer:
    """Closed to placement until somebody opens it; its administrator's password is nobody's here until it is rotated."""
    row_id, seen = new_id(), entry.seen
    row = SqlServer.objects.create(
        id=row_id,
        subscription_id=wish.subscription_id,
        region_id=seen.region,
        resource_group=wish.resource_group,
        azure_name=seen.name,
        administrator_login=seen.administrator_login,
        admin_secret_name=f"{azure_name('s', row_id)}-admin",
        auth_mode=auth_mode_of(seen),
        status=Status.READY,
        is_cordoned=True,
        observed_state=seen.state,
        observed_endpoint=seen.endpoint,
        observed_minimal_tls=seen.minimal_tls_version or "",
        observed_public_access=seen.public_network_access or "",
    )
    ServerAdministrator.objects.create(server=row, rotate_after=clock.now() + NOT_BY_ITSELF)
    return row


def _pool(wish: AdoptionWish, entry: Entry) -> ElasticPool:
    seen, size = entry.seen, size_of(entry.seen)
    assert size is not None, "the rules ask for it"
    server = _server_row(wish, entry)
    SqlServer.objects.filter(pk=server.pk).update(vcores_committed=F("vcores_committed") + size.vcores)
    return ElasticPool.objects.create(
        server=server,
        azure_name=seen.name,
        sku_name=size.sku_name,
        service_tier=size.service_tier,
        family=size.family,
        vcores=size.vcores,
        max_size_bytes=seen.max_size_bytes,
        max_databases=size.max_databases,
        per_database_min_vcores=seen.per_database_min_vcores,
        per_database_max_vcores=seen.per_database_max_vcores,
        is_zone_redundant=seen.zone_redundant,
        status=Status.READY,
        is_cordoned=True,
    )


def _database(wish: AdoptionWish, entry: Entry) -> Database:
    """It holds its room, belongs to its service, and has no credential of ours yet."""
    seen, server = entry.seen, _server_row(wish, entry)
    pool = ElasticPool.objects.filter(server=server, azure_name=seen.pool_name).first() if seen.pool_name else None
    service, sku = _service(wish, entry), sku_of(entry.seen.sku)
    size = seen.max_size_bytes or _hyperscale_bytes()
    demanded = policy().expected_vcores(service_kind=service.kind, storage_bytes=size)
    row = Database.objects.create(
        service=service,
        region_id=server.region_id,
        service_tier=Database.Tier.GENERAL_PURPOSE if pool else Database.Tier.HYPERSCALE,
        sku_name="" if pool else sku.name,
        vcores=None if pool else sku.capacity,
        size_bytes=size,
        retention_days=entry.retention_days or 7,
        backup_redundancy=seen.backup_redundancy or "Geo",
        azure_name=seen.name,
        server=server,
        pool=pool,
        holds_room=True,
        vcores_demanded=demanded,
        placement={"reason": "It stood here when it was adopted."},
        status=Status.READY,
        ready_at=clock.now(),
        observed_status=seen.status,
        observed_arm_id=seen.arm_id,
        observed_pool_name=seen.pool_name or "",
        observed_sku_name=seen.sku.name,
        observed_max_size_bytes=seen.max_size_bytes,
        observed_tags=dict(seen.tags),
    )
    _count(row)
    return row


def _count(row: Database) -> None:
    """The counters of its pool and server; the database's own constraints refuse what cannot be."""
    if row.pool_id is not None:
        ElasticPool.objects.filter(pk=row.pool_id).update(
            databases_committed=F("databases_committed") + 1,
            bytes_committed=F("bytes_committed") + row.size_bytes,
            vcores_demanded=F("vcores_demanded") + row.vcores_demanded,
        )
    assert row.server_id is not None, "it stands on one"
    SqlServer.objects.filter(pk=row.server_id).update(
        databases_committed=F("databases_committed") + 1,
        vcores_committed=F("vcores_committed") + (0 if row.pool_id else row.vcores or 0),
    )


def _service(wish: AdoptionWish, entry: Entry) -> ServiceInstance:
    claim = wish.claims[entry.name]
    workspace = Workspace.objects.get(name=claim.workspace, deleted_at__isnull=True)
    return ServiceInstance.objects.create(workspace=workspace, name=claim.service, kind=claim.kind)


def _hyperscale_bytes() -> int:
    """A Hyperscale database has no limit of its own: it may grow to the largest that is planned here."""
    return policy().limits.hyperscale_bytes


def _server_row(wish: AdoptionWish, entry: Entry) -> SqlServer:
    return SqlServer.objects.get(azure_name=entry.server, subscription_id=wish.subscription_id)


def _tag(rows: Sequence[Any], *, actor: str, reason: str) -> None:
    """Our tags, and nothing else, by the operations that put tags back."""
    for row in rows:
        workspace = row.service.workspace.name if isinstance(row, Database) and row.service else ""
        wish = {"attributes": ["tags"], "reason": reason}
        kind = f"repair_{row.key.partition(':')[0]}"
        submit(kind, target=row.key, actor=actor, workspace=workspace, wish=wish, priority=Priority.REPAIR)
