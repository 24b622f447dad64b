"""Resource groups. Deleting one deletes all that is in it, behind a Location URL alone."""

from __future__ import annotations

import base64
import re
from typing import Any

import orjson

from simulator.arm.answers import page
from simulator.arm.call import Call, tags_of
from simulator.arm.errors import ArmError, group_not_found, not_found
from simulator.arm.operations import Operation
from simulator.arm.resources import Resource
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
from simulator.http import Response, answer
from simulator.regions import REGIONS, normalised

DELETE_WORD = "DeleteResourceGroup"
_TAG_FILTER = re.compile(r"(?i)tagname eq '(?P<name>[^']*)'(?: and tagvalue eq '(?P<value>[^']*)')?")
_NAME = re.compile(r"[-\w._()]{1,90}(?<!\.)")


@route("PUT", GROUP)
def put_group(call: Call) -> Response:
    """201 for a new group, 200 for a changed one; its location cannot change."""
    name, body = call.names["group"], call.body()
    if not _NAME.fullmatch(name):
        message = f"The provided resource group name '{name}' has invalid characters or more than 90 of them."
        raise ArmError(400, "InvalidResourceGroup", message, gateway=True)
    location = _location(body)
    existing = call.arm.resources.get(call.id(GROUP))
    if existing and existing.body["location"] != location:
        there = existing.body["location"]
        message = (
            f"Invalid resource group location '{location}'. The Resource group already exists in location '{there}'."
        )
        raise ArmError(409, "InvalidResourceGroupLocation", message, gateway=True)
    group = _group(call, location, body, existing)
    call.arm.resources.put(group)
    call.record("UpsertResourceGroup", group.id)
    return answer(200 if existing else 201, group.body)


def _location(body: dict[str, Any]) -> str:
    location = normalised(str(body.get("location") or ""))
    if not location:
        raise ArmError(400, "LocationRequired", "The location property is required for this definition.", gateway=True)
    if location not in REGIONS:
        regions = ",".join(REGIONS)
        message = f"The provided location '{location}' is not available for resource group. Available: '{regions}'."
        raise ArmError(400, "LocationNotAvailableForResourceGroup", message, gateway=True)
    return location


def _group(call: Call, location: str, asked: dict[str, Any], existing: Resource | None) -> Resource:
    tags = tags_of(asked)
    id_ = existing.id if existing else call.id(GROUP)
    body: dict[str, Any] = {
        "id": id_,
        "name": id_.rsplit("/", 1)[1],
        "type": "Microsoft.Resources/resourceGroups",
        "location": location,
    }
    if tags is not None:
        body["tags"] = tags
    body["properties"] = {"provisioningState": "Succeeded"}
    if managed_by := asked.get("managedBy"):
        body["managedBy"] = managed_by
    return Resource(id_, "resourceGroups", (call.id(SUBSCRIPTION).lower(),), body)


@route("PATCH", GROUP)
def patch_group(call: Call) -> Response:
    """200 with other tags."""
    group, tags = call.group(), tags_of(call.body())
    changed = group.with_body(tags=tags if tags is not None else group.body.get("tags"))
    call.arm.resources.put(changed)
    call.record("UpsertResourceGroup", changed.id)
    return answer(200, changed.body)


@route("GET", GROUP)
def get_group(call: Call) -> Response:
    group = call.arm.resources.seen(call.id(GROUP))
    if group is None:
        raise group_not_found(call.names["group"])
    return answer(200, group.body)


@route("HEAD", GROUP)
def has_group(call: Call) -> Response:
    """204 when it exists, else 404, both without a body."""
    if call.arm.resources.seen(call.id(GROUP)):
        return Response(204)
    return Response(404, {"x-ms-failure-cause": "gateway"})


@route("GET", SUBSCRIPTION + "/resourcegroups")
def list_groups(call: Call) -> Response:
    """All, or those with a tag: `$filter=tagname eq 'a' [and tagvalue eq 'b']`."""
    groups = call.arm.resources.seen_children(call.id(SUBSCRIPTION), "resourceGroups")
    wanted = _TAG_FILTER.fullmatch(call.request.query.get("$filter", ""))
    if wanted is None:
        return page(call, groups)
    name, value = wanted["name"], wanted["value"]
    return page(call, [group for group in groups if _is_tagged(group, name, value)])


def _is_tagged(group: Resource, name: str, value: str | None) -> bool:
    tags = group.body.get("tags") or {}
    return name in tags and value in (None, tags[name])


@route("DELETE", GROUP)
def delete_group(call: Call) -> Response:
    """202 with a Location to poll: 202 until all is gone, then 200."""
    group = call.group()
    if call.arm.operations.running_on(group.key) is None:
        now = call.now
        call.arm.resources.put(group.changed(properties={"provisioningState": "Deleting"}))
        call.arm.operations.start(
            Operation(
                id=call.request_id,
                kind="resourceGroup",
                word=DELETE_WORD,
                target=group.key,
                subscription=call.names["subscription"],
                group=group.name,
                location=group.body["location"],
                started=now,
                due=now + call.arm.seconds(30, 90),
                method="DELETE",
            )
        )
        call.record(DELETE_WORD, group.id)
    return Response(202, _headers(call, group.key))


def _headers(call: Call, key: str) -> dict[str, str]:
    operation = call.arm.operations.running_on(key)
    job = orjson.dumps(
        {"jobId": operation.id if operation else "", "jobLocation": operation.location if operation else ""}
    )
    token = base64.urlsafe_b64encode(job).decode().rstrip("=")
    url = f"{call.request.base_url}{call.id(SUBSCRIPTION)}/operationresults/{token}?api-version={call.api_version}"
    return {"location": url, "retry-after": call.arm.retry_after(15)}


@route("GET", SUBSCRIPTION + "/operationresults/{job}")
def poll_group_deletion(call: Call) -> Response:
    """202 while it runs, 200 once it is over; both without a body."""
    token = call.names["job"]
    try:
        job = orjson.loads(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        operation = call.arm.operations.get(job["jobId"])
    except (ValueError, KeyError, TypeError) as error:
        raise not_found("Microsoft.Resources/operationresults", token) from error
    if operation is None:
        raise not_found("Microsoft.Resources/operationresults", token)
    return Response(202, _headers(call, operation.target)) if operation.running else Response(200)
