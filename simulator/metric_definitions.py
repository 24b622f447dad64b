"""The metrics that Azure Monitor keeps of databases and elastic pools: names, units, grains, aggregations, values.

Names after Microsoft's pages of supported metrics for Microsoft.Sql/servers/databases and .../elasticpools (July 2026).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from simulator.arm.resources import Resource
from simulator.loads import SESSIONS, Usage
from simulator.workload import Floats

DATABASES, POOLS = "Microsoft.Sql/servers/databases", "Microsoft.Sql/servers/elasticpools"
GRAINS = {"PT1M": 1, "PT5M": 5, "PT15M": 15, "PT30M": 30, "PT1H": 60, "PT6H": 360, "PT12H": 720, "P1D": 1440}
DAILY = ("P1D",)
RETENTION = "P93D"
GAUGE, COUNTER = ("Average", "Maximum", "Minimum"), ("Total",)
FULL_BACKUP_SHARE = 0.35  # of the data, compressed
Values = Callable[[Usage], Floats]


@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. `needs` are words that a resource must have, `bars` those that it must not have (see `traits`)."""

    name: str
    label: str
    unit: str
    values: Values
    aggregations: tuple[str, ...] = GAUGE
    grains: tuple[str, ...] = tuple(GRAINS)
    needs: frozenset[str] = frozenset()
    bars: frozenset[str] = frozenset()
    dimensions: tuple[str, ...] = ()

    @property
    def primary(self) -> str:
        return self.aggregations[0]

    def suits(self, words: frozenset[str]) -> bool:
        return self.needs <= words and not self.bars & words

    def definition(self, resource_id: str, namespace: str) -> dict[str, Any]:
        """As `metricDefinitions` lists it."""
        dimensions = [{"value": name, "localizedValue": name} for name in self.dimensions]
        return {
            "id": f"{resource_id}/providers/microsoft.insights/metricdefinitions/{self.name}",
            "resourceId": resource_id,
            "namespace": namespace,
            "name": {"value": self.name, "localizedValue": self.label},
            "displayDescription": self.label,
            "isDimensionRequired": False,
            "unit": self.unit,
            "primaryAggregationType": self.primary,
            "supportedAggregationTypes": list(self.aggregations),
            "metricAvailabilities": [{"timeGrain": grain, "retention": RETENTION} for grain in self.grains],
            **({"dimensions": dimensions} if dimensions else {}),
        }


def traits(resource: Resource) -> frozenset[str]:
    """Words of a resource's size: vcore or dtu, hyperscale, serverless."""
    words = set(resource.body.get("kind", "").split(","))
    return frozenset({"vcore" if "vcore" in words else "dtu", *(words & {"hyperscale", "serverless"})})


def namespace_of(resource: Resource) -> str:
    return POOLS if resource.type == "elasticPools" else DATABASES


def metrics_of(resource: Resource) -> list[Metric]:
    """The metrics that Azure keeps of a resource of this size."""
    words = traits(resource)
    known = POOL_METRICS if resource.type == "elasticPools" else DATABASE_METRICS
    return [metric for metric in known if metric.suits(words)]


def _cpu_percent(usage: Usage) -> Floats:
    return 100.0 * usage.vcores / usage.ceiling.vcores


def _log_percent(usage: Usage) -> Floats:
    return 100.0 * usage.log_mbps / usage.ceiling.log_mbps


def _read_percent(usage: Usage) -> Floats:
    return 100.0 * usage.reads / usage.ceiling.reads


def _dtu_percent(usage: Usage) -> Floats:
    return np.maximum(np.maximum(_cpu_percent(usage), _log_percent(usage)), _read_percent(usage))


def _dtu_limit(usage: Usage) -> Floats:
    return usage.vcores * 0 + usage.ceiling.vcores * 100.0


def _storage_percent(usage: Usage) -> Floats:
    return 100.0 * usage.storage / usage.ceiling.storage_bytes if usage.ceiling.storage_bytes else usage.storage * 0


def _allocated_percent(usage: Usage) -> Floats:
    if not usage.ceiling.storage_bytes:
        return usage.allocated * 0
    return np.minimum(100.0 * usage.allocated / usage.ceiling.storage_bytes, 100.0)


def _none(usage: Usage) -> Floats:
    return usage.vcores * 0


def _never(usage: Usage) -> Floats:
    return usage.vcores * np.nan


def _memory_percent(usage: Usage) -> Floats:
    """The buffer pool fills with the data that there is, and is not given back."""
    memory = usage.ceiling.vcores * 5.1 * 1024**3
    return np.minimum(20.0 + 75.0 * usage.storage / memory, 95.0)


_VCORE, _DTU = frozenset({"vcore"}), frozenset({"dtu"})
_HYPERSCALE, _SERVERLESS = frozenset({"hyperscale"}), frozenset({"serverless"})
_SHARED = (
    Metric("cpu_percent", "CPU percentage", "Percent", _cpu_percent),
    Metric("physical_data_read_percent", "Data IO percentage", "Percent", _read_percent),
    Metric("log_write_percent", "Log IO percentage", "Percent", _log_percent),
    Metric("workers_percent", "Workers percentage", "Percent", lambda u: 100.0 * u.workers / u.ceiling.workers),
    Metric("sessions_percent", "Sessions percentage", "Percent", lambda u: 100.0 * u.sessions / SESSIONS),
    Metric("sessions_count", "Sessions count", "Count", lambda u: u.sessions),
    Metric("dtu_consumption_percent", "DTU percentage", "Percent", _dtu_percent, needs=_DTU),
    Metric("xtp_storage_percent", "In-Memory OLTP storage percent", "Percent", _none, bars=_HYPERSCALE),
    Metric("sql_instance_cpu_percent", "SQL instance CPU percent", "Percent", _cpu_percent),
    Metric("sql_instance_memory_percent", "SQL instance memory percent", "Percent", _memory_percent),
    Metric("tempdb_data_size", "Tempdb Data File Size Kilobytes", "Count", lambda u: 16384.0 + u.vcores * 4096.0),
    Metric("tempdb_log_size", "Tempdb Log File Size Kilobytes", "Count", lambda u: 8192.0 + u.vcores * 0),
    Metric("tempdb_log_used_percent", "Tempdb Percent Log Used", "Percent", lambda u: np.minimum(u.vcores * 2.0, 90.0)),
    Metric("cpu_limit", "CPU limit", "Count", lambda u: u.vcores * 0 + u.ceiling.vcores, needs=_VCORE),
    Metric("cpu_used", "CPU used", "Count", lambda u: u.vcores, needs=_VCORE),
    Metric("allocated_data_storage", "Data space allocated", "Bytes", lambda u: u.allocated),
    Metric("storage_percent", "Data space used percent", "Percent", _storage_percent, bars=_HYPERSCALE),
)
POOL_METRICS = (
    *_SHARED,
    Metric("storage_used", "Data space used", "Bytes", lambda u: u.storage),
    Metric(
        "storage_limit", "Data max size", "Bytes", lambda u: u.vcores * 0 + u.ceiling.storage_bytes, bars=_HYPERSCALE
    ),
    Metric(
        "allocated_data_storage_percent",
        "Data space allocated percent",
        "Percent",
        _allocated_percent,
        bars=_HYPERSCALE,
    ),
    Metric("eDTU_limit", "eDTU limit", "Count", _dtu_limit, needs=_DTU),
    Metric("eDTU_used", "eDTU used", "Count", lambda u: _dtu_percent(u) * u.ceiling.vcores, needs=_DTU),
)


def _count(name: str, label: str, values: Values, *dimensions: str) -> Metric:
    return Metric(name, label, "Count", values, COUNTER, dimensions=dimensions)


def _daily(name: str, label: str, values: Values, needs: frozenset[str] = frozenset()) -> Metric:
    bars = frozenset() if needs else _HYPERSCALE
    return Metric(name, label, "Bytes", values, grains=DAILY, needs=needs, bars=bars)


DATABASE_METRICS = (
    *_SHARED,
    Metric("storage", "Data space used", "Bytes", lambda u: u.storage),
    Metric("availability", "Availability", "Percent", lambda u: 100.0 + u.vcores * 0, (*GAUGE, "Total", "Count")),
    Metric("dtu_limit", "DTU Limit", "Count", _dtu_limit, needs=_DTU),
    Metric("dtu_used", "DTU used", "Count", lambda u: _dtu_percent(u) * u.ceiling.vcores, needs=_DTU),
    Metric("app_cpu_percent", "App CPU percentage", "Percent", _cpu_percent, needs=_SERVERLESS),
    Metric("app_memory_percent", "App memory percentage", "Percent", _memory_percent, needs=_SERVERLESS),
    Metric("app_cpu_billed", "App CPU billed", "Count", lambda u: u.vcores * 60.0, COUNTER, needs=_SERVERLESS),
    _count("deadlock", "Deadlocks", _none),
    _count("blocked_by_firewall", "Blocked by Firewall", _none),
    _count("connection_successful", "Successful Connections", lambda u: np.rint(u.sessions * 0.2)),
    _count("connection_failed", "Failed Connections : System Errors", _none, "Error"),
    _count("connection_failed_user_error", "Failed Connections : User Errors", _none, "Error"),
    _daily("full_backup_size_bytes", "Full backup storage size", lambda u: u.storage * FULL_BACKUP_SHARE),
    _daily("diff_backup_size_bytes", "Differential backup storage size", lambda u: u.storage * 0.05),
    _daily("log_backup_size_bytes", "Log backup storage size", lambda u: u.log_mbps * 0 + u.storage * 0.02),
    _daily("base_blob_size_bytes", "Data storage size", lambda u: u.allocated, _HYPERSCALE),
    _daily("snapshot_backup_size_bytes", "Snapshot backup storage size", lambda u: u.storage * 0.1, _HYPERSCALE),
    Metric(
        "replication_lag_seconds",
        "Replication lag (preview)",
        "Seconds",
        _never,
        dimensions=("PartnerResourceId", "PartnerServerName", "PartnerDatabaseName"),
    ),
)
