"""The simulator as a part of the stack: its answer in the words of our settings, and the same Azure after a restart."""

from __future__ import annotations

import json
import os
import ssl
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from controlplane.embedded import EmbeddedStack, Part
from tests.databases import ROOT

READS = """
import json
from django.conf import settings
names = [name for name in dir(settings) if name.startswith("AZURE_")]
print(json.dumps({name: str(getattr(settings, name)) for name in names}))
"""


@pytest.fixture(autouse=True)
def no_other_azure(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in os.environ if name.startswith("AZURE_")]:
        monkeypatch.delenv(name)


def settings_with(environment: dict[str, str]) -> dict[str, str]:
    """What our settings make of these variables, read in a process of their own."""
    ours = {**os.environ, **environment, "DJANGO_SETTINGS_MODULE": "controlplane.settings"}
    done = subprocess.run([sys.executable, "-c", READS], cwd=ROOT, env=ours, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)


def test_settings_read_what_the_simulator_says(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.SIMULATOR}) as stack:
        contract = json.loads((tmp_path / "simulator" / "contract.json").read_text())
        read = settings_with(stack.environment)
        trust = ssl.create_default_context(cafile=stack.environment["AZURE_CA_FILE"])
        metadata = f"{read['AZURE_ARM_URL']}/metadata/endpoints?api-version=2023-01-01"
        with urllib.request.urlopen(metadata, context=trust, timeout=10) as answer:
            assert answer.status == 200
    assert read["AZURE_ARM_URL"] == contract["arm"]
    assert read["AZURE_TENANT_ID"] == contract["tenant"]
    assert read["AZURE_SUBSCRIPTION_IDS"] == str([contract["subscription"]])
    assert read["AZURE_SQL_PORT"] == str(contract["sql_port"])
    assert "{vault}" not in read["AZURE_VAULT_URL"]
    assert read["AZURE_CLIENT_SECRET"] == "***"
    assert contract["client_secret"] not in stack.environment.values()


def test_a_restart_is_the_same_azure_at_the_same_address(tmp_path: Path) -> None:
    with EmbeddedStack(tmp_path, {Part.SIMULATOR}) as stack:
        first = dict(stack.environment)
    with EmbeddedStack(tmp_path, {Part.SIMULATOR}) as stack:
        assert stack.environment == first


def test_there_are_as_many_subscriptions_as_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SIMULATOR_SUBSCRIPTIONS", "3")
    with EmbeddedStack(tmp_path, {Part.SIMULATOR}) as stack:
        assert len(set(stack.environment["AZURE_SUBSCRIPTION_IDS"].split(","))) == 3


def test_an_azure_of_ones_own_replaces_the_simulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AZURE_TENANT_ID", "11111111-2222-3333-4444-555555555555")
    with EmbeddedStack(tmp_path, {Part.SIMULATOR}) as stack:
        assert stack.children == {}
