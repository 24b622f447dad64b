"""Azure Monitor's batch API: metrics of many resources of a kind and region in one call, beside ARM.

No rate is published for it; it refuses with 429 and, where a region is busy, with 529. Calls are counted here as ARM's reads
are, in a bucket of their own for each subscription, in the name of sampling: the least urgent class.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Protocol

import orjson
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from azure.monitor.querymetrics import MetricAggregationType, MetricsClient, MetricsQueryResult

from cloud.arm import required
from cloud.classify import DEFAULT_RETRY_AFTER_SECONDS, classify
from cloud.errors import RetryLater, Throttled
from cloud.metric_answers import Floats, MetricQuestion, averages, moment
from cloud.protocols import CallClass
from cloud.settings import CloudSettings
from cloud.throttle import Bucket

MOST_RESOURCES = 50  # a call (Microsoft's page on migrating to the batch API, 01/23/2025)
API_VERSION = "2023-10-01"
DATABASES = "Microsoft.Sql/servers/databases"
POOLS = "Microsoft.Sql/servers/elasticpools"
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

    def averages(self, question: MetricQuestion) -> Floats:
        """[resource, slot, metric] in the order asked; NaN where there is no point."""
        ...

    def present(self, region: str, namespace: str, arm_id: str) -> datetime:
        """What time it is for Azure, to the minute. A simulated Azure's hours are shorter than ours."""
        ...


class AzureMetrics:
    """`Metrics` over Microsoft's SDK, without its retries; a client a region."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        bucket: Bucket,
        call_class: CallClass = CallClass.SAMPLING,
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._transport = transport
        self._bucket = bucket
        self._call_class = call_class
        self._clients: dict[str, MetricsClient] = {}

    def used_bytes(self, region: str, arm_ids: Sequence[str]) -> Mapping[str, UsedBytes]:
        """The last hour by Azure's own clock, since no timespan is asked for."""
        with self._counted(_subscription(arm_ids[0])):
            results = self._client(region).query_resources(
                resource_ids=list(arm_ids),
                metric_namespace=DATABASES,
                metric_names=[USED_BYTES],
                granularity=GRAIN,
                aggregations=[MetricAggregationType.MAXIMUM],
            )
        measured = {arm_id.lower(): _last(result) for arm_id, result in zip(arm_ids, results, strict=True)}
        return {arm_id: one for arm_id, one in measured.items() if one is not None}

    def averages(self, question: MetricQuestion) -> Floats:
        """The answer's bytes become an array at once: the SDK's objects, one a point, would cost many times as much."""
        asked = {
            "starttime": _iso(question.since),
            "endtime": _iso(question.until),
            "interval": "PT5M",
            "metricnames": ",".join(question.names),
            "aggregation": "average",
        }
        return averages(question, self._ask(question.region, question.namespace, question.arm_ids, asked))

    def present(self, region: str, namespace: str, arm_id: str) -> datetime:
        """The end of the span that is answered when none is asked for."""
        asked = {"interval": "PT5M", "metricnames": "cpu_percent", "aggregation": "average"}
        return moment(self._ask(region, namespace, (arm_id,), asked)[0]["endtime"])

    def _ask(self, region: str, namespace: str, arm_ids: Sequence[str], asked: Mapping[str, str]) -> list[Any]:
        subscription = _subscription(arm_ids[0])
        request = HttpRequest(
            "POST",
            f"/subscriptions/{subscription}/metrics:getBatch",
            params={"api-version": API_VERSION, "metricnamespace": namespace, **asked},
            json={"resourceids": list(arm_ids)},
        )
        with self._counted(subscription):
            response = self._client(region).send_request(request, stream=True)  # else the SDK reads the JSON, slowly
            response.read()
            response.raise_for_status()
        try:
            values: list[Any] = orjson.loads(response.content)["values"]
        except (ValueError, KeyError) as error:
            raise RetryLater("InvalidAnswer", "The answer could not be read.") from error
        return values

    @contextlib.contextmanager
    def _counted(self, subscription: str) -> Iterator[None]:
        """One call, if the budget has one left; a refusal for its rate closes the budget for everyone of this class."""
        key = f"metrics:{subscription}"
        wait = self._bucket.take(key, self._call_class, write=False)
        if wait > 0:
            raise Throttled("OwnRateLimit", f"{self._call_class} waits for its turn", retry_after=wait)
        try:
            yield
        except AzureError as error:
            refused = classify(error)
            if isinstance(refused, Throttled):
                self._bucket.close(key, self._call_class, refused.retry_after or DEFAULT_RETRY_AFTER_SECONDS)
            raise refused from error

    def _client(self, region: str) -> MetricsClient:
        endpoint = self._settings.metrics_url.replace("{region}", region)
        if endpoint not in self._clients:
            self._clients[endpoint] = MetricsClient(
                endpoint, self._credential, transport=self._transport, retry_total=0
            )
        return self._clients[endpoint]


def _subscription(arm_id: str) -> str:
    return arm_id.lower().split("/subscriptions/")[1].split("/")[0]


def _iso(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%SZ")


def _last(result: MetricsQueryResult) -> UsedBytes | None:
    """The newest point that has a value."""
    points = [point for metric in result.metrics for series in metric.timeseries for point in series.data]
    known = [point for point in points if point.maximum is not None]
    if not known:
        return None
    last = max(known, key=lambda point: point.timestamp)
    return UsedBytes(last.timestamp, int(required(last.maximum, "maximum")))
