"""Recorded requests that cannot be sent as they are, said in another way (tolerances: unsent, before 2019, old api)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.conformance.recording import Flow, Interaction, path_key
from tests.simulator.builders import PASSWORD

YEAR_2019 = 1_546_300_800
OLD_VERSION, NEXT_VERSION = "2014-04-01", "2017-10-01-preview"
WRITABLE = frozenset(
    {
        "administratorLogin",
        "version",
        "collation",
        "maxSizeBytes",
        "edition",
        "elasticPoolName",
        "dtu",
        "databaseDtuMax",
        "databaseDtuMin",
        "storageMB",
        "requestedServiceObjectiveName",
    }
)
Body = dict[str, Any]


def adapted(flow: Flow) -> Flow:
    """The same flow, ready to be sent; numbers, answers and order are untouched."""
    interactions = flow.interactions
    if all(one.request_body is None for one in interactions):
        interactions = tuple(_with_body(one, flow) for one in interactions)
    return replace(flow, interactions=tuple(_modern(_sized(one, flow)) for one in interactions))


def _with_body(one: Interaction, flow: Flow) -> Interaction:
    """A request without its body asks for what its resource shows once it is made."""
    if one.method not in ("PUT", "PATCH"):
        return one
    shown = next((later.body for later in _later(one, flow) if _is_resource(later.body)), {})
    body: Body = {name: shown[name] for name in ("location", "tags", "sku") if name in shown}
    if "identity" in shown:
        body["identity"] = {"type": shown["identity"].get("type", "SystemAssigned")}
    properties = shown.get("properties") or {}
    body["properties"] = {name: value for name, value in properties.items() if name in WRITABLE}
    if "administratorLogin" in properties:
        body["properties"]["administratorLoginPassword"] = PASSWORD
    return replace(one, request_body=body)


def _later(one: Interaction, flow: Flow) -> list[Interaction]:
    key = path_key(one.path)
    return [other for other in flow.interactions if other.number >= one.number and path_key(other.path) == key]


def _is_resource(body: object) -> bool:
    return isinstance(body, dict) and "location" in body


def _sized(one: Interaction, flow: Flow) -> Interaction:
    """Until 2019, and in canary regions, a new database without a wish became S0."""
    body = one.request_body
    if one.method != "PUT" or not isinstance(body, dict) or not ((one.at or YEAR_2019) < YEAR_2019 or _is_canary(body)):
        return one
    properties = body.get("properties") or {}
    if path_key(one.path).split("/")[-2] != "databases" or "sku" in body or "elasticPoolId" in properties:
        return one
    is_change = any(_is_write(other) and other.number < one.number for other in _same(one, flow))
    if is_change or properties.get("createMode", "Default") != "Default" or one.version == OLD_VERSION:
        return one
    return replace(one, request_body={**body, "sku": {"name": "S0"}})


def _is_canary(body: Body) -> bool:
    return str(body.get("location", "")).endswith("euap")


def _same(one: Interaction, flow: Flow) -> list[Interaction]:
    return [other for other in flow.interactions if path_key(other.path) == path_key(one.path)]


def _is_write(one: Interaction) -> bool:
    return one.method == "PUT" and one.status < 300


def _modern(one: Interaction) -> Interaction:
    """A write of 2014-04-01 said in the next version."""
    if one.version != OLD_VERSION or "/providers/microsoft.sql/servers/" not in one.path.lower():
        return one
    body = one.request_body
    segments = path_key(one.path).split("/")
    if isinstance(body, dict) and len(segments) > 2 and segments[-2] in ("databases", "elasticpools"):
        translate = _pool if segments[-2] == "elasticpools" else _database
        properties = body.get("properties") or {}
        kept = {name: body[name] for name in ("location", "tags") if name in body}
        body = {**kept, **translate(properties, one.path)}
    return replace(one, request_body=body, query={**one.query, "api-version": NEXT_VERSION})


def _pool(old: Mapping[str, Any], path: str) -> Body:
    edition = old.get("edition", "Standard")
    sku = {"name": f"{edition}Pool", "tier": edition, **({"capacity": int(old["dtu"])} if "dtu" in old else {})}
    names = {"minCapacity": "databaseDtuMin", "maxCapacity": "databaseDtuMax"}
    limits = {name: float(old[former]) for name, former in names.items() if former in old}
    return {"sku": sku, "properties": {"perDatabaseSettings": limits} if limits else {}}


def _database(old: Mapping[str, Any], path: str) -> Body:
    if pool := old.get("elasticPoolName"):
        return {"properties": {"elasticPoolId": f"{path.rpartition('/databases/')[0]}/elasticPools/{pool}"}}
    named = old.get("requestedServiceObjectiveName")
    default = {"Basic": "Basic", "Premium": "P1"}.get(str(old.get("edition")), "S0")
    return {"sku": {"name": default if named in (None, "ElasticPool") else named}, "properties": {}}
