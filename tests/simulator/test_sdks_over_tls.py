"""The clients of metrics and keys, unchanged, over TLS against the simulator's own process."""

from __future__ import annotations

import json
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

from azure.identity import ClientSecretCredential
from azure.keyvault.keys import KeyClient
from azure.keyvault.keys.crypto import CryptographyClient
from azure.monitor.querymetrics import MetricsClient

from tests.simulator.test_process import SERVER, Running, a_simulator

GROUP = "/resourceGroups/rg"
DATABASE = f"{GROUP}/providers/Microsoft.Sql/servers/metered/databases/d1"
DEK = b"0123456789abcdef0123456789abcdef"


def control(running: Running, path: str, document: dict[str, Any]) -> None:
    request = urllib.request.Request(
        running.contract["admin"] + path, json.dumps(document).encode(), {"content-type": "application/json"}
    )
    urllib.request.urlopen(request, context=running._tls, timeout=10).close()


def a_credential(contract: dict[str, Any]) -> ClientSecretCredential:
    return ClientSecretCredential(
        contract["tenant"],
        contract["client_id"],
        contract["client_secret"],
        authority=contract["authority"],
        disable_instance_discovery=True,
        connection_verify=contract["ca"],
    )


def test_metrics_and_keys_over_tls(tmp_path):
    with a_simulator(tmp_path) as running:
        contract = running.contract
        credential = a_credential(contract)
        _make_a_database(running)
        metrics = MetricsClient(contract["metrics"], credential, connection_verify=contract["ca"])
        now = json.loads(_read(running, "/clock"))["now"]
        end = datetime.fromisoformat(now).astimezone(UTC)
        found = metrics.query_resources(
            resource_ids=[f"/subscriptions/{contract['subscription']}{DATABASE}"],
            metric_namespace="Microsoft.Sql/servers/databases",
            metric_names=["cpu_percent", "storage"],
            timespan=(end - timedelta(hours=2), end),
            granularity=timedelta(minutes=5),
        )
        assert [len(metric.timeseries[0].data) for metric in found[0].metrics] == [24, 24]
        keys = KeyClient(
            contract["vault"], credential, verify_challenge_resource=False, connection_verify=contract["ca"]
        )
        key = keys.create_rsa_key("one", size=2048)
        client = CryptographyClient(key, credential, verify_challenge_resource=False, connection_verify=contract["ca"])
        assert client.unwrap_key("RSA-OAEP", client.wrap_key("RSA-OAEP", DEK).encrypted_key).key == DEK


def _make_a_database(running: Running) -> None:
    """A finished database whose life began a day ago."""
    assert running.arm("PUT", GROUP, {"location": "eastus"})[0] == 201
    server = DATABASE.rsplit("/databases/", 1)[0]
    assert running.arm("PUT", server, SERVER)[0] == 202
    control(running, "/clock", {"advance_seconds": 3600})
    assert running.arm("PUT", DATABASE, {"location": "eastus"})[0] == 202
    control(running, "/clock", {"advance_seconds": 86_400})


def _read(running: Running, path: str) -> bytes:
    with urllib.request.urlopen(running.contract["admin"] + path, context=running._tls, timeout=10) as answer:
        body: bytes = answer.read()
        return body
