"""What a plan of a conversion, or of the way back, says is what then happens: where it goes, what is made for it, its cost."""

from __future__ import annotations

from pathlib import Path

import pytest

from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.transitions import Backup, Tier
from operations.models import Operation
from provisioning.changes.consent import ChangeRefused, Consent
from provisioning.changes.growth import plan_growth
from provisioning.changes.plan import Plan
from provisioning.changes.pools import plan_move
from provisioning.changes.tiers import convert, plan_conversion, plan_return, take_back
from provisioning.changes.ways import Wish, plan_way
from provisioning.conversions import ConversionWish, Cutover
from tests.builders import TIB, a_region, a_workspace
from tests.integration.provisioning.test_convert_into_pool import a_hyperscale_pool
from tests.local_azure import LocalAzure, run_until_settled
from tests.prices import prices_of
from tests.rotating import a_ready_database

AUTOMATIC = ConversionWish(Cutover.AUTOMATIC)
FULL = 540  # Azure's vCores a server


@pytest.fixture
def priced(azure: LocalAzure) -> Workspace:
    """In a region whose prices are known."""
    return a_workspace("optum", a_region("westus3"))


def converted(azure: LocalAzure, workspace: Workspace) -> Database:
    database = a_ready_database(azure, workspace=workspace)
    plan = plan_conversion(database.service, AUTOMATIC, actor="owner")
    convert(database.service, AUTOMATIC, actor="owner", consent=Consent(plan.hash))
    run_until_settled(azure, seconds=60)
    return Database.objects.select_related("pool", "service").get(pk=database.pk)


def test_a_conversion_alone_is_priced_with_its_own_compute(azure: LocalAzure, priced: Workspace) -> None:
    database = a_ready_database(azure, workspace=priced)
    plan = plan_conversion(database.service, AUTOMATIC, actor="owner")
    assert plan.change is not None
    assert plan.placement is not None
    assert (plan.placement.where, plan.change.cost.before) == ("server", 0.0)
    assert plan.change.cost.after is not None
    assert plan.change.cost.after > 0


def test_a_conversion_into_a_standing_pool_costs_nothing_more(azure: LocalAzure, priced: Workspace) -> None:
    database = a_ready_database(azure, workspace=priced)
    pool = a_hyperscale_pool(azure, database)
    plan = plan_conversion(database.service, AUTOMATIC, actor="owner")
    assert plan.change is not None
    assert plan.placement is not None
    assert (plan.change.cost.before, plan.change.cost.after) == (0.0, 0.0)
    assert (plan.placement.where, plan.placement.is_new) == ("pool", False)
    convert(database.service, AUTOMATIC, actor="owner", consent=Consent(plan.hash))
    run_until_settled(azure, seconds=60)
    database.refresh_from_db()
    assert database.pool == pool


def test_the_pool_of_a_way_back_is_told_and_made(azure: LocalAzure, priced: Workspace) -> None:
    database = converted(azure, priced)
    ElasticPool.objects.update(is_cordoned=True)
    plan = plan_return(database.service, actor="owner")
    assert plan.change is not None
    assert plan.placement is not None
    assert ([one.kind for one in plan.operations], plan.placement.is_new) == (["create_pool", "convert_back"], True)
    back = take_back(database.service, actor="owner", consent=Consent(plan.hash))
    run_until_settled(azure, seconds=60)
    back.refresh_from_db()
    assert back.state == Operation.State.SUCCEEDED
    assert list(Operation.objects.filter(parent=back).values_list("kind", flat=True)) == ["create_pool"]
    cost = plan.change.cost
    assert cost.before is not None
    assert cost.after is not None
    assert cost.before > 0
    assert cost.after > 0


def test_a_way_back_without_room_is_refused_before_anything_begins(azure: LocalAzure, workspace: Workspace) -> None:
    database = converted(azure, workspace)
    ElasticPool.objects.update(is_cordoned=True)
    SqlServer.objects.update(vcores_committed=FULL)
    plan = plan_return(database.service, actor="owner")
    assert [one.code for one in plan.refusals] == ["NoRoomOnServer"]
    with pytest.raises(ChangeRefused):
        take_back(database.service, actor="owner", consent=Consent(plan.hash))
    assert not Operation.objects.filter(kind="convert_back").exists()


def test_growth_beyond_the_pools_is_refused_where_the_server_is_full(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    SqlServer.objects.update(vcores_committed=FULL)
    assert [one.code for one in plan_growth(database, 6 * TIB, actor="owner").refusals] == ["NoRoomOnServer"]


def test_what_runs_already_is_planned_as_being_waited_for(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    convert(database.service, AUTOMATIC, actor="owner", consent=Consent(accepts_disruption=True))
    plan = plan_conversion(database.service, AUTOMATIC, actor="owner")
    assert (plan.action, [one.kind for one in plan.operations]) == ("wait", ["convert_to_hyperscale"])


def test_a_price_that_is_not_known_is_none_and_not_zero(
    azure: LocalAzure, workspace: Workspace, settings, tmp_path: Path
) -> None:
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    database = a_ready_database(azure, workspace=workspace)
    plan = plan_conversion(database.service, AUTOMATIC, actor="owner")
    assert plan.change is not None
    assert (plan.change.cost.before, plan.change.cost.after) == (None, None)
    assert "eastus" in plan.change.cost.note


def test_a_way_in_hops_and_a_move_say_where_they_lead(azure: LocalAzure, workspace: Workspace) -> None:
    database = a_ready_database(azure, workspace=workspace)
    database = Database.objects.select_related("pool", "server", "service__workspace").get(pk=database.pk)
    way = plan_way(database.service, Wish(zone_redundant=True), actor="owner")
    moved = plan_move(database, actor="operator", reason="load")
    alone = plan_way(database.service, Wish(tier=Tier.HYPERSCALE), actor="owner")
    stays = plan_way(database.service, Wish(backup=Backup.ZONE), actor="owner")
    assert [_place(one) for one in (way, moved, alone, stays)] == [
        ("pool", True),
        ("pool", True),
        ("server", False),
        None,
    ]


def _place(plan: Plan) -> tuple[str, bool] | None:
    assert plan.action == "change", plan.refusals
    return (plan.placement.where, plan.placement.is_new) if plan.placement else None
