"""Is what we say true? Every check compares our inventory with the simulator's own books, or signs in for real."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from django.conf import settings
from django.db import connection

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import LoginSpec
from cloud.secrets import Secret
from controlplane.demo.check import Check
from controlplane.demo.inventories import inventory_checks
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from rotation.names import stable_secret_of

SIGN_INS_AT_ONCE = 4
SHARED_AT_LEAST = 30


def all_checks(state: dict[str, Any]) -> Iterator[Check]:
    """Every promise, against the parts `resources`, `users`, `secrets` and `effects` of the simulator's state."""
    azure = _Books(state)
    ready = list(Database.objects.filter(status=Status.READY).select_related("server", "pool", "service__workspace"))
    gone = list(Database.objects.filter(status=Status.DELETED, ready_at__isnull=False))  # what never was leaves nothing
    for check in (_exactly_once, _where_planned, _tagged, _pools_shared):
        yield check(azure, ready)
    yield _gone(azure, gone)
    yield _nothing_else(azure, ready)
    yield from inventory_checks(state)
    yield _created_once(azure)
    yield _secrets_of_the_gone(azure, gone)
    yield _counters_recounted()
    yield _sign_ins(ready)


class _Books:
    """The simulator's state, by kind."""

    def __init__(self, state: dict[str, Any]) -> None:
        self.of_kind: dict[str, list[dict[str, Any]]] = {"servers": [], "elasticPools": [], "databases": []}
        for resource in state["resources"]:
            kind = resource["type"].rsplit("/", 1)[-1]
            if kind in self.of_kind and resource["name"] != "master":
                self.of_kind[kind].append(resource)
        self.databases = {resource["name"]: resource for resource in self.of_kind["databases"]}
        self.secrets = {secret["name"]: secret for secret in state["secrets"]}
        self.effects = state["effects"]


def _exactly_once(azure: _Books, ready: list[Database]) -> Check:
    counts = Counter(resource["name"] for resource in azure.of_kind["databases"])
    faults = [f"{d.azure_name} exists {counts[d.azure_name]} times" for d in ready if counts[d.azure_name] != 1]
    return Check("Every ready database exists exactly once.", faults, f"{len(ready)} databases")


def _where_planned(azure: _Books, ready: list[Database]) -> Check:
    faults = []
    for database in ready:
        found = azure.databases.get(database.azure_name, {})
        server = str(found.get("id", "")).split("/databases/")[0].rsplit("/", 1)[-1]
        pool = str(found.get("properties", {}).get("elasticPoolId") or "").rsplit("/", 1)[-1].lower()
        planned = database.pool.azure_name if database.pool else ""
        if (server, pool) != (str(database.server), planned):
            faults.append(f"{database.azure_name} is in {server}/{pool}, planned {database.server}/{planned}")
    return Check("Each is where it was planned.", faults)


def _tagged(azure: _Books, ready: list[Database]) -> Check:
    faults = []
    for database in ready:
        tags = azure.databases.get(database.azure_name, {}).get("tags") or {}
        service = database.service
        expected = {
            "deployment": settings.DEPLOYMENT,
            "database": str(database.pk),
            "service": str(service.pk) if service else None,  # of a stock: nobody's yet
            "workspace": str(service.workspace_id) if service else None,
        }
        faults += [f"{database.azure_name}: tag {k} is {tags.get(k)}" for k, v in expected.items() if tags.get(k) != v]
        faults += [] if tags.get("operation") else [f"{database.azure_name}: no tag operation"]
    return Check("Each carries its tags.", faults)


def _pools_shared(azure: _Books, ready: list[Database]) -> Check:
    counts = Counter(database.pool_id for database in ready if database.pool_id)
    sharing = sum(count for count in counts.values() if count > 1)
    faults = [] if sharing >= SHARED_AT_LEAST else [f"only {sharing} databases share a pool"]
    return Check(f"At least {SHARED_AT_LEAST} databases share pools.", faults, f"{sharing} in {len(counts)} pools")


def _gone(azure: _Books, gone: list[Database]) -> Check:
    faults = [f"{d.azure_name} still exists" for d in gone if d.azure_name in azure.databases]
    faults += [f"{d.azure_name} has no restore point noted" for d in gone if d.restorable_until is None]
    faults += [] if gone else ["nothing was deleted"]
    return Check("What was deleted is gone, its restore point noted.", faults, f"{len(gone)} deleted")


def _nothing_else(azure: _Books, ready: list[Database]) -> Check:
    ours = {
        "servers": {row.azure_name for row in SqlServer.objects.filter(status=Status.READY)},
        "elasticPools": {row.azure_name for row in ElasticPool.objects.filter(status=Status.READY)},
        "databases": {row.azure_name for row in ready},
    }
    faults = [
        f"{kind}: {name}" for kind, found in azure.of_kind.items() for name in {r["name"] for r in found} ^ ours[kind]
    ]
    seen = ", ".join(f"{len(names)} {kind}" for kind, names in ours.items())
    return Check("No other server, pool or database exists, and none is missing.", faults, seen)


def _created_once(azure: _Books) -> Check:
    creations = Counter(e["id"].lower() for e in azure.effects if str(e["operation"]).startswith("CreateLogical"))
    faults = [f"{name} was created {count} times" for name, count in creations.items() if count > 1]
    return Check("Azure was asked to create each resource once.", faults, f"{len(creations)} creations")


def _secrets_of_the_gone(azure: _Books, gone: list[Database]) -> Check:
    faults = [
        f"{name} has an enabled version"
        for database in gone
        for name, secret in azure.secrets.items()
        if name.startswith(stable_secret_of(database))
        and any(version["attributes"]["enabled"] for version in secret["versions"])
    ]
    return Check("Secrets of deleted databases are disabled.", faults)


def _counters_recounted() -> Check:
    faults = []
    for pool in ElasticPool.objects.all():
        held = list(pool.databases.filter(holds_room=True))
        counted = (len(held), sum(database.size_bytes for database in held))
        if counted != (pool.databases_committed, pool.bytes_committed):
            faults.append(f"{pool}: counters differ from a recount")
    return Check("The pools' counters equal a recount.", faults)


def _sign_ins(ready: list[Database]) -> Check:
    with ThreadPoolExecutor(SIGN_INS_AT_ONCE) as threads:
        faults = [fault for fault in threads.map(_closing(_sign_in), ready) if fault]
    return Check("The published secret of each signs in over TDS.", faults, f"{len(ready) - len(faults)} sign-ins")


def _sign_in(database: Database) -> str:
    """Empty, or why a consumer could not use its secret."""
    try:
        found = factory.secret_store().get(stable_secret_of(database))
        if found is None:
            return f"{database.azure_name}: no secret is published"
        secret = json.loads(found[0].reveal())
        login = LoginSpec(secret["endpoint"], secret["database"], secret["user"], Secret(secret["password"]))
        factory.sql_logins().verify(login)
    except CloudError as error:
        return f"{database.azure_name}: {error.code}"
    return ""


def _closing(function: Callable[[Database], str]) -> Callable[[Database], str]:
    """A thread's own connection to PostgreSQL is closed with its work."""

    def run(database: Database) -> str:
        try:
            return function(database)
        finally:
            connection.close()

    return run
