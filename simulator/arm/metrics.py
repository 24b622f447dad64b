"""Azure Monitor behind ARM: the metrics of one database or pool, what there is of them, and their namespaces."""

from __future__ import annotations

from collections.abc import Mapping

from simulator.arm.call import Call
from simulator.arm.resources import Resource
from simulator.arm.routing import DATABASE, POOL, route
from simulator.http import Response, answer
from simulator.loads import loads_of
from simulator.metric_definitions import metrics_of, namespace_of
from simulator.metric_query import MetricsRefused, answers, namespaces_agree, question_of, span_of

INSIGHTS = "/providers/Microsoft.Insights"
HEADERS = {"server": "Microsoft-IIS/10.0"}


def lowered(query: Mapping[str, str]) -> dict[str, str]:
    """Names of query parameters compare without regard to case."""
    return {name.lower(): value for name, value in query.items()}


@route("GET", DATABASE + INSIGHTS + "/metrics")
def get_database_metrics(call: Call) -> Response:
    """Metrics of one database by the minute or coarser, as its seeded workload and its pool have it."""
    return _metrics(call, call.existing(DATABASE))


@route("GET", POOL + INSIGHTS + "/metrics")
def get_pool_metrics(call: Call) -> Response:
    """Metrics of one elastic pool: the sums of its databases, within its limits."""
    return _metrics(call, call.existing(POOL))


@route("GET", DATABASE + INSIGHTS + "/metricDefinitions")
def list_database_definitions(call: Call) -> Response:
    """The metrics that a database of this size has, with units, aggregations and grains."""
    return _definitions(call, call.existing(DATABASE))


@route("GET", POOL + INSIGHTS + "/metricDefinitions")
def list_pool_definitions(call: Call) -> Response:
    """The metrics that an elastic pool of this size has, with units, aggregations and grains."""
    return _definitions(call, call.existing(POOL))


@route("GET", DATABASE + INSIGHTS + "/metricNamespaces")
def list_database_namespaces(call: Call) -> Response:
    """The one platform namespace of a database's metrics."""
    return _namespaces(call.existing(DATABASE))


@route("GET", POOL + INSIGHTS + "/metricNamespaces")
def list_pool_namespaces(call: Call) -> Response:
    """The one platform namespace of an elastic pool's metrics."""
    return _namespaces(call.existing(POOL))


def _metrics(call: Call, resource: Resource) -> Response:
    query = lowered(call.request.query)
    _check_namespace(query, resource)
    start, end = span_of(query.get("timespan", ""), now=call.now)
    question = question_of(query, start=start, end=end)
    loads = loads_of(call.arm, question.minutes)
    usage = loads.pool(resource) if resource.type == "elasticPools" else loads.database(resource)
    document = {
        "cost": question.cost,
        "timespan": question.timespan,
        "interval": question.interval,
        "value": answers(question, resource, usage, now=call.now),
        "namespace": namespace_of(resource),
        "resourceregion": resource.body["location"],
    }
    return answer(200, document, HEADERS)


def _check_namespace(query: Mapping[str, str], resource: Resource) -> None:
    asked = query.get("metricnamespace")
    if asked and not namespaces_agree(asked, [resource]):
        raise MetricsRefused(
            f"Failed to find metric configuration for the namespace: {asked}, Valid namespaces: "
            f"{namespace_of(resource)}"
        )


def _definitions(call: Call, resource: Resource) -> Response:
    query = lowered(call.request.query)
    _check_namespace(query, resource)
    namespace = query.get("metricnamespace") or namespace_of(resource)
    value = [metric.definition(resource.id, namespace) for metric in metrics_of(resource)]
    return answer(200, {"value": value}, HEADERS)


def _namespaces(resource: Resource) -> Response:
    name = namespace_of(resource).lower()
    shown = name.replace("/", "-")
    value = {
        "id": f"{resource.id}/providers/microsoft.insights/metricNamespaces/{shown}",
        "name": shown,
        "type": "Microsoft.Insights/metricNamespaces",
        "classification": "Platform",
        "properties": {"metricNamespaceName": name},
    }
    return answer(200, {"value": [value]}, HEADERS)
