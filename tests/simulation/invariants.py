"""What must hold after every step of every run."""

from __future__ import annotations

from dataclasses import dataclass, field

from django.db import connection

TERMINAL = frozenset({"succeeded", "failed", "cancelled"})

NOW = """
SELECT
    (SELECT coalesce(json_agg(json_build_array(id, state, fence, target_key, follows_id, kind)), '[]')
     FROM operations_operation),
    (SELECT coalesce(json_agg(twice.operation_id), '[]') FROM (SELECT operation_id FROM operations_step_run
     WHERE finished_at IS NULL GROUP BY 1 HAVING count(*) > 1) twice),
    (SELECT coalesce(json_agg(json_build_array(p.azure_name, p.databases_committed, p.max_databases, p.bytes_committed,
        p.max_size_bytes, held.databases, held.bytes)), '[]')
     FROM inventory_elasticpool p, LATERAL (SELECT count(*) databases, coalesce(sum(size_bytes), 0) bytes
        FROM inventory_database d WHERE d.pool_id = p.id AND d.holds_room) held),
    (SELECT coalesce(json_agg(json_build_array(s.azure_name, s.databases_committed, s.vcores_committed, held.databases,
        held.vcores + pools.vcores)), '[]')
     FROM inventory_sqlserver s,
        LATERAL (SELECT count(*) databases, coalesce(sum(vcores) FILTER (WHERE pool_id IS NULL), 0) vcores
            FROM inventory_database d WHERE d.server_id = s.id AND d.holds_room) held,
        LATERAL (SELECT coalesce(sum(vcores), 0) vcores FROM inventory_elasticpool p
            WHERE p.server_id = s.id AND p.status NOT IN ('failed', 'deleted')) pools)
"""
SEEN = "SELECT pg_snapshot_xmax(pg_current_snapshot())::text"


class Violation(AssertionError):
    """An invariant does not hold; the text says which."""


@dataclass
class Watch:
    """Looks at the rows after each step, and remembers what may only grow or never change."""

    checks: int = 0
    _fences: dict[str, int] = field(default_factory=dict)
    _ended: dict[str, str] = field(default_factory=dict)
    _last_seen: str = ""

    def look(self) -> None:
        """Raise Violation when something is wrong. Free of charge while nothing has been committed."""
        with connection.cursor() as cursor:
            cursor.execute(SEEN)
            seen: str = cursor.fetchone()[0]
            if seen == self._last_seen:
                return
            self._last_seen = seen
            cursor.execute(NOW)
            operations, twice, pools, servers = cursor.fetchone()
        self.checks += 1
        self._operations(operations)
        demand(not twice, f"more than one unresolved run of operations {twice}")
        for pool in pools:
            _pool(*pool)
        for server in servers:
            _server(*server)

    def _operations(self, rows: list[tuple[str, str, int, str, str | None, str]]) -> None:
        working: dict[str, str] = {}
        for key, state, fence, target, follows, kind in rows:
            name = f"{kind} {key[-6:]}"
            demand(fence >= self._fences.get(key, 0), f"the fence of {name} went back to {fence}")
            self._fences[key] = fence
            before = self._ended.get(key)
            demand(before in (None, state), f"{name} had ended as {before} and is {state}")
            if state in TERMINAL:
                self._ended[key] = state
            elif follows is None:
                demand(target not in working, f"{name} and {working.get(target)} work on {target} at once")
                working[target] = name


def demand(holds: bool, otherwise: str) -> None:
    """Raise Violation unless it holds."""
    if not holds:
        raise Violation(otherwise)


def _pool(name: str, databases: int, most: int, size: int, largest: int, held: int, held_bytes: int) -> None:
    demand(0 <= databases <= most and 0 <= size <= largest, f"pool {name} holds {databases} databases, {size} bytes")
    demand(
        (databases, size) == (held, held_bytes), f"pool {name} counts {databases}, {size}; it is {held}, {held_bytes}"
    )


def _server(name: str, databases: int, vcores: int, held: int, held_vcores: int) -> None:
    demand(databases >= 0 and vcores >= 0, f"server {name} holds {databases} databases, {vcores} vCores")
    demand(
        (databases, vcores) == (held, held_vcores), f"server {name} counts {databases}, {vcores}; {held}, {held_vcores}"
    )
