"""Nothing secret reaches a log."""

from __future__ import annotations

import json
import subprocess
import sys

from cloud.secrets import Secret
from controlplane.logs import hide_secrets
from tests.databases import ROOT

SPEAKS = """
import logging, structlog
from cloud.secrets import Secret
from controlplane import logs
logs.configure(as_json=True, level="INFO")
structlog.get_logger("ours").info("operation.step_finished", value=Secret("hidden"), password="hidden", outcome="wait")
logging.getLogger("theirs").warning("plain %s", "words")
"""


def test_secrets_are_hidden_wherever_they_stand() -> None:
    event = {"event": "x", "value": Secret("hidden"), "headers": {"Authorization": "hidden", "Accept": "json"}}
    shown = hide_secrets(None, "info", event)
    assert shown == {"event": "x", "value": "***", "headers": {"Authorization": "***", "Accept": "json"}}


def test_references_to_secrets_are_shown() -> None:
    assert hide_secrets(None, "info", {"secret_name": "d-abc"}) == {"secret_name": "d-abc"}


def test_our_events_and_those_of_libraries_come_out_as_json_lines() -> None:
    done = subprocess.run([sys.executable, "-c", SPEAKS], cwd=ROOT, capture_output=True, text=True, check=True)
    ours, theirs = map(json.loads, done.stderr.splitlines())
    assert (ours["event"], ours["outcome"], ours["value"], ours["password"]) == (
        "operation.step_finished",
        "wait",
        "***",
        "***",
    )
    assert (theirs["event"], theirs["level"], theirs["logger"]) == ("plain words", "warning", "theirs")
