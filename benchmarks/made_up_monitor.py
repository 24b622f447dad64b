"""Azure Monitor's batch API as far as its bytes: answers of its shape with made-up values, in this process."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
import orjson

if TYPE_CHECKING:
    from cloud.metric_answers import Floats, MetricQuestion
    from simulator.http import Request, Response

GRAIN = timedelta(minutes=5)
HOT_POOLS = 20  # one in so many is near its limit


class MadeUpMonitor:
    """Everything else, tokens above all, is served by a simulated Azure. `spent` and `reading`: seconds of CPU used for
    making answers, and for asking for and reading them."""

    def __init__(self) -> None:
        from cloud import factory
        from cloud.secrets import Secret
        from cloud.settings import CloudSettings
        from cloud.throttle import LocalBucket, Rate, Rates
        from simulator.azure import Azure
        from simulator.transport import InProcessTransport

        azure = Azure(throttled=False)
        self.calls, self.spent, self.reading = 0, 0.0, 0.0
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
        self._count_reading()

    def _count_reading(self) -> None:
        """Measure each call as the product makes it: the SDK's part and the reading of its bytes."""
        from cloud import factory

        metrics = factory.metrics()
        ask = metrics.averages

        def averages(question: MetricQuestion) -> Floats:
            began, spent = time.process_time(), self.spent
            found = ask(question)
            self.reading += time.process_time() - began - (self.spent - spent)
            return found

        metrics.averages = averages  # type: ignore[method-assign]

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
