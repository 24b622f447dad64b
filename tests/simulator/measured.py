"""Metrics as a client asks for them: a fleet a day old, one resource, or many at once."""

from __future__ import annotations

from datetime import timedelta

import orjson
from azure.monitor.querymetrics import MetricsClient

from simulator.azure import Azure
from simulator.http import Request
from simulator.transport import InProcessTransport
from tests.simulator.builders import Token, a_database, a_pool, a_server, ask, bearer, whole_id

AUDIENCE = "https://metrics.monitor.azure.com"
DATABASES, POOLS = "Microsoft.Sql/servers/databases", "Microsoft.Sql/servers/elasticpools"


class MetricsToken(Token):
    """A credential for the metrics' audience."""

    def get_token(self, *scopes: str, **kwargs: object):
        assert scopes == (AUDIENCE + "/.default",)
        return super().get_token()._replace(token=bearer(self._azure, AUDIENCE))


def client(azure: Azure) -> MetricsClient:
    return MetricsClient(
        "https://localhost:8443", MetricsToken(azure), transport=InProcessTransport(azure), retry_total=0
    )


def a_fleet(azure: Azure, count: int = 2) -> tuple[str, list[str]]:
    """A pool and its databases, a day old, as ARM ids."""
    server = a_server(azure)
    pool = a_pool(azure, server)
    databases = [a_database(azure, server, f"d{number}", pool) for number in range(count)]
    azure.clock.advance(timedelta(days=1))
    return whole_id(azure, pool), [whole_id(azure, one) for one in databases]


def metrics(azure: Azure, resource: str, **query: str):
    response = ask(azure, "GET", f"{resource}/providers/Microsoft.Insights/metrics", **query)
    return response.status, orjson.loads(response.body)


def definitions(azure: Azure, resource: str) -> dict[str, dict]:
    response = ask(azure, "GET", f"{resource}/providers/Microsoft.Insights/metricDefinitions")
    return {one["name"]["value"]: one for one in orjson.loads(response.body)["value"]}


def post_batch(azure: Azure, ids: object, *, key: str = "resourceids", token: str | None = None, **query: str):
    headers = {"authorization": f"Bearer {token or bearer(azure, AUDIENCE)}"}
    whole = {"api-version": "2024-02-01", "metricnamespace": DATABASES, "metricnames": "cpu_percent", **query}
    path = f"/subscriptions/{azure.arm.subscriptions[0]}/metrics:getBatch"
    response = azure.handle(Request("POST", "localhost", 8443, path, whole, headers, orjson.dumps({key: ids})))
    return response.status, orjson.loads(response.body)


def query(azure: Azure, ids: list[str], names: list[str], **more):
    end = azure.clock.moment()
    arguments = {"timespan": (end - timedelta(hours=1), end), "metric_namespace": DATABASES, **more}
    return client(azure).query_resources(resource_ids=ids, metric_names=names, **arguments)
