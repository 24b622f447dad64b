"""A service is removed under a condition, at the moment at which its way of several hops takes the next one."""

from __future__ import annotations

import threading
from typing import Any

from django.db import connection, transaction

from controlplane.api.principals import Role
from controlplane.database_url import DatabaseAddress
from inventory.transitions import Tier
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.ways import Wish, request_way
from provisioning.workflows.change_database import take_hop
from tests.acceptance.callers import Directory
from tests.builders import a_region, a_workspace
from tests.integration.provisioning.test_requests import WAITED_SECONDS, wait_until_blocked
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database


def test_a_conditional_removal_and_the_next_hop_do_not_wait_for_each_other(
    azure: LocalAzure, application_address: DatabaseAddress, directory: Directory
):
    workspace = a_workspace("cigna", a_region("eastus"))
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    way = request_way(database.service, Wish(tier=Tier.HYPERSCALE), actor="owner", consent=ACCEPTED)
    assert way is not None
    operator, answers = directory.caller("operator", Role.OPERATOR), list[Any]()
    url = f"/api/v1/workspaces/{workspace.name}/services/{database.service.name}"
    operator.get(url)  # its sign-in is noted

    def remove() -> None:
        try:
            answers.append(operator.delete(url, headers={"If-Match": "*"}).status_code)
        finally:
            connection.close()

    removal = threading.Thread(target=remove)
    with transaction.atomic():
        held = Operation.objects.select_for_update(of=("self",)).get(pk=way.pk)  # as the engine before it decides
        removal.start()
        wait_until_blocked(application_address)
        take_hop(held)
    removal.join(WAITED_SECONDS)
    assert answers == [202]
    run_until_settled(azure, seconds=60)
    assert azure.resources("databases") == []
