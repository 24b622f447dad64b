"""The demo's two ways in: our REST API with a bearer token, as a service team would, and the simulator's own books."""

from __future__ import annotations

import os
import time
from datetime import timedelta
from typing import Any

import requests

from controlplane.demo.customers import Wanted
from controlplane.env import env_text

SECONDS = 30


class RestApi:
    """Calls of one client application; the token is asked for again shortly before it ends."""

    def __init__(self, base_url: str, simulator: SimulatorBooks, *, name: str, roles: list[str], audience: str) -> None:
        self._base = f"{base_url}/api/v1"
        self._app = simulator.register_app(name, roles={audience: roles})
        self._audience = audience
        self._session = requests.Session()
        self._token_until = 0.0

    def put_workspace(self, name: str, document: dict[str, Any]) -> requests.Response:
        return self._call("PUT", f"workspaces/{name}", document)

    def put_service(self, wanted: Wanted, **consent: object) -> requests.Response:
        properties = {"kind": wanted.kind, "sizeGb": wanted.size_gb}
        return self._call("PUT", _address(wanted), {"properties": properties, **consent})

    def plan_service(self, wanted: Wanted) -> dict[str, Any]:
        """What asking for it would do."""
        properties = {"kind": wanted.kind, "sizeGb": wanted.size_gb}
        return _plan(self._call("PUT", f"{_address(wanted)}?dryRun=true", {"properties": properties}))

    def change(self, path: str, **body: object) -> requests.Response:
        return self._call("POST", path, body or None)

    def plan_change(self, path: str, **body: object) -> dict[str, Any]:
        """What the change would do."""
        return _plan(self._call("POST", f"{path}?dryRun=true", body))

    def put(self, path: str, document: dict[str, Any]) -> requests.Response:
        return self._call("PUT", path, document)

    def delete(self, path: str) -> requests.Response:
        return self._call("DELETE", path)

    def delete_service(self, wanted: Wanted) -> requests.Response:
        return self._call("DELETE", _address(wanted))

    def get(self, path: str) -> dict[str, Any]:
        answer = self._call("GET", path)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def follow(self, url: str) -> dict[str, Any]:
        """The operation behind an Operation-Location."""
        answer = self._session.get(url, headers=self._headers(), timeout=SECONDS)
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document

    def _call(self, method: str, path: str, document: dict[str, Any] | None = None) -> requests.Response:
        return self._session.request(
            method, f"{self._base}/{path}", json=document, headers=self._headers(), timeout=SECONDS
        )

    def _headers(self) -> dict[str, str]:
        if time.monotonic() > self._token_until:
            answer = token_answer(self._app, self._audience)
            self._token_until = time.monotonic() + answer["expires_in"] - 300
            self._session.headers["Authorization"] = f"Bearer {answer['access_token']}"
        return {}


def token_answer(app: dict[str, str], audience: str) -> dict[str, Any]:
    """What the directory answers to an application that asks for a token by its secret."""
    authority = env_text("AZURE_AUTHORITY_HOST").rstrip("/")
    form = {
        "grant_type": "client_credentials",
        "client_id": app["client_id"],
        "client_secret": app["client_secret"],
        "scope": f"{audience}/.default",
    }
    url = f"{authority}/{app['tenant']}/oauth2/v2.0/token"
    answer = requests.post(url, data=form, verify=os.environ["AZURE_CA_FILE"], timeout=SECONDS)
    answer.raise_for_status()
    document: dict[str, Any] = answer.json()
    return document


def _address(wanted: Wanted) -> str:
    return f"workspaces/{wanted.workspace}/services/{wanted.name}"


def _plan(answer: requests.Response) -> dict[str, Any]:
    answer.raise_for_status()
    properties: dict[str, Any] = answer.json()["properties"]
    return properties


class SimulatorBooks:
    """What the simulator says of itself; not a way that the product takes."""

    def __init__(self) -> None:
        self._admin = env_text("SIMULATOR_ADMIN_URL")
        self._ca = os.environ["AZURE_CA_FILE"]

    def register_app(self, name: str, *, roles: dict[str, list[str]]) -> dict[str, str]:
        answer = requests.post(
            f"{self._admin}/apps", json={"name": name, "roles": roles}, verify=self._ca, timeout=SECONDS
        )
        answer.raise_for_status()
        document: dict[str, str] = answer.json()
        return document

    def use(self, arm_id: str, *, cpu_vcores: float) -> None:
        """From now on the database wants so many vCores."""
        self._post("workload", {"database": arm_id, "cpu_vcores": cpu_vcores})

    def advance(self, by: timedelta) -> None:
        """Move Azure's clock forward."""
        self._post("clock", {"advance_seconds": by.total_seconds()})

    def _post(self, path: str, document: dict[str, Any]) -> None:
        requests.post(f"{self._admin}/{path}", json=document, verify=self._ca, timeout=SECONDS).raise_for_status()

    def state(self, *parts: str) -> dict[str, Any]:
        answer = requests.get(
            f"{self._admin}/state", params={"parts": ",".join(parts)}, verify=self._ca, timeout=SECONDS
        )
        answer.raise_for_status()
        document: dict[str, Any] = answer.json()
        return document
