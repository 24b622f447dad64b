"""A resource that somebody works on by hand: comparison goes on, repairs wait."""

from __future__ import annotations

from collections.abc import Iterable

from django.db import transaction

from inventory.models import Database, ElasticPool
from operations import audit
from provisioning.models import Pause


@transaction.atomic
def pause(target: str, *, actor: str, reason: str) -> None:
    """Repair nothing here by itself until somebody resumes it; a pool's and a server's pause hold for all that is in them."""
    Pause.objects.update_or_create(target=target, defaults={"actor": actor, "reason": reason})
    audit.record("drift.paused", actor=actor, target=target, reason=reason)


@transaction.atomic
def resume(target: str, *, actor: str, reason: str = "") -> bool:
    """False where nothing was paused."""
    deleted, _ = Pause.objects.filter(target=target).delete()
    if deleted:
        audit.record("drift.resumed", actor=actor, target=target, reason=reason)
    return bool(deleted)


def unpaused(targets: Iterable[str]) -> list[str]:
    """Those of the keys of which repairs may begin, in their order."""
    paused = set(Pause.objects.values_list("target", flat=True))
    wanted = list(targets)
    if not paused:
        return wanted
    inside = _containers(wanted)
    return [target for target in wanted if paused.isdisjoint({target, *inside.get(target, ())})]


def _containers(targets: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Keys of the pool and server that each resource stands in."""
    ids: dict[str, list[str]] = {"pool": [], "database": []}
    for target in targets:
        kind, _, key = target.partition(":")
        if kind in ids:
            ids[kind].append(key)
    pools = ElasticPool.objects.filter(pk__in=ids["pool"]).values_list("pk", "server_id")
    databases = Database.objects.filter(pk__in=ids["database"]).values_list("pk", "server_id", "pool_id")
    found = {f"pool:{pool}": (f"server:{server}",) for pool, server in pools}
    return {**found, **{f"database:{pk}": (f"server:{server}", f"pool:{pool}") for pk, server, pool in databases}}
