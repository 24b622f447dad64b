"""What the rest of the product may ask of Azure, and the frozen values exchanged.

A read that finds nothing answers None; anything else that goes wrong raises a class of `cloud.errors`: "unknown"
is never taken for "absent". No call polls or sleeps: `begin_…` sends one request and returns what to look at later.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from cloud.changes import SqlChanges
from cloud.contents import SqlContents
from cloud.identities import EntraPrincipal, EntraUser, OwnIdentity
from cloud.keys import OwnKey, SqlKeys
from cloud.links import SqlLinks
from cloud.polls import Poll
from cloud.running import SqlRuns
from cloud.secrets import Secret


class CallClass(StrEnum):
    """Who asks, most urgent first; throttling state is kept by (subscription, class)."""

    USER = "user"
    ROTATION = "rotation"
    REPAIR = "repair"
    REBALANCING = "rebalancing"
    SAMPLING = "sampling"


@dataclass(frozen=True, slots=True)
class ServerRef:
    """Where a logical server is. Names compare without regard to case; keep them in lower case."""

    subscription_id: str
    resource_group: str
    name: str


@dataclass(frozen=True, slots=True)
class Sku:
    """Azure's own size words, e.g. GP_Gen5 / GeneralPurpose / Gen5 / 8 (vCores)."""

    name: str
    tier: str
    family: str | None = None
    capacity: int | None = None


@dataclass(frozen=True, slots=True)
class ServerSpec:
    """Everything that a company policy may demand stands in the create call itself.

    `identity_id`: ARM id of the user-assigned identity by which the server looks principals up in the directory.
    """

    region: str
    administrator_login: str
    minimal_tls_version: str
    public_network_access: bool
    entra_only: bool
    entra_admin_login: str | None = None
    entra_admin_object_id: str | None = None
    entra_tenant_id: str | None = None
    identity_id: str | None = None
    tags: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PoolSpec:
    region: str
    sku: Sku
    max_size_bytes: int | None
    per_database_min_vcores: float
    per_database_max_vcores: float
    zone_redundant: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)


class Origin(StrEnum):
    """Azure's createMode of a database that is made from another's backups, always on the same server."""

    MOMENT = "PointInTimeRestore"
    DROPPED = "Restore"


@dataclass(frozen=True, slots=True)
class Restore:
    """What a database is made from: `source_id` is the ARM id of a live database (MOMENT needs `moment`), or of a dropped
    one (without `moment`: as it was when it was dropped)."""

    origin: Origin
    source_id: str
    moment: datetime | None = None


@dataclass(frozen=True, slots=True)
class DatabaseSpec:
    """A pooled database has `pool_name` and no sku; a single one a sku and no pool. Hyperscale takes no max size.

    With `restore` it is made from backups; users and data come with them, tags and retention do not. With `secondary_of`,
    the ARM id of a database on another server, it becomes that one's readable secondary, by a link that stays.
    """

    region: str
    pool_name: str | None = None
    sku: Sku | None = None
    max_size_bytes: int | None = None
    backup_redundancy: str = "Geo"
    zone_redundant: bool = False
    tags: Mapping[str, str] = field(default_factory=dict)
    restore: Restore | None = None
    secondary_of: str | None = None
    key: OwnKey | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """Azure took the request. `poll_url` is opaque, may exceed 3 kB, and is a hint: the resource is the truth.

    `poll_url` is None when the call was finished at once. `retry_after` is seconds.
    """

    poll_url: str | None
    retry_after: float | None = None
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class ObservedServer:
    name: str
    arm_id: str
    region: str
    state: str
    endpoint: str
    minimal_tls_version: str | None
    public_network_access: str | None
    tags: Mapping[str, str]
    administrator_login: str = ""
    entra_only: bool = False


@dataclass(frozen=True, slots=True)
class ObservedPool:
    name: str
    arm_id: str
    state: str
    sku: Sku
    max_size_bytes: int | None
    per_database_min_vcores: float | None
    per_database_max_vcores: float | None
    zone_redundant: bool
    tags: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ObservedDatabase:
    """`pool_name` is elasticPoolId's, in lower case. `objective` differs from `requested_objective` while scaling."""

    name: str
    arm_id: str
    status: str
    sku: Sku
    pool_name: str | None
    max_size_bytes: int | None
    objective: str
    requested_objective: str
    backup_redundancy: str | None
    zone_redundant: bool
    tags: Mapping[str, str]
    earliest_restore_at: datetime | None = None
    requested_backup_redundancy: str | None = None
    key: OwnKey | None = None


@dataclass(frozen=True, slots=True)
class DroppedDatabase:
    """One that Azure can still bring back. `earliest_restore_at` None: it went before its first backup, for good."""

    name: str
    arm_id: str
    dropped_at: datetime
    earliest_restore_at: datetime | None


class SqlManagement(SqlChanges, SqlKeys, SqlLinks, SqlRuns, Protocol):
    """Azure Resource Manager, Microsoft.Sql and resource groups. `call_class` names who asks."""

    def ensure_resource_group(self, subscription_id: str, name: str, region: str, tags: Mapping[str, str]) -> None: ...

    def get_server(self, server: ServerRef) -> ObservedServer | None: ...
    def begin_create_server(self, server: ServerRef, spec: ServerSpec, password: Secret | None) -> Accepted:
        """Without a password where only Entra may sign in."""
        ...

    def begin_delete_server(self, server: ServerRef) -> Accepted: ...
    def begin_set_administrator_password(self, server: ServerRef, password: Secret) -> Accepted:
        """New sign-ins need it once Azure has applied it; open sessions stay. Raises PasswordRejected."""
        ...

    def set_firewall_rule(self, server: ServerRef, name: str, first_ip: str, last_ip: str) -> None: ...
    def begin_enable_auditing(self, server: ServerRef) -> Accepted: ...
    def get_auditing_enabled(self, server: ServerRef) -> bool | None: ...

    def get_pool(self, server: ServerRef, name: str) -> ObservedPool | None: ...
    def list_pools(self, server: ServerRef) -> list[ObservedPool]: ...
    def begin_create_pool(self, server: ServerRef, name: str, spec: PoolSpec) -> Accepted: ...
    def begin_delete_pool(self, server: ServerRef, name: str) -> Accepted: ...

    def get_database(self, server: ServerRef, name: str) -> ObservedDatabase | None: ...
    def list_databases(self, server: ServerRef) -> list[ObservedDatabase]:
        """All pages, without `master`; raises rather than return a part."""
        ...

    def list_dropped_databases(self, server: ServerRef) -> list[DroppedDatabase]:
        """All that can still be restored; one that went just now may be missing for minutes (Microsoft's REST pages)."""
        ...

    def begin_create_database(self, server: ServerRef, name: str, spec: DatabaseSpec) -> Accepted: ...
    def begin_delete_database(self, server: ServerRef, name: str) -> Accepted: ...
    def get_retention_days(self, server: ServerRef, database: str) -> int | None: ...
    def begin_set_retention(self, server: ServerRef, database: str, days: int) -> Accepted: ...
    def get_tde_enabled(self, server: ServerRef, database: str) -> bool | None: ...
    def begin_enable_tde(self, server: ServerRef, database: str) -> Accepted: ...

    def poll(self, subscription_id: str, url: str) -> Poll:
        """Look once at a stored poll URL; it is followed only to the configured ARM host over https."""
        ...


@dataclass(frozen=True, slots=True)
class LoginSpec:
    """Where and as whom to sign in. `endpoint` is the server's DNS name."""

    endpoint: str
    database: str
    user: str
    password: Secret


class SqlLogins(SqlContents, Protocol):
    """Sign-ins and user management over TDS; one connection a call, closed before it returns. Repeating any of these
    is harmless. The order of errors to expect is in `cloud.errors`.
    """

    def verify(self, login: LoginSpec | OwnIdentity) -> None:
        """Sign in with a fresh connection and SELECT 1."""

    def find_entra_user(self, own: OwnIdentity, name: str) -> EntraUser | None:
        """The user of Entra of that name in this database (sys.database_principals, type E, or X for a group)."""

    def ensure_entra_user(self, own: OwnIdentity, principal: EntraPrincipal) -> None:
        """Create the contained user FROM EXTERNAL PROVIDER by object id, and give it the rights of a service.

        Raises Rejected (SqlPrincipalUnknown) where the directory does not know it under that name.
        """
        ...

    def ensure_user(self, admin: LoginSpec, user: str, password: Secret) -> None:
        """Create the contained user, or set its password where it exists, and give it the rights of a service:
        db_datareader, db_datawriter, db_ddladmin, EXECUTE on schema dbo. Never db_owner."""
        ...

    def drop_user(self, admin: LoginSpec, user: str) -> None: ...

    def sessions_of(self, admin: LoginSpec, user: str) -> Sequence[int]:
        """Ids of the user's open sessions in this database, from sys.dm_exec_sessions."""
        ...

    def end_session(self, admin: LoginSpec, session_id: int) -> None:
        """KILL one session; one that is gone is no error."""
