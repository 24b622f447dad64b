"""A simulated Azure in this process, and the adapter that is pointed at it."""

from __future__ import annotations

import pytest

from cloud import factory
from cloud.protocols import SqlManagement
from simulator.azure import Azure
from tests.cloud.in_process import configure


@pytest.fixture
def azure() -> Azure:
    azure = Azure()
    configure(azure)
    return azure


@pytest.fixture
def arm(azure: Azure) -> SqlManagement:
    return factory.sql_management()
