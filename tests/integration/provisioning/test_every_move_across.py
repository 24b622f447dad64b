"""A database in each state that databases are kept in goes to another server and back, on the simulated Azure: it arrives in
that same state, with no more dropped connections than promised, or is refused with a reason before anything begins."""

from __future__ import annotations

import pytest

from inventory.models import Database, SqlServer, Workspace
from inventory.transitions import State
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED, ChangeRefused, Consent
from provisioning.changes.hops import told
from provisioning.changes.rehoming import Destination, plan_rehoming, request_rehoming
from provisioning.changes.states import state_of
from tests.integration.provisioning.test_connected_clients import Client, drops_during
from tests.integration.provisioning.test_convert_into_pool import a_hyperscale_pool
from tests.integration.provisioning.test_every_change import STATES, change, overcounted
from tests.kept_states import state_in_azure
from tests.local_azure import LocalAzure, run_until_settled
from tests.rehoming import a_server_in_the_making, other_server
from tests.rotating import a_ready_database


@pytest.fixture
def servers(azure: LocalAzure, workspace: Workspace, settings) -> tuple[SqlServer, SqlServer]:
    """Two alike, each with a Hyperscale pool with zones and one without; a database in a pool of the first."""
    settings.CREDENTIAL_OVERLAP_SECONDS = 0
    database = a_ready_database(azure, workspace=workspace)
    a_server_in_the_making()
    run_until_settled(azure)
    assert database.server is not None
    both = (database.server, other_server())
    for server in both:
        for zones in (False, True):
            a_hyperscale_pool(azure, database, zone_redundant=zones, on=server)
    return both


@pytest.mark.full
@pytest.mark.parametrize("state", STATES, ids=told)
def test_it_arrives_as_it_left(azure: LocalAzure, servers: tuple[SqlServer, SqlServer], state: State):
    change(azure, present(), state)
    assert state_of(present()) == state
    for server in (servers[1], servers[0]):
        go(azure, present(), server)
        assert state_of(present()) == state
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}
    assert list(overcounted()) == []


@pytest.mark.full
@pytest.mark.parametrize("state", STATES, ids=told)
def test_where_the_other_server_has_no_room_nothing_begins(
    azure: LocalAzure, servers: tuple[SqlServer, SqlServer], state: State
):
    change(azure, present(), state)
    servers[1].pools.update(is_cordoned=True)
    SqlServer.objects.filter(pk=servers[1].pk).update(vcores_committed=540)
    before = Operation.objects.count()
    with pytest.raises(ChangeRefused) as refused:
        request_rehoming(present(), Destination(servers[1]), actor="tests", reason="tests", consent=ACCEPTED)
    assert refused.value.code == "NoRoomOnServer"
    assert Operation.objects.count() == before


def present() -> Database:
    return Database.objects.select_related("pool", "server", "service__workspace").get(stands_in_for=None)


def go(azure: LocalAzure, database: Database, server: SqlServer) -> None:
    """By its plan, with a client that follows and one that stays."""
    destination, wish = Destination(server), {"actor": "tests", "reason": "tests"}
    plan = plan_rehoming(database, destination, **wish)
    assert plan.change is not None, plan.refusals
    clients = [Client(azure, database), Client(azure, database, follows=True)]
    consent = Consent(plan.hash)
    drops = drops_during(azure, clients, lambda: request_rehoming(database, destination, **wish, consent=consent))
    assert max(drops) <= plan.change.disruption.drops
    stands = present()
    assert stands.server == server
    tier, pool, zones, backups = state_in_azure(azure, stands)
    assert (tier, pool) == (stands.service_tier, stands.pool.azure_name if stands.pool else "")
    assert (zones, backups) == (stands.pool is not None and stands.pool.is_zone_redundant, stands.backup_redundancy)
