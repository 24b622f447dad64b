"""Answers of Azure Monitor held against those that were recorded."""

from __future__ import annotations

from tests.simulator.measured import a_fleet, definitions, metrics
from tests.simulator.recordings import flow


def differences(where: str, recorded: object, ours: object) -> list[str]:
    """Fields and types that differ at any depth; of lists the first items are compared."""
    if isinstance(recorded, dict) and isinstance(ours, dict):
        odd = [f"{where}.{key}" for key in (recorded.keys() ^ ours.keys()) - {"dimensions"}]
        both = recorded.keys() & ours.keys()
        return odd + [one for key in both for one in differences(f"{where}.{key}", recorded[key], ours[key])]
    if isinstance(recorded, list) and isinstance(ours, list):
        return differences(f"{where}[0]", recorded[0], ours[0]) if recorded and ours else []
    return [] if type(recorded) is type(ours) else [f"{where}: {type(ours).__name__}"]


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
