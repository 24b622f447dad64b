"""A service is removed at the moment at which its way of several hops takes the next one."""

from __future__ import annotations

import threading
from typing import Any

from django.db import connection, transaction

from controlplane.database_url import DatabaseAddress
from inventory.models import Workspace
from inventory.transitions import Tier
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.ways import Wish, request_way
from provisioning.services import request_deletion
from provisioning.workflows.change_database import take_hop
from tests.integration.provisioning.test_requests import WAITED_SECONDS, wait_until_blocked
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database


def test_a_removal_and_the_next_hop_do_not_wait_for_each_other(
    azure: LocalAzure, workspace: Workspace, application_address: DatabaseAddress
):
    database = a_ready_database(azure, workspace=workspace)
    assert database.service is not None
    service, ends = database.service, list[Any]()
    way = request_way(service, Wish(tier=Tier.HYPERSCALE), actor="owner", consent=ACCEPTED)
    assert way is not None

    def remove() -> None:
        try:
            ends.append(request_deletion(service, actor="owner").kind)
        except Exception as error:  # looked at below
            ends.append(error)
        finally:
            connection.close()

    removal = threading.Thread(target=remove)
    with transaction.atomic():
        held = Operation.objects.select_for_update(of=("self",)).get(pk=way.pk)  # as the engine before it decides
        removal.start()
        wait_until_blocked(application_address)
        take_hop(held)
    removal.join(WAITED_SECONDS)
    assert ends == ["delete_database"]
    run_until_settled(azure, seconds=60)
    assert azure.resources("databases") == []
