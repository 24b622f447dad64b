"""Azure Monitor's batch API as far as its bytes: answers of its shape with made-up values, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from simulator.http import Request, Response

GRAIN = timedelta(minutes=5)
HOT_POOLS = 20  # one in so many is near its limit


class MadeUpMonitor:
    """Everything else, tokens above all, is served by a simulated Azure. `spent`: seconds of CPU used for answers."""

    def __init__(self) -> None:
        from cloud import factory
        from cloud.secrets import Secret
        from cloud.settings import CloudSettings
        from cloud.throttle import LocalBucket, Rate, Rates
        from simulator.azure import Azure
        from simulator.transport import InProcessTransport

        azure = Azure(throttled=False)
        self.calls, self.spent = 0, 0.0
        self._dice = np.random.default_rng(1)
        self._last: tuple[Request, Response] | None = None
        factory.configure(
            CloudSettings(
                tenant_id=azure.tenant,
                client_id=azure.entra.client_id,
                client_secret=Secret(azure.entra.client_secret),
                authority_url="https://localhost",
                arm_url="https://localhost",
                metrics_url="https://localhost",
            ),
            transport=InProcessTransport(azure, self._serve),
            bucket=LocalBucket(Rates(reads=Rate(1e9, 1e9))),
        )

    def cost_of_answers(self, *, times: int = 50) -> float:
        """Microseconds of CPU for one call of fifty databases and an hour: the SDK's and the reading of its bytes."""
        from cloud import factory
        from cloud.metric_answers import MetricQuestion
        from placement.sampling.quantities import metrics_of, namespace_of

        path = "/subscriptions/s/resourceGroups/g/providers/Microsoft.Sql/servers/s/databases/d-{}"
        until = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
        question = MetricQuestion(
            region="eastus",
            namespace=namespace_of("database"),
            names=metrics_of("database", "GeneralPurpose"),
            arm_ids=tuple(path.format(number) for number in range(50)),
            since=until - 12 * GRAIN,
            until=until,
        )
        began, self.spent = time.process_time(), 0.0
        for _ in range(times):
            factory.metrics().averages(question)
        return 1e6 * (time.process_time() - began - self.spent) / times

    def _serve(self, request: Request, call: Callable[[], Response]) -> Response:
        if "getBatch" not in request.path:
            return call()
        began = time.process_time()
        response = self._answer(request)
        self.calls += 1
        self.spent += time.process_time() - began
        return response

    def _answer(self, request: Request) -> Response:
        from simulator.http import Response

        since, until = (datetime.fromisoformat(request.query[name]) for name in ("starttime", "endtime"))
        stamps = [(since + number * GRAIN).strftime("%Y-%m-%dT%H:%M:%SZ") for number in range((until - since) // GRAIN)]
        names = request.query["metricnames"].split(",")
        ids = orjson.loads(request.body)["resourceids"]
        values = np.round(self._dice.lognormal(-1, 1, (len(ids), len(names), len(stamps))), 4).tolist()
        head = {"starttime": request.query["starttime"], "endtime": request.query["endtime"], "interval": "PT5M"}
        document = [
            {**head, "resourceid": id_, "value": [_metric(id_, *one, stamps) for one in zip(names, rows, strict=True)]}
            for id_, rows in zip(ids, values, strict=True)
        ]
        return Response(200, {"content-type": "application/json"}, orjson.dumps({"values": document}))


def _metric(id_: str, name: str, values: list[float], stamps: list[str]) -> dict[str, Any]:
    if name == "log_write_percent" and "/elasticPools/" in id_ and int(id_[-6:]) % HOT_POOLS == 0:
        values = [90.0] * len(values)
    points = [{"timeStamp": stamp, "average": value} for stamp, value in zip(stamps, values, strict=True)]
    return {
        "id": f"{id_}/providers/Microsoft.Insights/metrics/{name}",
        "type": "Microsoft.Insights/metrics",
        "name": {"value": name, "localizedValue": name},
        "displayDescription": name,
        "unit": "Count",
        "timeseries": [{"metadatavalues": [], "data": points}],
        "errorCode": "Success",
    }
