"""What cannot be adopted, and why: each rule is a code and a sentence. Our own rows are read, nothing is written."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field

from django.conf import settings

from cloud.protocols import ObservedDatabase, ObservedPool, ObservedServer
from inventory.models import Database, ElasticPool, Region, ServiceInstance, SqlServer, Workspace
from inventory.models.workspace import NAME_PATTERN
from inventory.states import Status
from placement.engine.catalogue import PoolSize, sizes_of
from provisioning.drift.normal import sku_of

GENERAL_PURPOSE, HYPERSCALE = "GeneralPurpose", "Hyperscale"
MOST_SERVER_VCORES = 540  # Azure's quota a server (limits of logical servers, 08/30/2023)


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a resource cannot become ours; `code` is stable."""

    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Claim:
    """Whose an existing database is to be: a service by its name, of a kind, in a workspace."""

    workspace: str
    service: str
    kind: str


@dataclass
class Room:
    """What the pools of a server that are ours, or become ours, may still be promised (bytes, databases)."""

    free_bytes: dict[str, int] = field(default_factory=dict)
    free_slots: dict[str, int] = field(default_factory=dict)

    def take(self, pool: str, size: int) -> None:
        self.free_bytes[pool] -= size
        self.free_slots[pool] -= 1


def server_refusals(seen: ObservedServer) -> Iterator[Refusal]:
    """A server of an unknown region, of somebody else, or not ready; a name that was ours once is never ours again."""
    owner = seen.tags.get("deployment", settings.DEPLOYMENT)
    if owner != settings.DEPLOYMENT:
        yield Refusal("BelongsToAnother", f"It carries the tag of the deployment {owner}.")
    if SqlServer.objects.filter(azure_name=seen.name).exists():
        yield Refusal("NameTaken", "A server of this name stood here before, or stands in another resource group.")
    if not Region.objects.filter(name=seen.region).exists():
        yield Refusal("UnknownRegion", f"The region {seen.region} is not known here.")
    if seen.state != "Ready":
        yield Refusal("NotReady", f"Azure says {seen.state}.")


def pool_refusals(seen: ObservedPool) -> Iterator[Refusal]:
    """Only General Purpose pools by vCores are managed here, of sizes that the table of limits has."""
    size = size_of(seen)
    if size is None:
        yield Refusal(
            "UnknownTier", f"{seen.sku.name} {seen.sku.tier}: only General Purpose by vCores is managed here."
        )
    elif not seen.max_size_bytes or seen.max_size_bytes > size.max_storage_bytes:
        yield Refusal("UnknownSize", "Its storage limit is not one that this size may have.")
    if seen.state != "Ready":
        yield Refusal("NotReady", f"Azure says {seen.state}.")
    if None in (seen.per_database_min_vcores, seen.per_database_max_vcores):
        yield Refusal("UnknownLimits", "Azure does not tell the limits of its databases.")


def database_refusals(
    seen: ObservedDatabase, server: ObservedServer, room: Room, claim: Claim | None
) -> Iterator[Refusal]:
    """A name that is taken, a tier that is not managed here, no room by our own counting, nobody whose it would be."""
    if Database.objects.filter(azure_name=seen.name).exists():
        yield Refusal("NameTaken", "A database of this name is known on another server, or was before.")
    if seen.status != "Online":
        yield Refusal("NotOnline", f"Azure says {seen.status}.")
    yield from _place_refusals(seen, room)
    if claim is None:
        yield Refusal("NoService", "Say which service of which workspace it belongs to.")
    else:
        yield from _claim_refusals(claim, server)


def size_of(seen: ObservedPool) -> PoolSize | None:
    sku = sku_of(seen.sku)
    sizes = sizes_of(GENERAL_PURPOSE, sku.family or "") if sku.tier == GENERAL_PURPOSE else ()
    return next((size for size in sizes if size.vcores == sku.capacity and size.sku_name == sku.name), None)


def _place_refusals(seen: ObservedDatabase, room: Room) -> Iterator[Refusal]:
    tier = seen.sku.tier
    if seen.pool_name is None:
        if tier != HYPERSCALE:
            yield Refusal("UnknownTier", f"A single database of tier {tier}: only Hyperscale is managed here.")
        elif not sku_of(seen.sku).capacity:
            yield Refusal("UnknownSize", "Azure does not tell its vCores.")
        return
    if seen.pool_name not in room.free_bytes:
        yield Refusal("PoolRefused", f"Its pool {seen.pool_name} cannot be adopted.")
    elif not seen.max_size_bytes or seen.max_size_bytes > room.free_bytes[seen.pool_name]:
        yield Refusal(
            "PoolOvercommitted", "Its limit and those of its neighbours are more than the pool holds: lower them."
        )
    elif room.free_slots[seen.pool_name] < 1:
        yield Refusal("PoolFull", "The pool has as many databases as its size may have.")


def _claim_refusals(claim: Claim, server: ObservedServer) -> Iterator[Refusal]:
    workspace = Workspace.objects.filter(name=claim.workspace, deleted_at__isnull=True).first()
    if workspace is None:
        yield Refusal("UnknownWorkspace", f"There is no workspace {claim.workspace}.")
        return
    if workspace.region_id != server.region:
        yield Refusal("AnotherRegion", f"The workspace's data stay in {workspace.region_id}.")
    if workspace.auth_mode != auth_mode_of(server):
        yield Refusal("AnotherAuthMode", f"The workspace signs in by {workspace.auth_mode}, the server does not.")
    if claim.kind not in ServiceInstance.Kind.values:
        yield Refusal("UnsupportedServiceKind", f"A service of kind {claim.kind} keeps no data in Azure SQL.")
    if not re.fullmatch(NAME_PATTERN, claim.service):
        yield Refusal("InvalidServiceName", f"A service's name matches {NAME_PATTERN}.")
    taken = ServiceInstance.objects.filter(workspace=workspace, name=claim.service, deleted_at__isnull=True)
    if taken.exists():
        yield Refusal("ServiceNameTaken", f"The workspace has a service {claim.service}.")


def auth_mode_of(server: ObservedServer) -> str:
    return "entra_only" if server.entra_only else "sql"


def claimed_twice(claims: Mapping[str, Claim]) -> Collection[str]:
    """Names of databases whose claim another one has as well."""
    wanted: dict[tuple[str, str], list[str]] = {}
    for name, claim in claims.items():
        wanted.setdefault((claim.workspace, claim.service), []).append(name)
    return {name for names in wanted.values() if len(names) > 1 for name in names}


def room_in(rows: Collection[ElasticPool]) -> Room:
    """Of pools that are ours already."""
    room = Room()
    for row in rows:
        if row.status != Status.DELETED:
            room.free_bytes[row.azure_name] = row.max_size_bytes - row.bytes_committed
            room.free_slots[row.azure_name] = row.max_databases - row.databases_committed
    return room
