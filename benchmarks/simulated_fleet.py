"""A fleet of databases made through the simulator's own ARM, in process, and kept in a directory."""

from __future__ import annotations

import json
import time
import urllib.parse
import urllib.request
from datetime import timedelta
from pathlib import Path
from ssl import create_default_context
from typing import Any

import orjson

from simulator.azure import Azure
from simulator.http import Request
from simulator.regions import REGIONS

SERVERS, POOLS = 100, 2
VERSION = "2023-08-01"
GROUP = "/resourceGroups/fleet"


def server_path(number: int) -> str:
    return f"{GROUP}/providers/Microsoft.Sql/servers/s{number:03}"


def region_of(server: int) -> str:
    """Twenty servers a region: the default quota."""
    return list(REGIONS)[server // 20]


def database_path(number: int) -> str:
    return f"{server_path(number % SERVERS)}/databases/d{number:06}"


def build_fleet(directory: Path, *, databases: int) -> dict[str, Any]:
    """Servers, two pools each, and the databases in them, by ordinary requests; then the state is closed."""
    began = time.perf_counter()
    azure = Azure(directory, throttled=False, real=lambda: 0.0)
    ask = _Asks(azure)
    ask.put(GROUP, {"location": "eastus"})
    login = {"administratorLogin": "fleetadmin", "administratorLoginPassword": "Correct-Horse-9"}
    for number in range(SERVERS):
        ask.put(server_path(number), {"location": region_of(number), "properties": login})
    ask.settle()
    sku = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 8}
    for number in range(SERVERS * POOLS):
        ask.put(
            f"{server_path(number % SERVERS)}/elasticPools/p{number // SERVERS}", {"location": "eastus", "sku": sku}
        )
    ask.settle()
    for number in range(databases):
        pool = f"{ask.root}{server_path(number % SERVERS)}/elasticPools/p{number // SERVERS % POOLS}"
        tags = {"service": f"service-{number}", "owner": "fleet"}
        place = {"location": region_of(number % SERVERS), "properties": {"elasticPoolId": pool}}
        ask.put(database_path(number), {**place, "tags": tags})
    ask.settle()
    azure.close()
    size = sum(file.stat().st_size for file in directory.glob("journal*"))
    return {"build_seconds": round(time.perf_counter() - began, 1), "journal_mb": round(size / 2**20, 1)}


class _Asks:
    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        self.root = f"/subscriptions/{azure.arm.subscriptions[0]}"
        token = azure.entra.token(azure.entra.client_id, "https://management.azure.com", authority="https://localhost")
        self._headers = {"authorization": f"Bearer {token}"}

    def put(self, path: str, document: dict[str, Any]) -> None:
        query = {"api-version": VERSION}
        request = Request("PUT", "localhost", 443, self.root + path, query, self._headers, orjson.dumps(document))
        answer = self._azure.handle(request)
        assert answer.status in (200, 201, 202), answer.body

    def settle(self) -> None:
        """Let an hour pass: whatever runs is over."""
        self._azure.clock.advance(timedelta(hours=1))
        self._azure.arm.operations.settle()


def token_for(contract: dict[str, Any]) -> str:
    """A management token of the simulator's default application, by the client credentials flow."""
    form = {
        "grant_type": "client_credentials",
        "client_id": contract["client_id"],
        "client_secret": contract["client_secret"],
        "scope": "https://management.azure.com/.default",
    }
    url = f"{contract['authority']}/{contract['tenant']}/oauth2/v2.0/token"
    request = urllib.request.Request(url, urllib.parse.urlencode(form).encode())
    with urllib.request.urlopen(request, context=create_default_context(cafile=contract["ca"])) as answer:
        return str(json.load(answer)["access_token"])
