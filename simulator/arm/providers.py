"""Resource providers of a subscription: writes to one that is not registered are refused."""

from __future__ import annotations

import re
from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.arm.routing import SUBSCRIPTION, route, routes
from simulator.http import Response, answer
from simulator.regions import REGIONS

KIND = "registrations"
REGISTERING_SECONDS = 30.0
TYPES = {
    "Microsoft.Sql": (
        "servers",
        "servers/databases",
        "servers/elasticPools",
        "servers/firewallRules",
        "servers/administrators",
        "servers/azureADOnlyAuthentications",
        "servers/auditingSettings",
        "servers/privateEndpointConnections",
        "servers/restorableDroppedDatabases",
        "servers/databases/replicationLinks",
        "servers/databases/transparentDataEncryption",
        "servers/databases/backupShortTermRetentionPolicies",
        "servers/databases/backupLongTermRetentionPolicies",
        "locations/capabilities",
        "locations/usages",
    ),
    "Microsoft.KeyVault": (
        "vaults",
        "vaults/secrets",
        "vaults/accessPolicies",
        "vaults/keys",
        "operations",
        "checkNameAvailability",
        "deletedVaults",
        "locations",
        "locations/deletedVaults",
        "locations/operationResults",
    ),
    "Microsoft.ManagedIdentity": ("userAssignedIdentities",),
    "Microsoft.Insights": ("diagnosticSettings", "metrics", "metricDefinitions"),
    "Microsoft.Network": ("privateEndpoints",),
    "Microsoft.Authorization": ("locks",),
}
ALWAYS = frozenset({"microsoft.authorization", "microsoft.resources"})
API_VERSIONS = ("2023-08-01", "2022-05-01-preview", "2021-11-01", "2020-11-01-preview", "2019-06-01-preview")
MOVABLE = "CrossResourceGroupResourceMove, CrossSubscriptionResourceMove"
AUTHORIZATIONS: dict[str, list[dict[str, str]]] = {
    "Microsoft.KeyVault": [
        {
            "applicationId": "cfa8b339-82a2-471a-a3c9-0fc0be7a4093",
            "roleDefinitionId": "1cf9858a-28a2-4228-abba-94e606305b95",
        },
        {"applicationId": "589d5083-6f11-4d30-a62a-a4b316a14abf"},
    ],
}
_NAMESPACE = re.compile(r"(?i).*/providers/([^/]+)/")


def check_registration(call: Call) -> None:
    """409 for a write to a provider that the subscription has not registered (or is still registering)."""
    if not call.arm.store.table(KIND):
        return
    found = _NAMESPACE.match(call.request.path)
    if found is None or call.request.path.lower().endswith(("/register", "/unregister")):
        return
    if _state(call, found[1]) != "Registered":
        message = (
            f"The subscription is not registered to use namespace '{found[1]}'. See https://aka.ms/rps-not-found for "
            "how to register subscriptions."
        )
        code = "MissingSubscriptionRegistration"
        more = {"details": [{"code": code, "target": found[1], "message": message}]}
        raise ArmError(409, code, message, gateway=True, more=more)


def _state(call: Call, namespace: str) -> str:
    """Registered from the start, unless told otherwise."""
    known = call.arm.store.get(KIND, _key(call, namespace))
    if known is None or namespace.lower() in ALWAYS:
        return "Registered"
    if known["state"] == "Registering" and call.now >= known["at"] + REGISTERING_SECONDS:
        return "Registered"
    return str(known["state"])


def _key(call: Call, namespace: str) -> str:
    return f"{call.names['subscription']}/{namespace}".lower()


def _body(call: Call, namespace: str) -> dict[str, Any]:
    places = [region.display_name for region in REGIONS.values()]
    types = [_type(name, places, movable=place == 0) for place, name in enumerate(TYPES[namespace])]
    return {
        "id": f"{call.id(SUBSCRIPTION)}/providers/{namespace}",
        "namespace": namespace,
        "authorizations": AUTHORIZATIONS.get(namespace, []),
        "resourceTypes": types,
        "registrationState": _state(call, namespace),
        **({"registrationPolicy": "RegistrationRequired"} if call.api_version >= "2020-10-01" else {}),
    }


def _type(name: str, places: list[str], *, movable: bool) -> dict[str, Any]:
    """Only what stands by itself can be moved, and says so."""
    shown = {"resourceType": name, "locations": places, "apiVersions": list(API_VERSIONS)}
    return {**shown, "capabilities": MOVABLE} if movable else shown


def _namespace(call: Call) -> str:
    """As Azure spells it."""
    given = re.split("(?i)/providers/", call.request.path)[1].split("/")[0].lower()
    return next(name for name in TYPES if name.lower() == given)


def get_provider(call: Call) -> Response:
    return answer(200, _body(call, _namespace(call)))


def register(call: Call) -> Response:
    """200; Registered after some seconds."""
    return _change(call, "Registering")


def unregister(call: Call) -> Response:
    return _change(call, "NotRegistered")


def _change(call: Call, state: str) -> Response:
    namespace = _namespace(call)
    if state != "Registering" or _state(call, namespace) == "NotRegistered":
        call.arm.store.put(KIND, _key(call, namespace), {"state": state, "at": call.now})
        call.record("RegisterProvider" if state == "Registering" else "UnregisterProvider", namespace)
    return answer(200, _body(call, namespace))


@route("GET", SUBSCRIPTION + "/providers")
def list_providers(call: Call) -> Response:
    return answer(200, {"value": [_body(call, namespace) for namespace in TYPES]})


def _verbs(method: str, path: str) -> list[str]:
    if method == "POST":
        return [f"{path.rpartition('/')[2]}/action"]
    return {"GET": ["read"], "PUT": ["write"], "PATCH": ["write"], "DELETE": ["delete"]}.get(method, [])


@route("GET", "/providers/Microsoft.Sql/operations")
def list_sql_operations(call: Call) -> Response:
    """What roles can grant of Microsoft.Sql, as far as it is served here."""
    names: set[str] = set()
    for one in routes():
        _, _, path = one.template.partition("/providers/")
        types = "/".join(segment for segment in path.split("/") if "{" not in segment)
        is_poll = types.endswith(("AzureAsyncOperation", "OperationResults"))
        if types.startswith("Microsoft.Sql/") and "/providers/" not in path and not is_poll:
            scope = types.rpartition("/")[0] if one.method == "POST" else types
            names |= {f"{scope}/{verb}" for verb in _verbs(one.method, types)}
    return answer(200, {"value": [_operation(name) for name in sorted(names)]})


def _operation(name: str) -> dict[str, Any]:
    provider, *types, verb = name.split("/")
    display = {"provider": "Microsoft SQL Database", "resource": "/".join(types), "operation": verb}
    return {"name": name, "display": {**display, "description": f"{verb} of {provider}"}, "origin": "user"}


@route("GET", "/providers")
def list_providers_of_tenant(call: Call) -> Response:
    """Namespaces and types, without what only a subscription knows."""
    return answer(200, {"value": [_tenants(call, namespace) for namespace in TYPES]})


def get_provider_of_tenant(call: Call) -> Response:
    return answer(200, _tenants(call, _namespace(call)))


def _tenants(call: Call, namespace: str) -> dict[str, Any]:
    places = [region.display_name for region in REGIONS.values()]
    types = [_type(name, places, movable=place == 0) for place, name in enumerate(TYPES[namespace])]
    return {"namespace": namespace, "resourceTypes": types}


for _name in TYPES:
    route("GET", f"/providers/{_name}")(get_provider_of_tenant)
    route("GET", f"{SUBSCRIPTION}/providers/{_name}")(get_provider)
    route("POST", f"{SUBSCRIPTION}/providers/{_name}/register")(register)
    route("POST", f"{SUBSCRIPTION}/providers/{_name}/unregister")(unregister)
