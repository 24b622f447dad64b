"""Azure Monitor: the SDK's batch client and ARM's own metrics, in the shapes that were recorded."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest
from azure.core.exceptions import ClientAuthenticationError, HttpResponseError
from azure.monitor.querymetrics import MetricAggregationType

from simulator.http import Request
from tests.simulator.builders import a_server, ask, bearer, settle, whole_id
from tests.simulator.measured import POOLS, a_fleet, definitions, metrics, post_batch, query


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
