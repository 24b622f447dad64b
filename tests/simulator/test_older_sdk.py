"""A second version of Microsoft's SDK works as well, over TLS and without changes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from azure.mgmt.sql._version import VERSION

from tests.databases import ROOT
from tests.simulator.test_process import a_simulator

OLDER = "3.0.1"  # of 2021: other models, other api-versions by group, other polling


@pytest.fixture(scope="module")
def older(tmp_path_factory) -> Path:
    """The older SDK with what it needs, in a folder of its own; skips where no index of packages can be reached."""
    target = tmp_path_factory.mktemp("older-sdk")
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input"]
    command += ["--retries", "1", "--timeout", "15", "--target", str(target), f"azure-mgmt-sql=={OLDER}"]
    try:
        installed = subprocess.run(command, capture_output=True, text=True, timeout=240, check=False)
    except subprocess.TimeoutExpired:
        pytest.skip("azure-mgmt-sql cannot be installed: the index of packages does not answer")
    if installed.returncode:
        pytest.skip(f"azure-mgmt-sql {OLDER} cannot be installed: {installed.stderr.strip()[-200:]}")
    return target


@pytest.mark.full
def test_an_older_sdk_makes_changes_and_deletes(older, tmp_path):
    assert VERSION != OLDER
    with a_simulator(tmp_path, "--time-scale", "600", "--scale-retry-after") as running:
        done = subprocess.run(
            [sys.executable, "-m", "tests.simulator.older_sdk", json.dumps(running.contract)],
            capture_output=True, text=True, timeout=240, check=False, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(older)},
        )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    assert json.loads(done.stdout) == {
        "version": OLDER,
        "server": "Ready",
        "pool": "Ready",
        "database": "Online",
        "tags": {"a": "c"},
        "names": ["d", "master"],
        "left": [],
    }
