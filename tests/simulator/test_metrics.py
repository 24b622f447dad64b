"""Azure Monitor: the SDK's batch client and ARM's own metrics, in the shapes that were recorded."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.monitor.querymetrics import MetricAggregationType, MetricsClient

from simulator.azure import Azure
from simulator.http import Request
from simulator.transport import InProcessTransport
from tests.simulator.builders import Token, a_database, a_pool, a_server, ask, bearer, settle, whole_id
from tests.simulator.recordings import flow

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


def differences(where: str, recorded: object, ours: object) -> list[str]:
    """Fields and types that differ at any depth; of lists the first items are compared."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        odd = [f"{where}.{key}" for key in (recorded.keys() ^ ours.keys()) - {"dimensions"}]
        both = recorded.keys() & ours.keys()
        return odd + [one for key in both for one in differences(f"{where}.{key}", recorded[key], ours[key])]
    if isinstance(recorded, list) and isinstance(ours, list):
        return differences(f"{where}[0]", recorded[0], ours[0]) if recorded and ours else []
    return [] if type(recorded) is type(ours) else [f"{where}: {type(ours).__name__}"]


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


def test_the_sdk_reads_an_hour_of_two_databases_in_one_call(azure):
    _, databases = a_fleet(azure)
    found = query(azure, databases, ["cpu_percent", "storage"], aggregations=[MetricAggregationType.AVERAGE])
    assert [len(result.metrics) for result in found] == [2, 2]
    points = found[0].metrics[0].timeseries[0].data
    assert len(points) == 60
    assert all(0 <= point.average <= 100 for point in points)
    assert (found[0].metrics[0].unit, found[0].metrics[1].unit) == ("Percent", "Bytes")
    assert found[0].granularity == timedelta(minutes=1)
    assert found[0].resource_region == "eastus"


def test_the_sdk_reads_every_aggregation_by_the_quarter(azure):
    pool, _ = a_fleet(azure)
    words = [MetricAggregationType.AVERAGE, MetricAggregationType.MINIMUM, MetricAggregationType.MAXIMUM,
             MetricAggregationType.COUNT, MetricAggregationType.TOTAL]  # fmt: skip
    more = {"granularity": timedelta(minutes=15), "aggregations": words, "metric_namespace": POOLS}
    points = query(azure, [pool], ["cpu_used"], **more)[0].metrics[0].timeseries[0].data
    assert len(points) == 4
    for point in points:
        assert point.minimum <= point.average <= point.maximum
        assert point.count == 15
        assert point.total == pytest.approx(15 * point.average, abs=0.01)


def test_one_resource_and_the_batch_say_the_same(azure):
    _, databases = a_fleet(azure)
    end = azure.clock.moment()
    start = end - timedelta(hours=1)
    one = metrics(azure, databases[0], metricnames="cpu_percent", timespan=f"{start.isoformat()}/{end.isoformat()}")
    many = query(azure, databases, ["cpu_percent"])
    alone = [point["average"] for point in one[1]["value"][0]["timeseries"][0]["data"]]
    assert alone == [point.average for point in many[0].metrics[0].timeseries[0].data]


def test_pools_and_databases_have_their_own_names_of_space(azure):
    pool, databases = a_fleet(azure)
    of_pool, of_database = definitions(azure, pool), definitions(azure, databases[0])
    assert "storage_used" in of_pool
    assert "storage" not in of_pool
    assert "storage" in of_database
    assert "storage_used" not in of_database
    assert {"cpu_limit", "cpu_used", "storage_percent", "allocated_data_storage_percent"} <= of_pool.keys()
    assert "eDTU_used" not in of_pool
    assert of_database["full_backup_size_bytes"]["metricAvailabilities"] == [{"timeGrain": "P1D", "retention": "P93D"}]


def test_a_hyperscale_pool_has_no_space_as_a_share_of_a_limit(azure):
    server = a_server(azure)
    sku = {"name": "HS_Gen5", "tier": "Hyperscale", "family": "Gen5", "capacity": 4}
    assert ask(azure, "PUT", f"{server}/elasticPools/h1", {"location": "eastus", "sku": sku}).status == 202
    settle(azure)
    names = definitions(azure, whole_id(azure, f"{server}/elasticPools/h1")).keys()
    assert "storage_used" in names
    assert not names & {"storage_percent", "allocated_data_storage_percent", "storage_limit", "xtp_storage_percent"}


def test_a_dtu_database_is_measured_in_dtus(azure):
    server = a_server(azure)
    path = f"{server}/databases/s1"
    assert ask(azure, "PUT", path, {"location": "eastus", "sku": {"name": "S1"}}).status == 202
    settle(azure)
    azure.clock.advance(timedelta(hours=2))
    status, found = metrics(azure, whole_id(azure, path), metricnames="dtu_limit,dtu_used,dtu_consumption_percent")
    assert status == 200
    limit, used, percent = (one["timeseries"][0]["data"][-1]["average"] for one in found["value"])
    assert limit == 20
    assert used == pytest.approx(limit * percent / 100, abs=0.001)
    assert metrics(azure, whole_id(azure, path), metricnames="cpu_limit")[0] == 400


def test_a_span_without_data_has_no_series_and_no_error(azure):
    _, databases = a_fleet(azure)
    status, found = metrics(azure, databases[0], timespan="2018-01-01T00:00:00Z/2018-01-02T00:00:00Z")
    assert status == 200
    assert [(one["timeseries"], one["errorCode"]) for one in found["value"]] == [([], "Success")]


def test_minutes_before_the_creation_have_a_time_stamp_only(azure):
    _, databases = a_fleet(azure)
    start, end = azure.clock.moment() - timedelta(days=2), azure.clock.moment()
    span = f"{start.strftime('%Y-%m-%dT%H:%M:%SZ')}/{end.strftime('%Y-%m-%dT%H:%M:%SZ')}"
    _, found = metrics(azure, databases[0], timespan=span, interval="PT1H", metricnames="cpu_percent")
    data = found["value"][0]["timeseries"][0]["data"]
    assert len(data) == 48
    assert data[0].keys() == {"timeStamp"}
    assert data[-1].keys() == {"timeStamp", "average"}


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"metricnames": "cpu_percentage"}, "Valid metrics: cpu_percent"),
        ({"interval": "PT3M"}, "Invalid time grain duration: PT3M, supported ones are: PT1M"),
        ({"metricnames": "full_backup_size_bytes"}, "supported ones are: P1D"),
        ({"aggregation": "Median"}, "Invalid aggregation type"),
        ({"timespan": "yesterday/today"}, "Invalid timespan"),
        ({"timespan": "2026-01-02T00:00:00Z/2026-01-01T00:00:00Z"}, "must be before end time"),
        ({"metricnamespace": POOLS}, "Valid namespaces: Microsoft.Sql/servers/databases"),
        ({"$filter": "Colour eq 'red'"}, "does not support requested dimension combination: colour"),
        ({"metricnames": ",".join(f"m{number}" for number in range(21))}, "exceeds the limit of 20"),
    ],
)
def test_a_question_that_cannot_be_answered_is_refused(azure, asked, words):
    _, databases = a_fleet(azure, 1)
    status, found = metrics(azure, databases[0], **asked)
    assert (status, found["code"]) == (400, "BadRequest")
    assert words in found["message"]


def test_metrics_of_a_resource_that_is_not_there_are_refused_by_the_gateway(azure):
    server = a_server(azure)
    assert metrics(azure, f"{whole_id(azure, server)}/databases/none")[0] == 404


def test_more_than_fifty_resources_or_two_types_are_refused(azure):
    pool, databases = a_fleet(azure)
    many = [f"{databases[0]}{number}" for number in range(51)]
    assert post_batch(azure, many)[0] == 400
    assert post_batch(azure, many[:50])[0] == 200
    assert post_batch(azure, [databases[0], pool])[0] == 400
    assert post_batch(azure, [databases[0], databases[0].upper()])[0] == 400
    assert post_batch(azure, databases, key="resourceIds")[0] == 400
    assert post_batch(azure, databases, metricnamespace=POOLS)[0] == 400
    assert post_batch(azure, [one.replace(azure.arm.subscriptions[0], "0") for one in databases])[0] == 400
    assert post_batch(azure, ["/subscriptions"])[0] == 400


def test_two_regions_are_refused(azure):
    _, databases = a_fleet(azure, 1)
    path = whole_id(azure, "/resourceGroups/rg/providers/Microsoft.Sql/servers/two")
    properties = {"administratorLogin": "fleetadmin", "administratorLoginPassword": "Correct-Horse-9"}
    assert ask(azure, "PUT", path, {"location": "westeurope", "properties": properties}).status == 202
    settle(azure)
    assert ask(azure, "PUT", f"{path}/databases/d9", {"location": "westeurope"}).status == 202
    status, found = post_batch(azure, [*databases, f"{path}/databases/d9"])
    assert status == 400
    assert "eastus, westeurope" in found["error"]["message"]


def test_a_token_for_arm_does_not_open_the_metrics(azure):
    _, databases = a_fleet(azure, 1)
    status, found = post_batch(azure, databases, token=bearer(azure))
    assert (status, found["error"]["code"]) == (401, "Unauthorized")


def test_one_who_may_not_read_metrics_gets_403_and_gets_in_again(azure):
    _, databases = a_fleet(azure, 1)

    def monitoring(denied: bool) -> None:
        document = orjson.dumps({"client_id": azure.entra.client_id, "denied": denied})
        assert azure.handle(Request("POST", "localhost", 1, "/_sim/monitoring", {}, {}, document)).status == 204

    monitoring(denied=True)
    with pytest.raises(HttpResponseError) as refused:
        query(azure, databases, ["cpu_percent"])
    assert (refused.value.status_code, refused.value.error.code) == (403, "AuthorizationFailed")
    assert not isinstance(refused.value, ClientAuthenticationError)
    monitoring(denied=False)
    assert query(azure, databases, ["cpu_percent"])


def test_an_answer_has_the_fields_that_were_recorded(azure):
    recorded = next(
        one for one in flow("metrics_insights_data_fluent") if one["path"].endswith("microsoft.insights/metrics")
    )
    _, databases = a_fleet(azure, 1)
    _, ours = metrics(azure, databases[0], metricnames="cpu_percent", resultType="Data")
    assert differences("", recorded["response_body"], ours) == []


def test_a_span_encoded_twice_is_cut_and_counted_as_recorded(azure):
    _, databases = a_fleet(azure, 1)
    spans = [one for one in flow("metrics_monitor_cli_2023") if one["path"].endswith("/metrics")]
    assert len(spans) == 3
    for one in spans:
        span = next(part for part in one["query"].split("&") if part.startswith("timespan="))
        asked = span.removeprefix("timespan=").replace("%253A", "%3A").replace("%252B", "%2B").replace("%252F", "%2F")
        _, ours = metrics(azure, databases[0], timespan=asked, metricnames="cpu_percent,storage", interval="PT1M")
        for name in ("timespan", "cost", "interval"):
            assert ours[name] == one["response_body"][name]
        assert differences("", one["response_body"], ours) == []


def test_definitions_have_the_fields_that_were_recorded(azure):
    recorded = next(one for one in flow("metrics_insights_data_fluent") if one["path"].endswith("metricDefinitions"))
    _, databases = a_fleet(azure, 1)
    theirs = recorded["response_body"]["value"][0]
    for ours in definitions(azure, databases[0]).values():
        assert differences("", theirs, ours) == []


def test_a_server_asks_for_the_dimension_in_the_recorded_words(azure):
    (recorded,) = [one for one in flow("err_metrics_400_java") if one["path"].endswith("/insights/metrics")
                   or one["path"].endswith("microsoft.insights/metrics")]  # fmt: skip
    pool, databases = a_fleet(azure, 1)
    server = pool.rsplit("/elasticPools/", 1)[0]
    status, ours = metrics(azure, server, metricnames="dtu_used", **{"$filter": f"ElasticPoolResourceId eq '{pool}'"})
    theirs = recorded["response_body"]
    assert (status, ours["code"]) == (recorded["status"], theirs["code"])
    assert ours["message"].split("TraceId")[0] == theirs["message"].split("TraceId")[0]
    status, found = metrics(
        azure, server, metricnames="dtu_used,storage_used", **{"$filter": f"DatabaseResourceId eq '{databases[0]}'"}
    )
    assert status == 200
    assert [len(one["timeseries"][0]["data"]) for one in found["value"]] == [60, 60]
    assert found["value"][0]["timeseries"][0]["metadatavalues"][0]["value"] == databases[0]


def test_a_servers_definitions_are_those_recorded(azure):
    recorded = next(one for one in flow("metrics_sql_java") if one["path"].endswith("insights/metricDefinitions"))
    pool, _ = a_fleet(azure, 1)
    ours = definitions(azure, pool.rsplit("/elasticPools/", 1)[0])
    theirs = {one["name"]["value"]: one for one in recorded["response_body"]["value"]}
    assert ours.keys() == theirs.keys()
    for name, definition in theirs.items():
        assert differences(name, definition, ours[name]) == []
        assert ours[name]["dimensions"] == definition["dimensions"]
        assert ours[name]["name"] == definition["name"]


def test_a_server_without_a_named_resource_is_refused_and_an_absent_one_has_no_series(azure):
    pool, _ = a_fleet(azure, 1)
    server = pool.rsplit("/elasticPools/", 1)[0]
    assert metrics(azure, server)[0] == 400
    assert metrics(azure, server, metricnames="cpu_percent")[0] == 400
    status, found = metrics(azure, server, **{"$filter": f"DatabaseResourceId eq '{server}/databases/none'"})
    assert (status, found["value"][0]["timeseries"]) == (200, [])
