"""Every change between any two states that databases are kept in, on the simulated Azure: done as planned, with no more
dropped connections than promised, or refused with a reason before anything begins. None ends in a failed operation."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from inventory.models import Database, ElasticPool, Workspace
from inventory.transitions import Backup, State
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED, ChangeRefused, Consent
from provisioning.changes.hops import told
from provisioning.changes.plan import Plan
from provisioning.changes.states import state_of
from provisioning.changes.ways import Wish, plan_way, request_way
from tests.integration.provisioning.test_connected_clients import Client, drops_during
from tests.integration.provisioning.test_convert_into_pool import a_hyperscale_pool
from tests.kept_states import KEPT, state_in_azure
from tests.local_azure import LocalAzure
from tests.rotating import a_ready_database

STATES = [state for state in KEPT if state.backup in (Backup.GEO, Backup.ZONE)]
QUICK = STATES[0], STATES[-1]


def test_from_a_pool_and_from_hyperscale(azure: LocalAzure, workspace: Workspace):
    tour(azure, workspace, [*QUICK, QUICK[0]])


@pytest.mark.full
@pytest.mark.parametrize("before", STATES, ids=told)
def test_from_each_to_every_other(azure: LocalAzure, workspace: Workspace, before: State):
    tour(azure, workspace, [one for after in STATES for one in (before, after)])


def tour(azure: LocalAzure, workspace: Workspace, states: list[State]) -> None:
    """Ask for one state after the other."""
    database = a_ready_database(azure, workspace=workspace)
    a_hyperscale_pool(azure, database)
    a_hyperscale_pool(azure, database, zone_redundant=True)
    reached = 0
    for goal in states:
        database = Database.objects.select_related("pool", "server", "service__workspace").get(pk=database.pk)
        reached += change(azure, database, goal)
    assert reached, "not one was done"
    assert set(Operation.objects.values_list("state", flat=True)) == {"succeeded"}
    assert list(overcounted()) == []


def change(azure: LocalAzure, database: Database, goal: State) -> bool:
    """Whether it was done; where it was not, the request is refused as the plan says."""
    wish = Wish(goal.tier, goal.home, goal.zone_redundant, goal.backup)
    plan = plan_way(database.service, wish, actor="tests")
    if plan.action == "none":
        assert state_of(database) == goal
        return False
    if plan.refusals:
        refused_as_planned(database, wish, plan)
        return False
    assert plan.change is not None
    client = Client(azure, database)
    (drops,) = drops_during(azure, [client], lambda: granted(database, wish, plan))
    assert drops <= plan.change.disruption.drops
    stands = Database.objects.select_related("pool").get(pk=database.pk)
    assert state_of(stands) == goal
    pool = stands.pool.azure_name if stands.pool else ""
    assert state_in_azure(azure, stands) == (goal.tier.value, pool, goal.zone_redundant, goal.backup.value)
    return True


def granted(database: Database, wish: Wish, plan: Plan) -> Operation:
    operation = request_way(database.service, wish, actor="tests", consent=Consent(plan.hash))
    assert operation is not None
    return operation


def refused_as_planned(database: Database, wish: Wish, plan: Plan) -> None:
    before = Operation.objects.count()
    with pytest.raises(ChangeRefused) as refused:
        request_way(database.service, wish, actor="tests", consent=ACCEPTED)
    assert refused.value.code == plan.refusals[0].code
    assert plan.refusals[0].message.endswith(".")
    assert Operation.objects.count() == before


def overcounted() -> Iterator[str]:
    """Pools that count what does not stand in them."""
    for pool in ElasticPool.objects.all():
        standing = pool.databases.filter(holds_room=True).count()
        if pool.databases_committed != standing:
            yield f"{pool} counts {pool.databases_committed} of {standing}"
