"""What Resource Manager answers before it asks any provider: unknown types, namespaces and api-versions."""

from __future__ import annotations

import re

from simulator.arm.errors import ArmError
from simulator.arm.routing import take_apart
from simulator.http import Request
from simulator.regions import REGIONS

DATE = re.compile(r"\d{4}-\d\d-\d\d(-[a-z0-9]+)?", re.IGNORECASE)
OLDEST = "2013-03-01"
CORE_VERSIONS = "2024-08-01,2024-03-01,2023-07-01,2022-12-01,2022-09-01,2021-04-01,2021-01-01,2020-10-01,2020-06-01"
SQL_VERSIONS = (
    "2014-04-01, 2017-10-01-preview, 2021-11-01, 2022-05-01-preview, 2023-05-01-preview, 2023-08-01, 2025-01-01"
)
NAMESPACES = frozenset(
    {
        *("microsoft.sql", "microsoft.keyvault", "microsoft.managedidentity", "microsoft.insights"),
        *("microsoft.network", "microsoft.authorization", "microsoft.maintenance", "microsoft.resources"),
    }
)


def check_version(request: Request) -> None:
    """400 without an api-version, for one that is no date, and for one from before there were any."""
    version = request.query.get("api-version")
    if not version:
        message = "The api-version query parameter (?api-version=) is required for all requests."
        raise ArmError(400, "MissingApiVersionParameter", message, gateway=True)
    if DATE.fullmatch(version) and version[:10] >= OLDEST:
        return
    namespace, kind = _provider(request.path)
    if namespace:
        places = ", ".join(REGIONS)
        message = (
            f"No registered resource provider found for location '{next(iter(REGIONS))}' and API version '{version}' for "
            f"type '{kind}'. The supported api-versions are '{SQL_VERSIONS}'. The supported locations are '{places}'."
        )
        raise ArmError(400, "NoRegisteredProviderFound", message, gateway=True)
    message = f"The api-version '{version}' is invalid. The supported versions are '{CORE_VERSIONS}'."
    raise ArmError(400, "InvalidApiVersionParameter", message, gateway=True)


def not_served(request: Request, *, served: bool) -> ArmError:
    """405 where another method is served; else 404 for an unknown type, namespace or path."""
    if served:
        message = f"The HTTP method '{request.method}' is not supported at scope '{request.path}'."
        return ArmError(405, "HttpMethodNotSupported", message, gateway=True)
    namespace, _ = _provider(request.path)
    if not namespace:
        return ArmError(404, "InvalidResourceType", f"Nothing is served at '{request.path}'.", gateway=True)
    if namespace.lower() not in NAMESPACES:
        message = f"The resource namespace '{namespace}' is invalid."
        return ArmError(404, "InvalidResourceNamespace", message, gateway=True)
    version = request.query["api-version"]
    message = f"The resource type could not be found in the namespace '{namespace}' for api version '{version}'."
    return ArmError(404, "InvalidResourceType", message, gateway=True)


def _provider(path: str) -> tuple[str, str]:
    """The last namespace in a path as it was spelt, and the type below it; empty without one."""
    found = re.findall(r"(?i)/providers/([^/]+)((?:/[^/]+)*?)(?=/providers/|$)", path)
    if not found:
        return "", ""
    namespace, rest = found[-1]
    types = [segment for segment in take_apart(rest)[0].split("/") if segment not in ("", "*")]
    return str(namespace), "/".join(types)
