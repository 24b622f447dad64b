"""What ARM knows, as the SQL side asks it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from ipaddress import IPv4Address

from simulator.arm.arm import Arm
from simulator.arm.replication import primary_of
from simulator.arm.resources import Resource
from simulator.arm.server_load import databases_named
from simulator.arm.servers import server_by_name
from simulator.arm.storage import stored_bytes_of
from simulator.clock import Clock
from simulator.entra import TokenRefused
from simulator.faults import Faults
from simulator.store import Document, Store
from simulator.tds.directory import Admission, EntraIdentity, LogicalServer, SqlDatabase
from simulator.tds.passwords import password_matches
from simulator.tds.sessions import Sessions

AUDIENCE = "https://database.windows.net"
ONLINE = frozenset({"Online", "Scaling"})
IN_MEMORY = frozenset({"Premium", "BusinessCritical"})


class SqlDirectory:
    """Implements simulator.tds.directory.Directory over the resources of ARM.

    What is due is settled before each look, as before each request. A fault rule for service `sql` (method LOGIN, path
    `server/database`) makes a database unavailable for that sign-in.
    """

    def __init__(self, arm: Arm, faults: Faults, *, enforce_firewall: bool = False) -> None:
        self._arm = arm
        self._faults = faults
        self._enforce_firewall = enforce_firewall
        self._sessions = Sessions()

    @property
    def store(self) -> Store:
        return self._arm.store

    @property
    def clock(self) -> Clock:
        return self._arm.clock

    @property
    def sessions(self) -> Sessions:
        return self._sessions

    def server(self, name: str) -> LogicalServer | None:
        found = self._resource(name)
        return _logical(found) if found else None

    def servers_with_database(self, database: str) -> Sequence[LogicalServer]:
        self._arm.operations.settle()
        resources = self._arm.resources
        owners = resources.children(databases_named(database), "databases")
        leading = [owner for owner in owners if primary_of(resources, owner) is None]
        servers = [resources.get(owner.key.rsplit("/databases/", 1)[0]) for owner in leading or owners]
        return [_logical(server) for server in servers if server is not None and server.inner["visible"]]

    def database(self, server: LogicalServer, name: str) -> SqlDatabase | None:
        holder = self._resource(server.name)
        found = self._arm.resources.get(f"{holder.key}/databases/{name}") if holder else None
        if found is None:
            return None
        struck = self._faults.take("sql", "LOGIN", f"{server.name}/{found.name}") is not None
        switching = bool(found.inner.get("unavailable"))
        locked_out = switching or struck or bool(found.inner.get("key_denied"))
        online = found.properties["status"] in ONLINE and not locked_out
        primary = primary_of(self._arm.resources, found)
        shows = str(primary.properties["databaseId"]) if primary else ""
        in_memory = found.body["sku"]["tier"] in IN_MEMORY
        return SqlDatabase(found.properties["databaseId"], found.name, online, shows, found.key, in_memory)

    def data_bytes(self, database: SqlDatabase) -> int:
        found = self._arm.resources.get(database.key)
        return stored_bytes_of(self._arm, found, self._arm.clock.now()) if found else 0

    def is_administrator(self, server: LogicalServer, login: str, password: str) -> bool:
        found = self._resource(server.name)
        if found is None or found.inner["password"] is None:
            return False
        named = self.administrator_login(server).lower() == login.lower()
        return password_matches(password, found.inner["password"]) and named

    def administrator_login(self, server: LogicalServer) -> str:
        found = self._resource(server.name)
        return str(found.properties.get("administratorLogin", "")) if found else ""

    def admission(self, server: LogicalServer, client_address: str) -> Admission:
        """Everyone, unless `enforce_firewall`: then firewall rules count where public access is on.

        Where it is off, a client on loopback passes as one that came through a private endpoint.
        """
        found = self._resource(server.name)
        if not self._enforce_firewall or found is None:
            return Admission.OPEN
        if found.properties["publicNetworkAccess"] != "Enabled":
            return Admission.OPEN if IPv4Address(client_address).is_loopback else Admission.PUBLIC_ACCESS_OFF
        rules = self._arm.resources.children(found.key, "firewallRules")
        return Admission.OPEN if _allowed(rules, client_address) else Admission.FIREWALL_REFUSES

    def entra_identity(self, token: str) -> EntraIdentity | None:
        """Whom a token for https://database.windows.net stands for."""
        try:
            claims = self._arm.entra.verify(token, AUDIENCE)
        except TokenRefused:
            return None
        app = self._arm.entra.app(str(claims.get("appid", "")))
        return _identity(app) if app else None

    def entra_identity_named(self, name: str) -> EntraIdentity | None:
        wanted = name.casefold()
        return next((one for one in self._identities() if one.name.casefold() == wanted), None)

    def entra_identity_of(self, object_id: str) -> EntraIdentity | None:
        wanted = object_id.lower()
        return next((one for one in self._identities() if one.object_id.lower() == wanted), None)

    def is_entra_administrator(self, server: LogicalServer, identity: EntraIdentity) -> bool:
        """An application is known by its client id; any other kind by the object id, its own or that of a group it is in."""
        found = self._resource(server.name)
        administrator = (found.properties.get("administrators") or {}) if found else {}
        sid = str(administrator.get("sid", "")).lower()
        if administrator.get("principalType") == "Application":
            return sid == identity.client_id.lower()
        return sid in {identity.object_id.lower(), *self._arm.entra.groups_of(identity.object_id)}

    def _identities(self) -> Iterator[EntraIdentity]:
        """Applications first, then managed identities."""
        yield from map(_identity, self._arm.entra.apps())
        for one in self._arm.resources:
            if one.type == "userAssignedIdentities":
                yield EntraIdentity(one.properties["principalId"], one.properties["clientId"], one.name)

    def _resource(self, name: str) -> Resource | None:
        self._arm.operations.settle()
        found = server_by_name(self._arm.resources, name)
        return found if found and found.inner["visible"] else None


def _identity(app: Document) -> EntraIdentity:
    return EntraIdentity(app["object_id"], app["client_id"], app["name"])


def _logical(server: Resource) -> LogicalServer:
    administrators = server.properties.get("administrators") or {}
    return LogicalServer(server.name.lower(), bool(administrators.get("azureADOnlyAuthentication")))


def _allowed(rules: list[Resource], address: str) -> bool:
    """A range holds the address; 0.0.0.0 to 0.0.0.0 stands for Azure's own services, as which loopback counts."""
    ranges = [tuple(IPv4Address(rule.properties[end]) for end in ("startIpAddress", "endIpAddress")) for rule in rules]
    client = IPv4Address(address)
    azure = IPv4Address("0.0.0.0")  # noqa: S104 - a rule's value, not an address to listen on
    return any(first <= client <= last or first == last == azure for first, last in ranges)
