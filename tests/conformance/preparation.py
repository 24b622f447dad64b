"""What a recording found already there when it began: made before it is replayed."""

from __future__ import annotations

import re
from collections.abc import Iterator

import orjson

from simulator.azure import Azure
from simulator.http import Request
from tests.conformance.names import Names, neighbour
from tests.conformance.recording import Flow, Interaction, path_key
from tests.simulator.builders import PASSWORD, ask, settle

TREE = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/microsoft\.sql/servers/(?P<server>[^/]+)(?:/(?P<kind>databases|elasticpools)/(?P<child>[^/]+))?)?",
    re.IGNORECASE,
)
TAGS = {"product": "a", "cause": "b", "date": "c"}  # what azure-cli's recorder puts on its groups


def prepare(azure: Azure, flow: Flow, names: Names) -> None:
    """Groups, servers, pools and databases that the flow uses and never creates, and the settings of its vaults."""
    for path, one in _missing(flow):
        location = neighbour(_location(one, flow))
        if "/databases/" in path or "/elasticPools/" in path:
            ask(azure, "PUT", path, {"location": location})
        elif "/servers/" in path:
            properties = {"administratorLogin": "prepared", "administratorLoginPassword": PASSWORD}
            ask(azure, "PUT", path, {"location": location, "properties": properties})
        else:
            ask(azure, "PUT", path, _group_body(path, flow) or {"location": location, "tags": TAGS})
        settle(azure)
    for one in flow.interactions:
        _make_vault(azure, one, names)


def _missing(flow: Flow) -> Iterator[tuple[str, Interaction]]:
    """Paths below the subscription, parents first, each with the exchange that first needs it."""
    known: set[str] = set()
    made = {path_key(one.path).partition("/resourcegroups/")[2] for one in flow.interactions if one.method == "PUT"}
    for one in flow.interactions:
        found = TREE.match(one.path)
        if found is None:
            continue
        makes = one.method == "PUT" and found.end() == len(one.path.rstrip("/"))
        absent = one.status == 404 or (one.method == "DELETE" and one.status == 204)
        steps = list(_steps(found))
        for number, path in enumerate(steps):
            is_target = number == len(steps) - 1
            of_the_flow = any(_key(before) in made for before in steps[:number])
            if path.lower() not in known and not (is_target and (makes or absent)) and not of_the_flow:
                yield path, one
            known.add(path.lower())


def _key(path: str) -> str:
    return path.lower().removeprefix("/resourcegroups/")


def _steps(found: re.Match[str]) -> Iterator[str]:
    path = f"/resourceGroups/{found['group']}"
    yield path
    if found["server"]:
        path += f"/providers/Microsoft.Sql/servers/{found['server']}"
        yield path
    if found["child"] and found["child"].lower() != "master":
        kind = "databases" if found["kind"].lower() == "databases" else "elasticPools"
        yield f"{path}/{kind}/{found['child']}"


def _group_body(path: str, flow: Flow) -> dict[str, object] | None:
    """Where and with which tags the group is first seen."""
    for one in flow.interactions:
        if one.method == "GET" and one.status == 200 and one.path.lower().endswith(path.lower()):
            return {name: one.body[name] for name in ("location", "tags") if name in one.body}
    return None


def _location(one: Interaction, flow: Flow) -> str:
    for other in (one, *flow.interactions):
        for body in (other.request_body, other.body):
            if isinstance(body, dict) and isinstance(body.get("location"), str):
                return str(body["location"])
        if found := re.search(r"/locations/([a-z0-9]+)/", other.path):
            return found[1]
    return "westeurope"


def _make_vault(azure: Azure, one: Interaction, names: Names) -> None:
    """A vault of the flow is there, and keeps what is deleted as long as its creation said."""
    found = re.search(r"(/resourceGroups/[^/]+/providers/Microsoft\.KeyVault/vaults/([^/]+))$", one.path, re.IGNORECASE)
    if found is None or not isinstance(one.body, dict) or "properties" not in one.body:
        return
    shown = one.body["properties"]
    if one.method == "GET":
        properties = {name: names.said(shown[name]) for name in ("sku", "tenantId", "accessPolicies") if name in shown}
        ask(
            azure,
            "PUT",
            found[1],
            {"location": _location_of(one), "properties": properties},
            **{"api-version": "2023-02-01"},
        )
    document: dict[str, object] = {"name": found[2]}
    if isinstance(shown.get("softDeleteRetentionInDays"), int):
        document["soft_delete_days"] = shown["softDeleteRetentionInDays"]
    azure.handle(Request("POST", "localhost", 443, "/_sim/vaults", {}, {}, orjson.dumps(document)))


def _location_of(one: Interaction) -> str:
    return neighbour(str(one.body.get("location") or "westeurope"))
