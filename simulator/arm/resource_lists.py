"""What is in a subscription or a group, whatever its type: how clients find a resource by its name alone."""

from __future__ import annotations

import re

from simulator.arm.answers import page
from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.arm.resources import Body, Resource
from simulator.arm.routing import GROUP, SUBSCRIPTION, route
from simulator.http import Response

HEADS = ("id", "name", "type", "sku", "kind", "location", "identity", "tags")
TERM = re.compile(r"(resourceType|name|location) eq '([^']*)'", re.IGNORECASE)
AND = re.compile(r"\s+and\s+", re.IGNORECASE)
PART = {"resourcetype": "type", "name": "name", "location": "location"}


@route("GET", GROUP + "/resources")
def list_resources_of_group(call: Call) -> Response:
    """What is in the group, each by its head: id, name, type, sku, kind, location, tags."""
    return _listed(call, call.arm.resources.below(call.group().key))


@route("GET", SUBSCRIPTION + "/resources")
def list_resources(call: Call) -> Response:
    """The same of a subscription. `$filter` joins resourceType, name and location, each `eq '…'`, by `and`."""
    root = f"{call.id(SUBSCRIPTION)}/resourcegroups/".lower()
    return _listed(call, [one for one in call.arm.resources if one.key.startswith(root)])


def _listed(call: Call, resources: list[Resource]) -> Response:
    wanted = _wanted(call.request.query.get("$filter", ""))
    found = [one for one in resources if _is_tracked(one) and _matches(one, wanted)]
    return page(call, found, _head)


def _is_tracked(resource: Resource) -> bool:
    return "location" in resource.body and resource.type != "resourceGroups"


def _matches(resource: Resource, wanted: dict[str, str]) -> bool:
    return all(str(resource.body.get(part)).lower() == value for part, value in wanted.items())


def _head(resource: Resource) -> Body:
    return {name: resource.body[name] for name in HEADS if name in resource.body}


def _wanted(text: str) -> dict[str, str]:
    wanted: dict[str, str] = {}
    for term in AND.split(text.strip()) if text.strip() else ():
        found = TERM.fullmatch(term)
        if found is None:
            message = f"Invalid $filter '{text}' specified in the query string."
            raise ArmError(400, "InvalidFilterInQueryString", message, gateway=True)
        wanted[PART[found[1].lower()]] = found[2].lower()
    return wanted
