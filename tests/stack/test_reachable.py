"""A server that is given by a variable and does not answer is told at the start, by the variable's name alone."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.databases import ROOT
from tests.stack.test_embedded import no_servers_of_the_test_run

__all__ = ["no_servers_of_the_test_run"]
SECRET = "correct-horse"
NOBODY = "127.0.0.1:1"
AZURE = {
    "AZURE_TENANT_ID": "0197f000-0000-7000-8000-000000000000",
    "AZURE_CLIENT_ID": "0197f000-0000-7000-8000-000000000001",
    "AZURE_CLIENT_SECRET": SECRET,
    "AZURE_SUBSCRIPTION_IDS": "0197f000-0000-7000-8000-000000000002",
    "AZURE_AUTHORITY_HOST": f"https://{NOBODY}",
    "AZURE_ARM_URL": f"https://{NOBODY}",
}


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"BROKER_URL": f"redis://:{SECRET}@{NOBODY}/0"}, "BROKER_URL"),
        ({"DATABASE_URL": f"postgresql://spp_app:{SECRET}@{NOBODY}/spp"}, "DATABASE_URL"),
        (AZURE, "AZURE_ARM_URL"),
    ],
    ids=["broker", "database", "azure"],
)
def test_who_does_not_answer_is_named_and_the_start_fails(tmp_path: Path, given: dict[str, str], named: str) -> None:
    command = [sys.executable, "-m", "controlplane.embedded", "run", "--", "true"]
    parts = {"RUN_DIRECTORY": str(tmp_path / "run"), "STACK_PARTS": "postgres,valkey,beat"}
    done = subprocess.run(
        command,
        cwd=ROOT,
        env={**os.environ, **parts, **given},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    said = done.stdout + done.stderr
    log = (tmp_path / "run" / "logs" / "reachable.log").read_text()
    assert done.returncode == 1, said
    assert f"CommandError: {named}" in said
    assert "logs/reachable.log" in said
    assert SECRET not in said + log
