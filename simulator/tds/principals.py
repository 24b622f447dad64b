"""The principals of one database: contained users, roles, and who is in which."""

from __future__ import annotations

import secrets
import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace

from simulator.clock import Clock
from simulator.tds.directory import PRINCIPALS
from simulator.tds.errors import SqlError
from simulator.tds.overlay import Overlay

FIRST_FREE_ID = 5
BUILT_IN_SINCE = 1049793019.0  # 2003-04-08, the date that every SQL Server shows for them
USER, EXTERNAL_USER, ROLE = "S", "E", "R"


@dataclass(frozen=True, slots=True)
class Principal:
    """A row of sys.database_principals. `password` is a hash; `roles` are those it is a direct member of, by name."""

    name: str
    type: str
    id: int
    sid: str = ""
    created_at: float = BUILT_IN_SINCE
    modified_at: float = BUILT_IN_SINCE
    default_schema: str | None = None
    password: str | None = None
    roles: tuple[str, ...] = ()
    owner_id: int = 1

    @property
    def is_user(self) -> bool:
        return self.type != ROLE

    @property
    def built_in(self) -> bool:
        return self.id < FIRST_FREE_ID or self.id >= 16384


FIXED_ROLE_NAMES = (
    "db_owner", "db_accessadmin", "db_securityadmin", "db_ddladmin", "db_backupoperator", "db_datareader",
    "db_datawriter", "db_denydatareader", "db_denydatawriter",
)  # fmt: skip
FIXED_ROLES = tuple(
    Principal(name, ROLE, 16384 + number)
    for number, name in zip((0, 1, 2, 3, 5, 6, 7, 8, 9), FIXED_ROLE_NAMES, strict=True)
)
PUBLIC = Principal("public", ROLE, 0)
DBO = Principal("dbo", USER, 1, sid="01", default_schema="dbo", roles=("db_owner",))
BUILT_IN = (
    PUBLIC,
    DBO,
    Principal("guest", USER, 2, sid="00", default_schema="guest"),
    Principal("INFORMATION_SCHEMA", USER, 3),
    Principal("sys", USER, 4),
    *FIXED_ROLES,
)
BUILT_IN_BY_NAME = {principal.name.casefold(): principal for principal in BUILT_IN}


def entra_sid(client_id: str) -> str:
    """The sid of an application's or managed identity's user: the bytes of its client id, as Azure SQL stores them."""
    return uuid.UUID(client_id).bytes_le.hex()


class Principals:
    """Names compare without regard to case. dbo and the fixed roles are always there; the rest lives in the store."""

    def __init__(self, overlay: Overlay, database_id: str, clock: Clock) -> None:
        self._overlay = overlay
        self._prefix = f"{database_id}/"
        self._clock = clock

    def find(self, name: str) -> Principal | None:
        key = name.casefold()
        if key in BUILT_IN_BY_NAME:
            return BUILT_IN_BY_NAME[key]
        document = self._overlay.get(PRINCIPALS, self._prefix + key)
        return _read(document) if document else None

    def by_sid(self, sid: str) -> Principal | None:
        return next((principal for principal in self.stored() if principal.sid == sid), None)

    def stored(self) -> Iterator[Principal]:
        return (_read(document) for _, document in self._overlay.items(PRINCIPALS, self._prefix))

    def all(self) -> Iterator[Principal]:
        yield from BUILT_IN
        yield from self.stored()

    def add(self, principal: Principal) -> Principal:
        """Give it an id, a sid and times. Error 15023 when the name is taken."""
        if self.find(principal.name):
            raise _already_there(principal.name)
        now = self._clock.now()
        taken = [other.id for other in self.stored()]
        sid = principal.sid or secrets.token_hex(28 if principal.is_user else 16)
        added = replace(
            principal, id=max(taken, default=FIRST_FREE_ID - 1) + 1, sid=sid, created_at=now, modified_at=now
        )
        self._put(added)
        return added

    def change(self, principal: Principal, changed: Principal) -> None:
        """Store a new state, perhaps under a new name. Error 15023 when that is taken."""
        renamed = changed.name.casefold() != principal.name.casefold()
        if renamed and self.find(changed.name):
            raise _already_there(changed.name)
        self._put(replace(changed, modified_at=self._clock.now()))
        if renamed:
            self.remove(principal)

    def remove(self, principal: Principal) -> None:
        self._overlay.delete(PRINCIPALS, self._prefix + principal.name.casefold())

    def members(self, role: Principal) -> Iterator[Principal]:
        """Direct members; dbo is a member of db_owner."""
        return (principal for principal in self.all() if role.name in principal.roles)

    def roles_of(self, principal: Principal) -> frozenset[str]:
        """Every role it is in, directly or through another, and public; in small letters."""
        found: set[str] = {PUBLIC.name}
        waiting = list(principal.roles)
        while waiting:
            name = waiting.pop()
            role = self.find(name)
            if role and name not in found:
                found.add(name)
                waiting.extend(role.roles)
        return frozenset(name.casefold() for name in found)

    def _put(self, principal: Principal) -> None:
        self._overlay.put(PRINCIPALS, self._prefix + principal.name.casefold(), asdict(principal))


def _already_there(name: str) -> SqlError:
    return SqlError(15023, 16, 1, f"User, group, or role '{name}' already exists in the current database.")


def _read(document: dict[str, object]) -> Principal:
    return Principal(**{**document, "roles": tuple(document["roles"])})  # type: ignore[arg-type]  # our own asdict
