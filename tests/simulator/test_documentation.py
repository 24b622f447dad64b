"""What docs/simulator.md says of the simulator is what it is."""

from __future__ import annotations

import subprocess
import sys

from simulator.absent import UNSERVED_TYPES
from simulator.arm.routing import routes
from simulator.served import table
from tests.databases import ROOT
from tests.simulator.unserved_types import unserved

PAGE = (ROOT / "docs" / "simulator.md").read_text()


def test_the_table_is_current():
    """Else: `python -m simulator.served`, and put it at the end of the page."""
    assert PAGE.endswith(table())


def test_the_types_told_as_absent_are_those_of_the_sdk_without_a_route():
    assert unserved() == UNSERVED_TYPES


def test_every_kind_of_route_is_in_the_table():
    assert sum(
        "AzureAsyncOperation" not in one.template and "OperationResults" not in one.template for one in routes()
    ) <= table().count("\n| `")


def test_help_names_every_part_of_the_line_that_is_printed():
    usage = subprocess.run(
        [sys.executable, "-m", "simulator", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
    )
    for word in (
        "arm",
        "authority",
        "metrics",
        "vault",
        "vaults",
        "sql_port",
        "ca",
        "tenant",
        "client_id",
        "client_secret",
        "admin",
    ):
        assert word in usage.stdout
