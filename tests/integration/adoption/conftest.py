from __future__ import annotations

import pytest

from inventory.models import Workspace
from tests.builders import a_region, a_subscription, a_workspace
from tests.local_azure import LocalAzure


@pytest.fixture
def azure(committed_db: None) -> LocalAzure:
    """A fresh simulated Azure, and one open subscription and region in our inventory."""
    local = LocalAzure()
    a_subscription(local.subscription_id)
    return local


@pytest.fixture
def workspace(azure: LocalAzure) -> Workspace:
    return a_workspace("cigna", a_region("eastus"))
