"""Which recorded exchange is compared, under which area it counts, and why one is left out."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simulator.arm.routing import find
from tests.conformance.recording import Flow, Interaction, path_key

NOT_BUILT = "not built"
OLDEST_SQL = "2015-05-01-preview"  # polls of 2014-04-01 pools say 2015-05-01
LATER = ("failover groups",)
SECONDARY = frozenset({"secondary", "onlinesecondary", "nonreadablesecondary", "recovery", "geobackup", "standby"})
GROUP_ONLY = re.compile(r"/subscriptions/[^/]+/(resourcegroups(/[^/]+)?|operationresults/[^/]+)")
METRICS = re.compile(r".*/providers/microsoft\.insights/metric(s|definitions|namespaces)")
OLD_POLL = re.compile(r".*/[a-z]*(azureasyncoperation|operationresults)/[^/]+")
DATABASE_PATH = re.compile(r".*/servers/[^/]+/databases/[^/]+")
AREA_OF_TYPE: Mapping[str, str] = {
    "failovergroups": "failover groups",
    "keys": "customer-managed keys",
    "encryptionprotector": "customer-managed keys",
    "replicationlinks": "geo links",
    "elasticpools": "elastic pools",
    "databases": "databases",
    "restorabledroppeddatabases": "databases",
    "administrators": "server administrators",
    "azureadonlyauthentications": "server administrators",
    "usages": "usages and capabilities",
    "capabilities": "usages and capabilities",
}


@dataclass(frozen=True)
class Scope:
    """Where an exchange counts. `why_not` is empty for one that is compared."""

    area: str
    why_not: str = ""

    @property
    def compared(self) -> bool:
        return not self.why_not

    @property
    def in_scope(self) -> bool:
        """Whether it is to be compared once its resource is built."""
        return self.compared or self.why_not.startswith(NOT_BUILT)

    @property
    def later(self) -> bool:
        return self.area in LATER


class Scopes:
    """Judges a flow's exchanges in their order: what a write began gives its area to its polls and its resource."""

    def __init__(self, flow: Flow) -> None:
        self._by_path: dict[str, Scope] = {}
        self._made = {path_key(one.path) for one in flow.interactions if one.method == "PUT"}
        self._moved = any(path_key(one.path).endswith("/move") for one in flow.interactions)
        self._hyperscale: set[str] = set()
        self._latest: Scope | None = None

    def of(self, one: Interaction) -> Scope:
        key = path_key(one.path)
        if is_old(one) and not one.poll_paths and not OLD_POLL.fullmatch(key):
            return _own(one, key)
        scope = self._inherited(key) or self._appeared(one, key) or _own(one, key)
        scope = _shown_by(one) or self._refined(one, key, scope)
        if one.method in ("PUT", "PATCH", "POST", "DELETE"):
            for path in one.poll_paths:
                self._by_path[path] = scope
            if scope.later and one.method == "PUT":
                self._by_path[key] = scope
        if scope.later:
            self._latest = scope
        return scope

    def _appeared(self, one: Interaction, key: str) -> Scope | None:
        """A database that the flow never made, on a server that it did make: what a failover group brought along."""
        found = DATABASE_PATH.match(key)
        if found is None or found[0] in self._made or self._moved or one.status != 200:
            return None
        return self._latest if found[0].rpartition("/databases/")[0] in self._made else None

    def _inherited(self, key: str) -> Scope | None:
        while key:
            if key in self._by_path:
                return self._by_path[key]
            key = key.rpartition("/")[0]
        return None

    def _refined(self, one: Interaction, key: str, scope: Scope) -> Scope:
        """Databases and pools whose request asks for what a later area brings."""
        if not scope.compared or one.method not in ("PUT", "PATCH") or not isinstance(one.request_body, dict):
            return scope
        properties = one.request_body.get("properties") or {}
        if str(properties.get("createMode", "")).lower() in SECONDARY or "secondaryType" in properties:
            return Scope("geo links")
        if properties.get("zoneRedundant") is True:
            return Scope("zone rules")
        if _holds_keys(properties):
            return Scope("customer-managed keys")
        return self._hyperscale_change(one, key, scope)

    def _hyperscale_change(self, one: Interaction, key: str, scope: Scope) -> Scope:
        sku = one.request_body.get("sku") or {}
        if not DATABASE_PATH.fullmatch(key) or not str(sku.get("name", "")).upper().startswith("HS_"):
            return scope
        changes = key in self._hyperscale
        self._hyperscale.add(key)
        return Scope("Hyperscale changes") if changes else scope


def _shown_by(one: Interaction) -> Scope | None:
    """A database that says which failover group it is in."""
    properties = one.body.get("properties") if isinstance(one.body, dict) else None
    in_group = (
        isinstance(properties, dict)
        and properties.get("failoverGroupId")
        and DATABASE_PATH.fullmatch(path_key(one.path))
    )
    return Scope("failover groups") if in_group else None


def _holds_keys(properties: Mapping[str, Any]) -> bool:
    return any(properties.get(name) for name in ("keys", "encryptionProtector", "keyId"))


def _own(one: Interaction, key: str) -> Scope:
    if ".vault." in one.host or ".managedhsm." in one.host:
        return Scope("vault keys" if "/keys" in key else "vault secrets")
    if GROUP_ONLY.fullmatch(key):
        return Scope("resource groups")
    if METRICS.fullmatch(key):
        return _metrics(key)
    if _error_code(one) == "MissingSubscriptionRegistration" and not find(one.method, one.path)[2]:
        return Scope("not Azure SQL", "a provider that is not served here, and was not registered there")
    return _of_provider(one, key)


def _of_provider(one: Interaction, key: str) -> Scope:
    provider = _provider(key)
    if provider == "microsoft.sql":
        return _sql(one, key)
    if provider == "microsoft.keyvault":
        return _served(one, "vaults", "")
    if not provider and find(one.method, one.path)[2]:
        return Scope("resource groups")
    if not provider:
        return Scope("not Azure SQL", "a call of Resource Manager that nothing here makes")
    return Scope("not Azure SQL", f"another resource provider ({provider})")


def is_old(one: Interaction) -> bool:
    """Of api-version 2014-04-01, or a poll of such an operation."""
    return one.version < OLDEST_SQL and "/providers/microsoft.sql/" in one.path.lower()


def _error_code(one: Interaction) -> str:
    error = one.body.get("error") if isinstance(one.body, dict) else None
    return str(error.get("code", "")) if isinstance(error, dict) else ""


def _metrics(key: str) -> Scope:
    if "/providers/microsoft.sql/" not in key:
        return Scope("metrics", "metrics of another provider's resource")
    return Scope("metrics")


def _provider(key: str) -> str:
    found = re.findall(r"/providers/([^/]+)", key)
    return found[-1] if found else ""


def _sql(one: Interaction, key: str) -> Scope:
    if "/managedinstances" in key or "/instancepools" in key:
        return Scope("managed instances", "managed instances are another product")
    area = _sql_area(key)
    if is_old(one):
        if one.poll_paths or OLD_POLL.fullmatch(key):
            return Scope("2014-04-01 operations")
        return Scope("2014-04-01", "of api-version 2014-04-01 only the shape of operations is compared")
    return _served(one, area, key)


def _sql_area(key: str) -> str:
    tail = key.partition("/providers/microsoft.sql/")[2].split("/")
    if key.endswith(("/failover", "/tryplannedbeforeforcedfailover")) and "replicationlinks" not in key:
        return "failover groups" if "/failovergroups/" in key else "failover of a database"
    for word in reversed(tail[::2]):
        if word in AREA_OF_TYPE:
            return AREA_OF_TYPE[word]
        for kind, area in AREA_OF_TYPE.items():
            if word.startswith((kind.rstrip("s") + "azureasync", kind.rstrip("s") + "operationresults")):
                return area
    return "servers"


def _served(one: Interaction, area: str, key: str) -> Scope:
    """A type of resource for which nothing is built yet is told apart from one that answers wrongly."""
    if area in LATER or OLD_POLL.fullmatch(key):
        return Scope(area)
    if find(one.method, one.path)[2]:
        return Scope(area)
    return Scope(area, f"{NOT_BUILT}: {_type_of(key or path_key(one.path))}")


def _type_of(key: str) -> str:
    return "/".join(key.rpartition("/providers/")[2].split("/")[1::2]) or key.rpartition("/")[2]
