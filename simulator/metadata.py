"""`/metadata/endpoints`: where this cloud's services are, for clients that discover them."""

from __future__ import annotations

from typing import Any

from simulator.http import Request, Response, answer

PATH = "/metadata/endpoints"


def endpoints(request: Request, tenant: str) -> Response:
    """As Azure Resource Manager describes a cloud; the older form is one object, since 2020-06-01 a list."""
    base = request.base_url
    cloud: dict[str, Any] = {
        "portal": base,
        "authentication": {
            "loginEndpoint": base,
            "audiences": ["https://management.core.windows.net/", "https://management.azure.com/"],
            "tenant": tenant,
            "identityProvider": "AAD",
        },
        "name": "AzureSimulator",
        "suffixes": {"sqlServerHostname": "database.windows.net", "keyVaultDns": "vault.localhost"},
        "resourceManager": base,
        "sqlManagement": base,
        "media": base,
        "graphAudience": base,
        "graph": base,
        "batch": base,
        "gallery": base,
    }
    version = request.query.get("api-version", "")
    return answer(200, [cloud] if version >= "2020-06-01" else cloud)
