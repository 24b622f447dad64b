from __future__ import annotations

import pytest

from inventory.models import Workspace
from tests.builders import a_region, a_workspace
from tests.local_azure import LocalAzure


@pytest.fixture
def workspace(azure: LocalAzure) -> Workspace:
    return a_workspace("cigna", a_region("eastus"))
