"""Changes of what stands in Azure, and the listings by which it is found. What a change leaves out stays as it is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from cloud.keys import OwnKey

if TYPE_CHECKING:
    from cloud.protocols import Accepted, ObservedServer, ServerRef, Sku


@dataclass(frozen=True, slots=True)
class DatabaseChange:
    """A PATCH of a database: into a pool of its server, to a sku of its own, another limit, backup storage or tags.

    Azure takes pool and sku together only with the sku "ElasticPool" (contract of 2021-11-01). `tags` replace all.
    `manual_cutover` holds a conversion to Hyperscale before its switch, for at most 24 hours; `perform_cutover`, alone,
    lets it go on (Microsoft, convert a database to Hyperscale, 2026).
    """

    pool_name: str | None = None
    sku: Sku | None = None
    max_size_bytes: int | None = None
    backup_redundancy: str | None = None
    zone_redundant: bool | None = None
    tags: Mapping[str, str] | None = None
    manual_cutover: bool | None = None
    perform_cutover: bool | None = None
    key: OwnKey | None = None


@dataclass(frozen=True, slots=True)
class PoolChange:
    """A PATCH of an elastic pool; the limits of its databases (vCores) go together. `tags` replace all."""

    sku: Sku | None = None
    max_size_bytes: int | None = None
    per_database_vcores: tuple[float, float] | None = None
    zone_redundant: bool | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class ServerChange:
    """A PATCH of a server's network settings and tags. `tags` replace all."""

    minimal_tls_version: str | None = None
    public_network_access: bool | None = None
    tags: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class FirewallRule:
    """Who may reach a server, as IPv4 addresses, both included; 0.0.0.0 alone lets everything inside Azure in."""

    name: str
    first_ip: str
    last_ip: str


class SqlChanges(Protocol):
    """The part of `SqlManagement` that changes what stands, and finds what nobody asked for."""

    def list_servers(self, subscription_id: str, resource_group: str) -> list[ObservedServer]:
        """All servers of the group; none where there is no such group. Raises rather than return a part."""
        ...

    def list_firewall_rules(self, server: ServerRef) -> list[FirewallRule]: ...
    def delete_firewall_rule(self, server: ServerRef, name: str) -> None:
        """One that is gone already is no error."""
        ...

    def begin_update_server(self, server: ServerRef, change: ServerChange) -> Accepted: ...
    def begin_update_pool(self, server: ServerRef, name: str, change: PoolChange) -> Accepted: ...
    def begin_update_database(self, server: ServerRef, name: str, change: DatabaseChange) -> Accepted: ...
