"""What is planned and what is refused before a database moves to another server."""

from __future__ import annotations

import pytest

from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from provisioning.changes.consent import ChangeRefused, Consent, DisruptionNotAccepted, PlanChanged
from provisioning.changes.pools import request_move
from provisioning.changes.rehoming import Destination, plan_rehoming, request_rehoming
from tests.acceptance.tables import contents
from tests.builders import GIB, a_pool, a_region, a_subscription
from tests.crash import judging
from tests.local_azure import LocalAzure, run_until_settled, work
from tests.rehoming import a_server_in_the_making, other_server, rehome
from tests.rotating import a_ready_database


@pytest.fixture
def database(azure: LocalAzure, workspace: Workspace) -> Database:
    """Ready on the first of two servers."""
    row = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    return row


def to(server: SqlServer, pool: ElasticPool | None = None) -> Destination:
    return Destination(server, pool)


def refusal(database: Database, destination: Destination) -> tuple[str, str]:
    """Code and text of what the plan and the request say alike; nothing has changed."""
    before = contents()
    plan = plan_rehoming(database, destination, actor="tests", reason="tests")
    with pytest.raises(ChangeRefused) as refused:
        request_rehoming(database, destination, actor="tests", reason="tests", consent=Consent("", True))
    assert contents() == before
    assert refused.value.code == plan.refusals[0].code
    return plan.refusals[0].code, plan.refusals[0].message


def test_the_plan_says_what_is_dropped_how_long_it_takes_and_what_consumers_do(azure: LocalAzure, database: Database):
    before = contents()
    plan = plan_rehoming(database, to(other_server()), actor="tests", reason="tests")
    assert contents() == before
    assert plan.change is not None
    assert [one.kind for one in plan.operations] == ["create_pool", "rehome_database"]
    assert (plan.change.disruption.drops, plan.change.disruption.seconds_each) == (2, 60)
    assert plan.operations[-1].expected_seconds == 300 + 7.2 * 100
    assert plan.change.disruption.when == "as soon as it is copied"
    assert plan.change.way_back.steps == ("move_across",)
    assert "endpoint" in plan.change.notices[0]


def test_without_consent_it_is_answered_with_its_plan(azure: LocalAzure, database: Database):
    with pytest.raises(DisruptionNotAccepted) as refused:
        request_rehoming(database, to(other_server()), actor="tests", reason="tests", consent=Consent())
    seen = Consent(refused.value.plan.hash)
    with pytest.raises(PlanChanged):
        request_rehoming(database, to(other_server()), actor="tests", reason="tests", consent=Consent("0" * 64))
    operation = request_rehoming(database, to(other_server()), actor="tests", reason="tests", consent=seen)
    assert operation.plan_hash == refused.value.plan.hash


def test_places_that_it_cannot_go_to(azure: LocalAzure, database: Database):
    assert database.server is not None
    other, here = other_server(), database.server
    code, text = refusal(database, to(here))
    assert (code, "stands on" in text) == ("MoveNotPossible", True)
    for columns, word in (
        ({"status": Status.UPDATING}, "updating"),
        ({"is_cordoned": True}, "closed"),
        ({"region": a_region("westeurope")}, "stays in eastus"),
        ({"subscription": a_subscription("00000000-0000-0000-0000-000000000009")}, "one subscription"),
        ({"auth_mode": "entra_only"}, "entra_only"),
    ):
        former = {name: getattr(other, name) for name in columns}
        SqlServer.objects.filter(pk=other.pk).update(**columns)
        code, text = refusal(database, to(SqlServer.objects.get(pk=other.pk)))
        assert (code, word in text) == ("MoveNotPossible", True), text
        SqlServer.objects.filter(pk=other.pk).update(**former)


def test_pools_that_it_cannot_go_to(azure: LocalAzure, database: Database):
    assert database.pool is not None
    _, text = refusal(database, to(other_server(), database.pool))
    assert "is not a pool of" in text
    _, text = refusal(database, to(other_server(), a_pool(other_server(), service_tier="Hyperscale")))
    assert "of tier Hyperscale" in text
    code, text = refusal(database, to(other_server(), a_pool(other_server(), max_size_bytes=50 * GIB)))
    assert code == "NoRoomOnServer", text


def test_a_server_without_room_is_told(azure: LocalAzure, database: Database):
    SqlServer.objects.filter(pk=other_server().pk).update(vcores_committed=540)
    code, text = refusal(database, to(other_server()))
    assert (code, other_server().azure_name in text) == ("NoRoomOnServer", True)


def test_the_pool_that_was_named_is_taken_and_what_azure_does_not_have_fails_it(azure: LocalAzure, database: Database):
    former = (database.server_id, database.pool_id)
    pools = [a_pool(other_server(), max_size_bytes=1024 * GIB) for _ in range(3)]
    for pool in pools:
        operation = rehome(database, pool=pool)
        work()
        assert Database.objects.get(pk=operation.pk).pool == pool
        run_until_settled(azure)
        operation.refresh_from_db()
        database.refresh_from_db()
        assert operation.state == "failed"
        assert (database.server_id, database.pool_id, database.status) == (*former, Status.READY)
        assert ElasticPool.objects.get(pk=pool.pk).databases_committed == 0
    assert list(judging.left_behind()) == []


def test_one_change_at_a_time(azure: LocalAzure, database: Database):
    rehome(database)
    code, _ = refusal(database, to(other_server()))
    assert code == "OperationInProgress"
    with pytest.raises(ChangeRefused):
        request_move(database, actor="tests", reason="tests", consent=Consent("", True))
