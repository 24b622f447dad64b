"""What a recording found already there when it began: made before it is replayed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import timedelta

from simulator.azure import Azure
from tests.conformance.key_preparation import prepare_keys
from tests.conformance.names import Names, neighbour
from tests.conformance.recording import Flow, Interaction, path_key
from tests.simulator.builders import PASSWORD, ask, settle

TREE = re.compile(
    r"/subscriptions/[^/]+/resourcegroups/(?P<group>[^/]+)"
    r"(?:/providers/microsoft\.sql/servers/(?P<server>[^/]+)(?:/(?P<kind>databases|elasticpools)/(?P<child>[^/]+))?)?",
    re.IGNORECASE,
)
VAULT = re.compile(r"/resourceGroups/[^/]+/providers/Microsoft\.KeyVault/vaults/[^/]+$", re.IGNORECASE)
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
    for path, one in _vaults(flow).items():
        _make_vault(azure, path, one, names)
    for one in flow.interactions:
        _unregister(azure, one)
        prepare_keys(azure, one, names)
    azure.clock.advance(timedelta(minutes=1))


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


def _vaults(flow: Flow) -> dict[str, Interaction]:
    """By its path, the first sight of each vault that was there before: ready, and not just made by the flow."""
    found: dict[str, Interaction] = {}
    for one in flow.interactions:
        path = VAULT.search(one.path)
        if path and isinstance(one.body, dict) and "properties" in one.body:
            found.setdefault(path[0], one)
    return {path: one for path, one in found.items() if one.body["properties"]["provisioningState"] == "Succeeded"}


def _make_vault(azure: Azure, path: str, one: Interaction, names: Names) -> None:
    shown = one.body["properties"]
    wanted = ("sku", "tenantId", "accessPolicies", "softDeleteRetentionInDays")
    properties = {name: names.said(shown[name]) for name in wanted if name in shown}
    document = {"location": _location_of(one), "properties": properties}
    ask(azure, "PUT", path, document, **{"api-version": "2023-02-01"})


def _unregister(azure: Azure, one: Interaction) -> None:
    """Where Azure only began to register a provider, the subscription did not have it."""
    if one.method == "POST" and isinstance(one.body, dict) and one.body.get("registrationState") == "Registering":
        path = re.sub(r"(?i)^/subscriptions/[^/]+(.*)/register$", r"\1/unregister", one.path)
        ask(azure, "POST", path, None, **{"api-version": one.version})


def _location_of(one: Interaction) -> str:
    return neighbour(str(one.body.get("location") or "westeurope"))
