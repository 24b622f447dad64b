from __future__ import annotations

import pytest

from tests.builders import a_subscription
from tests.local_azure import LocalAzure


@pytest.fixture
def azure(committed_db: None) -> LocalAzure:
    """A fresh simulated Azure, and one open subscription in our inventory."""
    local = LocalAzure()
    a_subscription(local.subscription_id)
    return local
