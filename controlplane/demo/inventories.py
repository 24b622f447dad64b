"""Does Azure hold what we know of, and nothing more? Addresses let in, users, secrets, backups, and kinds of resources."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import timedelta
from typing import Any

from django.conf import settings

from cloud import factory
from controlplane.demo.check import Check
from inventory.models import Database, SqlServer
from inventory.states import Status
from provisioning.targets import reference
from rotation.models import Credential
from rotation.names import secrets_of, staged_admin_secret_of

# Of each kind one of the checks says which ones there may be; the rest is told by name.
KNOWN_KINDS = frozenset({"servers", "elasticPools", "databases", "firewallRules", "restorableDroppedDatabases"})
OUR_FRAME = frozenset({"resourceGroups"})
DELETION_NOTED_WITHIN = timedelta(days=1)  # the local Azure lives faster than our clock


def inventory_checks(state: dict[str, Any]) -> Iterator[Check]:
    """Against the parts `resources`, `users` and `secrets` of the simulator's state, and Azure's own list of backups."""
    resources = state["resources"]
    yield _addresses(resources)
    yield _users(state["users"])
    yield _secrets(state["secrets"])
    yield _backups()
    yield _kinds(resources)


def _addresses(resources: Iterable[dict[str, Any]]) -> Check:
    """The firewall rules of each server are the configured ranges."""
    found = {
        (rule["id"].split("/")[8], rule["properties"]["startIpAddress"], rule["properties"]["endIpAddress"])
        for rule in resources
        if kind_of(rule) == "firewallRules"
    }
    servers = SqlServer.objects.filter(status=Status.READY)
    wanted = {(server.azure_name, first, last) for server in servers for first, last in settings.SQL_FIREWALL_RANGES}
    faults = [" ".join(one) for one in sorted(found ^ wanted)]
    return Check("Servers let in the configured addresses and no others.", faults, f"{len(found)} firewall rules")


def _users(users: dict[str, list[str]]) -> Check:
    """In each database there are the users of its credential."""
    found = {(place, name) for place, names in users.items() for name in names}
    rows = Credential.objects.filter(database__status=Status.READY).select_related("database__server")
    wanted = {(f"{row.database.server}/{row.database.azure_name}", row.user_name) for row in rows}
    faults = [" ".join(one) for one in sorted(found ^ wanted)]
    return Check("Databases have the users that we know and no others.", faults, f"{len(found)} users")


def _secrets(secrets: Iterable[dict[str, Any]]) -> Check:
    """Every name in the vault is one of ours, and every secret that we refer to is there."""
    found = {secret["name"] for secret in secrets}
    known, needed = _secret_names()
    faults = [f"{name} is nobody's" for name in sorted(found - known)]
    faults += [f"{name} is missing" for name in sorted(needed - found)]
    return Check("The vault holds the secrets that we know and no others.", faults, f"{len(found)} secrets")


def _secret_names() -> tuple[set[str], set[str]]:
    """Names that may be there, and those of them that must."""
    known: set[str] = set()
    for database in Database.objects.all():
        known |= set(secrets_of(database))
    servers = list(SqlServer.objects.exclude(admin_secret_name=""))
    known |= {name for server in servers for name in (server.admin_secret_name, staged_admin_secret_of(server))}
    active = Credential.objects.filter(status=Credential.Status.ACTIVE).exclude(stable_secret="")
    ready = {server.admin_secret_name for server in servers if server.status == Status.READY}
    return known, ready | set(active.values_list("stable_secret", flat=True))


def _backups() -> Check:
    """Azure lists what we noted as restorable, dropped when we noted it, and nothing else."""
    faults, count = [], 0
    for server in SqlServer.objects.filter(status=Status.READY).select_related("subscription"):
        noted = {row.azure_name: row for row in _restorable(server)}
        listed = {row.name: row for row in factory.sql_management().list_dropped_databases(reference(server))}
        count += len(listed)
        faults += [f"{server}: {name} is in one list only" for name in sorted(noted.keys() ^ listed.keys())]
        for name in noted.keys() & listed.keys():
            ends = listed[name].dropped_at + timedelta(days=noted[name].retention_days)
            until = noted[name].restorable_until
            if until is None or abs(until - ends) > DELETION_NOTED_WITHIN:
                faults.append(f"{name}: Azure keeps its backup until {ends:%F %T}, we noted {until}")
    return Check("Azure lists the backups that we noted and no others.", faults, f"{count} backups")


def _restorable(server: SqlServer) -> Iterable[Database]:
    return Database.objects.filter(server=server, status=Status.DELETED, restorable_until__isnull=False)


def _kinds(resources: Iterable[dict[str, Any]]) -> Check:
    """What is of another kind was not compared, so it must not be there."""
    counts: dict[str, int] = defaultdict(int)
    for resource in resources:
        counts[kind_of(resource)] += 1
    faults = [f"{count} {kind}" for kind, count in sorted(counts.items()) if kind not in KNOWN_KINDS | OUR_FRAME]
    return Check("There is no other kind of resource.", faults, ", ".join(sorted(counts)))


def kind_of(resource: dict[str, Any]) -> str:
    """The last part of a resource's type, e.g. firewallRules."""
    return str(resource["type"]).rsplit("/", 1)[-1]
