"""Azure Monitor's batch API (`metrics:getBatch`): the metrics of up to 50 resources in one call, beside ARM."""

from __future__ import annotations

import re
import uuid
from typing import TYPE_CHECKING, Any

import orjson

from simulator.arm.metrics import lowered
from simulator.arm.resources import Resource
from simulator.entra import TokenRefused
from simulator.http import Request, Response, answer
from simulator.loads import Loads, loads_of
from simulator.metric_definitions import namespace_of
from simulator.metric_query import (
    MetricsRefused,
    Question,
    answers,
    moment,
    namespaces_agree,
    ordered,
    question_of,
)

if TYPE_CHECKING:
    from simulator.arm.arm import Arm

AUDIENCE = "https://metrics.monitor.azure.com"
DENIED = "metrics_denied"
MOST_RESOURCES = 50
PATH = re.compile(r"/subscriptions/(?P<subscription>[^/]+)/metrics:getBatch/?", re.IGNORECASE)
_RESOURCE = re.compile(
    r"/subscriptions/[^/]+/resourceGroups/[^/]+/providers/Microsoft\.Sql/servers/[^/]+/(?P<type>databases|elasticPools)/[^/]+",
    re.IGNORECASE,
)


class Monitor:
    """The data plane of Azure Monitor's metrics. One endpoint stands for those of all regions."""

    def __init__(self, arm: Arm) -> None:
        self._arm = arm

    def handle(self, request: Request) -> Response:
        """200 with one result a resource in the order asked; 401 and 403 for the caller, 400 for the question."""
        try:
            response = self._answer(request)
        except TokenRefused as refused:
            response = _refusal(401, "Unauthorized", str(refused))
            response.headers["www-authenticate"] = (
                f'Bearer authorization_uri="{request.base_url}", resource="{AUDIENCE}"'
            )
        except MetricsRefused as refused:
            response = _refusal(refused.status, refused.code, refused.message)
        response.headers["x-ms-request-id"] = str(uuid.uuid4())
        asked = request.headers.get("x-ms-client-request-id")
        response.headers |= {"x-ms-client-request-id": asked} if asked else {}
        return response

    def _answer(self, request: Request) -> Response:
        claims = self._arm.entra.verify_header(request, AUDIENCE)
        found = PATH.fullmatch(request.path)
        if found is None or request.method != "POST":
            raise MetricsRefused(f"{request.method} {request.path} is not served.", "NotFound", 404)
        subscription = found["subscription"].lower()
        self._check_reader(claims.get("oid", ""), claims.get("appid", ""), subscription)
        query = lowered(request.query)
        if not query.get("api-version"):
            raise MetricsRefused("The api-version query parameter is required.", "MissingApiVersionParameter")
        ids = _resource_ids(request.body, subscription)
        question = self._question(query)
        resources = [self._arm.resources.get(id_) for id_ in ids]
        _check_one_region([resource for resource in resources if resource is not None])
        return answer(200, {"values": self._values(question, query["metricnamespace"], ids, resources)})

    def _check_reader(self, object_id: str, client_id: str, subscription: str) -> None:
        """Monitoring Reader on the subscription: everyone, but for those from whom it was taken at /_sim/monitoring."""
        if self._arm.store.get(DENIED, client_id) is not None:
            action, scope = "microsoft.insights/metrics/read", f"/subscriptions/{subscription}"
            raise MetricsRefused(
                f"The client '{client_id}' with object id '{object_id}' does not have authorization to perform action "
                f"'{action}' over scope '{scope}' or the scope is invalid. If access was recently granted, please "
                "refresh your credentials.",
                "AuthorizationFailed",
                403,
            )

    def _question(self, query: dict[str, str]) -> Question:
        for name in ("metricnamespace", "metricnames"):
            if not query.get(name):
                raise MetricsRefused(f"The query parameter {name} is required.")
        now = int(self._arm.clock.now() // 60)
        end = moment(query["endtime"]) if query.get("endtime") else now
        start = moment(query["starttime"]) if query.get("starttime") else end - 60
        return question_of(query, start=ordered(start, end)[0], end=end)

    def _values(
        self, question: Question, namespace: str, ids: list[str], resources: list[Resource | None]
    ) -> list[dict[str, Any]]:
        known = [resource for resource in resources if resource is not None]
        if not namespaces_agree(namespace, known):
            raise MetricsRefused(f"The resources are not of the metric namespace '{namespace}'.")
        loads = loads_of(self._arm, question.minutes)
        return [
            self._value(question, namespace, id_, resource, loads) for id_, resource in zip(ids, resources, strict=True)
        ]

    def _value(
        self, question: Question, namespace: str, id_: str, resource: Resource | None, loads: Loads
    ) -> dict[str, Any]:
        """A resource that is not there has no series (assumed: Azure Monitor does not ask ARM)."""
        start, end = question.edges
        head = {"cost": question.cost, "starttime": start, "endtime": end, "interval": question.interval}
        if resource is None:
            return {**head, "namespace": namespace, "resourceregion": "", "resourceid": id_, "value": []}
        usage = loads.pool(resource) if resource.type == "elasticPools" else loads.database(resource)
        return {
            **head,
            "namespace": namespace_of(resource),
            "resourceregion": resource.body["location"],
            "resourceid": id_,
            "value": answers(question, resource, usage, now=self._arm.clock.now()),
        }


def _resource_ids(body: bytes, subscription: str) -> list[str]:
    """The ids in the order sent; the key is lower case and they are of one type of one subscription."""
    try:
        document = orjson.loads(body)
        ids = document["resourceids"]
    except (orjson.JSONDecodeError, KeyError, TypeError) as error:
        raise MetricsRefused("The request body must be an object with the key 'resourceids'.") from error
    if not isinstance(ids, list) or not ids or not all(isinstance(one, str) for one in ids):
        raise MetricsRefused("resourceids must be a list of at least one resource id.")
    if len({one.lower() for one in ids}) != len(ids):
        raise MetricsRefused("resourceids must be unique.")
    if len(ids) > MOST_RESOURCES:
        raise MetricsRefused(f"The number of resources, {len(ids)}, exceeds the limit of {MOST_RESOURCES}.")
    _check_one_type(ids, subscription)
    return ids


def _check_one_type(ids: list[str], subscription: str) -> None:
    matches = [(one, _RESOURCE.fullmatch(one)) for one in ids]
    strange = next((one for one, match in matches if match is None), None)
    if strange is not None:
        raise MetricsRefused(f"The resource id '{strange}' is not one of a database or an elastic pool.")
    if any(not one.lower().startswith(f"/subscriptions/{subscription}/") for one in ids):
        raise MetricsRefused("All resources must be of the subscription in the path.")
    if len({match["type"].lower() for _, match in matches if match}) > 1:
        raise MetricsRefused("All resources must be of one type.")


def _check_one_region(resources: list[Resource]) -> None:
    regions = sorted({str(resource.body["location"]) for resource in resources})
    if len(regions) > 1:
        raise MetricsRefused(f"All resources must be of one region; these are of: {', '.join(regions)}.")


def _refusal(status: int, code: str, message: str) -> Response:
    return answer(status, {"error": {"code": code, "message": message}})
