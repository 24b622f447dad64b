from __future__ import annotations

import pytest

from cloud.changes import DatabaseChange
from inventory.models import Database, ElasticPool, Workspace
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.pools import request_move
from provisioning.drift.accepting import accept
from provisioning.models import Finding
from tests.drifting import UNSETTLED_SECONDS, a_ready_database, change_outside, look
from tests.local_azure import LocalAzure, run_until_settled


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    return a_ready_database(azure, workspace)


def test_the_row_follows_an_accepted_move_to_another_pool_of_ours(azure: LocalAzure, database: Database) -> None:
    request_move(database, actor="tests", reason="makes a second pool", consent=ACCEPTED)
    run_until_settled(azure)
    azure.pass_time(UNSETTLED_SECONDS)
    first = database.pool
    assert first is not None
    change_outside(azure, database, DatabaseChange(pool_name=first.azure_name))
    look(azure, times=2)
    accept(Finding.objects.get(attribute="pool"), actor="operator", reason="Leave it there.")
    database.refresh_from_db()
    assert database.pool_id == first.pk
    counted = {row.pk: (row.databases_committed, row.bytes_committed) for row in ElasticPool.objects.all()}
    assert counted.pop(first.pk) == (1, database.size_bytes)
    assert list(counted.values()) == [(0, 0)]
