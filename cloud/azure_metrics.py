"""Azure Monitor's batch API: one metric of many resources of a kind and region in one call, beside ARM and its budget."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

from azure.core.credentials import TokenCredential
from azure.core.pipeline.transport import HttpTransport
from azure.monitor.querymetrics import MetricAggregationType, MetricsClient, MetricsQueryResult

from cloud.arm import required
from cloud.classify import azure_errors
from cloud.settings import CloudSettings

MOST_RESOURCES = 50  # a call (Microsoft's page on migrating to the batch API, 01/23/2025)
DATABASES = "Microsoft.Sql/servers/databases"
USED_BYTES = "storage"  # of a database; of a pool it is called storage_used
GRAIN = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class UsedBytes:
    """How much a database held at most in the last hour, and when Azure measured it last (UTC)."""

    at: datetime
    size: int


class Metrics(Protocol):
    """Azure Monitor, for reading."""

    def used_bytes(self, region: str, arm_ids: Sequence[str]) -> Mapping[str, UsedBytes]:
        """By ARM id in lower case; what Azure has not measured yet is left out. At most 50 of one subscription and region."""
        ...


class AzureMetrics:
    """`Metrics` over Microsoft's SDK, without its retries; a client a region."""

    def __init__(
        self, settings: CloudSettings, *, credential: TokenCredential, transport: HttpTransport[Any, Any]
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._transport = transport
        self._clients: dict[str, MetricsClient] = {}

    def used_bytes(self, region: str, arm_ids: Sequence[str]) -> Mapping[str, UsedBytes]:
        """The last hour by Azure's own clock, since no timespan is asked for."""
        with azure_errors():
            results = self._client(region).query_resources(
                resource_ids=list(arm_ids),
                metric_namespace=DATABASES,
                metric_names=[USED_BYTES],
                granularity=GRAIN,
                aggregations=[MetricAggregationType.MAXIMUM],
            )
        measured = {arm_id.lower(): _last(result) for arm_id, result in zip(arm_ids, results, strict=True)}
        return {arm_id: one for arm_id, one in measured.items() if one is not None}

    def _client(self, region: str) -> MetricsClient:
        endpoint = self._settings.metrics_url.replace("{region}", region)
        if endpoint not in self._clients:
            self._clients[endpoint] = MetricsClient(
                endpoint, self._credential, transport=self._transport, retry_total=0
            )
        return self._clients[endpoint]


def _last(result: MetricsQueryResult) -> UsedBytes | None:
    """The newest point that has a value."""
    points = [point for metric in result.metrics for series in metric.timeseries for point in series.data]
    known = [point for point in points if point.maximum is not None]
    if not known:
        return None
    last = max(known, key=lambda point: point.timestamp)
    return UsedBytes(last.timestamp, int(required(last.maximum, "maximum")))
