"""Metrics of a server: three old ones, each by the database or the elastic pool that a filter must name."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from simulator.arm.call import Call
from simulator.arm.metrics import HEADERS, INSIGHTS, lowered
from simulator.arm.resources import Resource
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer
from simulator.loads import loads_of
from simulator.metric_definitions import DATABASE_METRICS, POOL_METRICS, Metric
from simulator.metric_query import MetricsRefused, Question, check_dimensions, document, question_of, span_of

NAMESPACE = "Microsoft.Sql/servers"
POOL_DIMENSION, DATABASE_DIMENSION = "ElasticPoolResourceId", "DatabaseResourceId"
_LABELS = {POOL_DIMENSION: "Elastic Pool ARM Resource Id", DATABASE_DIMENSION: "Database ARM Resource Id"}
_FILTER = re.compile(r"\s*(\w+)\s+eq\s+'([^']*)'\s*", re.IGNORECASE)


def _known(name: str, metrics: tuple[Metric, ...]) -> Metric:
    return next(metric for metric in metrics if metric.name == name)


_STORAGE = _known("storage_used", POOL_METRICS)
_BOTH = (POOL_DIMENSION, DATABASE_DIMENSION)
METRICS = {
    "dtu_consumption_percent": replace(_known("dtu_consumption_percent", DATABASE_METRICS), dimensions=_BOTH),
    "storage_used": replace(_STORAGE, dimensions=_BOTH),
    "dtu_used": replace(_known("dtu_used", DATABASE_METRICS), dimensions=(DATABASE_DIMENSION,)),
}


@route("GET", SERVER + INSIGHTS + "/metricDefinitions")
def list_server_definitions(call: Call) -> Response:
    """The metrics of a server; all of them need a dimension."""
    server = call.server()
    value = []
    for metric in METRICS.values():
        dimensions = [{"value": name, "localizedValue": _LABELS[name]} for name in metric.dimensions]
        shown = {**metric.definition(server.id, NAMESPACE), "isDimensionRequired": True, "dimensions": dimensions}
        value.append(shown)
    return answer(200, {"value": value}, HEADERS)


@route("GET", SERVER + INSIGHTS + "/metrics")
def get_server_metrics(call: Call) -> Response:
    """Metrics of one database or pool of the server, named by `$filter`; 400 for a dimension that a metric lacks."""
    server, query = call.server(), lowered(call.request.query)
    start, end = span_of(query.get("timespan", ""), now=call.now)
    question = question_of(query, start=start, end=end)
    wanted = [_metric(name) for name in question.names or ("dtu_consumption_percent",)]
    found = _FILTER.fullmatch(query.get("$filter", ""))
    for metric in wanted:
        check_dimensions(metric.name, question.dimensions, metric.dimensions)
        if found is None:
            raise MetricsRefused(f"Metric: {metric.name} requires one of these dimensions: {metric.dimensions}.")
    assert found is not None
    value = _values(call, server, found, [replace(metric, dimensions=()) for metric in wanted], question)
    head = {"cost": question.cost, "timespan": question.timespan, "interval": question.interval, "value": value}
    return answer(200, {**head, "namespace": NAMESPACE, "resourceregion": server.body["location"]}, HEADERS)


def _metric(name: str) -> Metric:
    found = METRICS.get(name.lower())
    if found is None:
        raise MetricsRefused(
            "Failed to find metric configuration for provider: Microsoft.Sql, resource Type: servers, "
            f"metric: {name}, Valid metrics: {','.join(METRICS)}"
        )
    return found


def _values(
    call: Call, server: Resource, found: re.Match[str], metrics: list[Metric], question: Question
) -> list[dict[str, Any]]:
    """A resource that is not there has no series."""
    kind = "elasticPools" if found[1].lower() == POOL_DIMENSION.lower() else "databases"
    resource = call.arm.resources.get(found[2])
    if resource is None or resource.type != kind or server.key not in resource.under:
        return [document(question, server, metric, None, now=call.now) for metric in metrics]
    loads = loads_of(call.arm, question.minutes)
    usage = loads.pool(resource) if kind == "elasticPools" else loads.database(resource)
    shown = [document(question, server, metric, usage, now=call.now) for metric in metrics]
    names = {"value": found[1].lower(), "localizedValue": found[1].lower()}
    for series in (series for one in shown for series in one["timeseries"]):
        series["metadatavalues"] = [{"name": names, "value": resource.id}]
    return shown
