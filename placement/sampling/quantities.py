"""Pure: which metrics say what a pool or database uses, and the amounts behind them in units that a move does not change.

Names and units after Microsoft's pages of supported metrics for Microsoft.Sql/servers/databases (07/31/2026) and
.../elasticpools (07/13/2026). Percentages are of what the database may use at most within its pool.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from placement.engine.catalogue import PoolSize, sizes_of

Floats = npt.NDArray[np.float64]

DTU_TIERS = frozenset({"Basic", "Standard", "Premium"})
DTUS_A_VCORE = 100.0  # as Azure counts them against a server's quota
IOPS_A_VCORE, LOG_MBPS_A_VCORE, WORKERS_A_VCORE = 700.0, 6.0, 105.0  # General Purpose, where a size is not in the table
PERCENTAGES = ("physical_data_read_percent", "log_write_percent", "workers_percent")
QUANTITIES = ("vcores", "iops", "log_mbps", "workers", "sessions", "bytes", "busy_percent")


def namespace_of(kind: str) -> str:
    """Azure's namespace of a pool's or a database's metrics."""
    return "Microsoft.Sql/servers/elasticpools" if kind == "pool" else "Microsoft.Sql/servers/databases"


def metrics_of(kind: str, service_tier: str) -> tuple[str, ...]:
    """Six names: computing power used, three percentages, sessions, stored bytes.

    Power is vCores, and DTUs in tiers sold by them; stored bytes have another name in a pool. None of these is missing for
    Hyperscale, as storage_percent and storage_limit are.
    """
    dtus, stored = ("eDTU_used", "storage_used") if kind == "pool" else ("dtu_used", "storage")
    return (dtus if service_tier in DTU_TIERS else "cpu_used", *PERCENTAGES, "sessions_count", stored)


@dataclass(frozen=True, slots=True)
class Limits:
    """The most that a pool or database may use."""

    vcores: float
    iops: float
    log_mbps: float
    workers: float


@lru_cache(maxsize=4096)
def limits_of(service_tier: str, family: str, *, vcores: float, share: float) -> Limits:
    """Of a pool of so many vCores, and of that `share` of it which one database may use.

    A single Hyperscale database counts as a pool of its vCores.
    """
    size = next((one for one in sizes_of(service_tier, family) if one.vcores == vcores), None)
    whole = _of_size(size) if size else _of_vcores(vcores)
    return Limits(*(share * one for one in (whole.vcores, whole.iops, whole.log_mbps, whole.workers)))


def _of_size(size: PoolSize) -> Limits:
    return Limits(size.vcores, size.max_data_iops, size.max_log_mbps, size.max_workers)


def _of_vcores(vcores: float) -> Limits:
    return Limits(vcores, IOPS_A_VCORE * vcores, LOG_MBPS_A_VCORE * vcores, WORKERS_A_VCORE * vcores)


def amounts(found: Floats, *, limits: Sequence[Limits], service_tier: str) -> Floats:
    """[resource, slot, quantity] in the order of QUANTITIES, from [resource, slot, metric] in the order of `metrics_of`."""
    most = np.array([(one.vcores, one.iops, one.log_mbps, one.workers) for one in limits])[:, None, :]
    used = np.empty((*found.shape[:2], len(QUANTITIES)))
    used[..., 0] = found[..., 0] / (DTUS_A_VCORE if service_tier in DTU_TIERS else 1.0)
    used[..., 1:4] = found[..., 1:4] * most[..., 1:] / 100.0
    used[..., 4:6] = found[..., 4:6]
    used[..., 6] = np.fmax(100.0 * used[..., 0] / most[..., 0], np.fmax.reduce(found[..., 1:4], axis=-1))
    return used
