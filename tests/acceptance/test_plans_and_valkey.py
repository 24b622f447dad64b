"""A plan sends no message and takes nothing from the shared call budget: Valkey is as it was, key by key."""

from __future__ import annotations

import pytest
from rest_framework.test import APIClient

from cloud.throttle import Rates
from controlplane.api.principals import Role
from controlplane.throttle import ValkeyBucket
from tests.acceptance.callers import Directory
from tests.acceptance.test_plans import URL, asking_for
from tests.builders import a_region, a_subscription, a_workspace
from tests.leaks.places import in_valkey, messages_in
from tests.local_azure import LocalAzure, work

PLAN = f"{URL}?dryRun=true"


@pytest.fixture
def operator(committed_db: None, broker_url: str, directory: Directory) -> APIClient:
    """Everything that a request could touch in Valkey is there: the broker, and the budgets of calls to Azure."""
    local = LocalAzure()
    local.bucket = ValkeyBucket(broker_url, rates=Rates())
    local.new_clients()
    a_subscription(local.subscription_id)
    a_workspace("cigna", a_region("eastus"))
    return directory.caller("operator", Role.OPERATOR)


def test_a_plan_leaves_valkey_as_it_was(operator: APIClient, broker_url: str):
    with messages_in(broker_url):
        before = in_valkey(broker_url)
        assert operator.put(PLAN, asking_for(), format="json").status_code == 200
        assert in_valkey(broker_url) == before
        assert operator.put(URL, asking_for(), format="json").status_code == 202
        assert in_valkey(broker_url) != before, "the wish itself rings for a worker"
        work()
        before = in_valkey(broker_url)
        assert operator.delete(PLAN).status_code == 200
        assert in_valkey(broker_url) == before
