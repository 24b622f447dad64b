"""A database becomes another state of the table in as many hops as that takes: planned as one, done in order, told."""

from __future__ import annotations

from datetime import timedelta

import pytest

from inventory.models import Database, ElasticPool, Workspace
from inventory.states import Status
from inventory.transitions import Backup, Home, Tier
from operations import clock
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import cancel
from provisioning.changes.consent import ACCEPTED, UNTOLD, ChangeRefused, Consent, DisruptionNotAccepted, PlanChanged
from provisioning.changes.tiers import plan_conversion
from provisioning.changes.ways import Wish, plan_way, request_way
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.restores import RestoreWish, request_restore
from provisioning.services import request_deletion
from tests.integration.provisioning.test_convert import ended
from tests.integration.provisioning.test_convert_into_pool import a_hyperscale_pool
from tests.kept_states import state_in_azure
from tests.local_azure import LocalAzure, until_step, work
from tests.rotating import a_ready_database, can_sign_in, published

ZONES_AND_BACKUPS = Wish(zone_redundant=True, backup=Backup.ZONE)


def begin(database: Database, wish: Wish, consent: Consent = ACCEPTED) -> Operation:
    assert database.service is not None
    operation = request_way(database.service, wish, actor="owner", consent=consent)
    assert operation is not None
    return operation


def hops(operation: Operation) -> list[tuple[str, str]]:
    children = Operation.objects.filter(parent=operation).order_by("created_at")
    return [(child.kind, child.state) for child in children]


def test_zones_and_other_backups_take_two_hops(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    document, left = published(azure, database), database.pool
    plan = plan_way(database.service, ZONES_AND_BACKUPS, actor="owner")
    assert plan.change is not None, plan.refusals
    assert not Operation.objects.filter(kind="change_database").exists()
    assert sorted(plan.change.changes) == ["change_backup_redundancy", "move"]
    assert [one.kind for one in plan.operations[:2]] == ["change_database", "create_pool"]
    operation = ended(azure, begin(database, ZONES_AND_BACKUPS, Consent(plan.hash)))
    assert (operation.state, operation.error_message) == ("succeeded", "")
    assert operation.choices["progress"]["done"] == 2
    database.refresh_from_db()
    assert database.pool is not None
    assert (database.status, database.pool.is_zone_redundant, database.backup_redundancy) == ("ready", True, "Zone")
    assert state_in_azure(azure, database) == ("GeneralPurpose", database.pool.azure_name, True, "Zone")
    left.refresh_from_db()
    assert left.databases_committed == 0
    assert can_sign_in(document)
    assert request_way(database.service, ZONES_AND_BACKUPS, actor="owner", consent=UNTOLD) is None


def test_what_has_zones_is_restored_with_zones(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    assert ended(azure, begin(database, Wish(zone_redundant=True))).state == "succeeded"
    azure.pass_business_time(hours=1)
    azure.pass_time(3600)
    wish = RestoreWish("claims", clock.now() - timedelta(minutes=10))
    operation = ended(azure, request_restore(workspace, wish, actor="owner"))
    assert (operation.state, operation.error_message) == ("succeeded", "")
    database.refresh_from_db()
    assert database.pool is not None
    assert database.pool.is_zone_redundant


def test_from_zones_into_a_hyperscale_pool_without_them_leads_by_way_of_one_alone(
    azure: LocalAzure, workspace: Workspace
):
    database = a_ready_database(azure, workspace=workspace)
    pool = a_hyperscale_pool(azure, database)
    assert ended(azure, begin(database, Wish(zone_redundant=True))).state == "succeeded"
    database.refresh_from_db()
    wish = Wish(tier=Tier.HYPERSCALE, home=Home.POOL, zone_redundant=False)
    plan = plan_way(database.service, wish, actor="owner")
    assert plan.change is not None, plan.refusals
    assert plan.change.changes == ("convert_to_hyperscale", "move")
    assert plan.change.disruption.drops == 2
    operation = ended(azure, begin(database, wish))
    assert (operation.state, operation.error_message) == ("succeeded", "")
    assert hops(operation) == [("convert_to_hyperscale", "succeeded"), ("move_database", "succeeded")]
    database.refresh_from_db()
    assert (database.pool, database.vcores, database.sku_name) == (pool, None, "")
    assert state_in_azure(azure, database) == ("Hyperscale", pool.azure_name, False, "Geo")


def test_a_conversion_out_of_zones_says_so_and_goes_alone(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    a_hyperscale_pool(azure, database)
    assert ended(azure, begin(database, Wish(zone_redundant=True))).state == "succeeded"
    wish = ConversionWish(Cutover.AUTOMATIC)
    plan = plan_conversion(database.service, wish, actor="owner")
    assert plan.change is not None, plan.refusals
    assert plan.change.notices[0].startswith("Zone redundancy ends")
    operation = ended(azure, request_conversion(database.service, wish, actor="owner"))
    assert (operation.state, operation.error_message) == ("succeeded", "")
    database.refresh_from_db()
    assert (database.pool, database.vcores) == (None, 4)


def test_out_of_a_hyperscale_pool_is_one_hop(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    pool = a_hyperscale_pool(azure, database)
    assert ended(azure, begin(database, Wish(tier=Tier.HYPERSCALE, home=Home.POOL))).state == "succeeded"
    database.refresh_from_db()
    assert ended(azure, begin(database, Wish(home=Home.SINGLE))).state == "succeeded"
    database.refresh_from_db()
    pool.refresh_from_db()
    assert (database.pool, database.vcores, pool.databases_committed) == (None, 4, 0)
    assert state_in_azure(azure, database) == ("Hyperscale", "", False, "Geo")
    assert database.server.vcores_committed == 4 + sum(pool.vcores for pool in ElasticPool.objects.all())


def test_a_cancel_between_hops_leaves_what_is_reached_and_tells_it(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database, ZONES_AND_BACKUPS)
    until_step(azure, operation, "await_hop")
    cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.CANCELLED
    database.refresh_from_db()
    stands = operation.choices["progress"]
    assert (stands["hops"], stands["done"]) == (2, len([one for one in hops(operation) if one[1] == "succeeded"]))
    assert stands["done"] < 2
    assert database.status == Status.READY
    assert state_in_azure(azure, database)[3] == database.backup_redundancy
    assert f"backups {database.backup_redundancy}" in stands["stands"]


def test_a_failed_hop_is_told_with_what_stands(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    pool = a_hyperscale_pool(azure, database)
    assert ended(azure, begin(database, Wish(zone_redundant=True))).state == "succeeded"
    database.refresh_from_db()
    operation = begin(database, Wish(tier=Tier.HYPERSCALE, home=Home.POOL, zone_redundant=False))
    work()
    ElasticPool.objects.filter(pk=pool.pk).update(is_cordoned=True, databases_committed=25)
    database.server.vcores_committed = 540
    database.server.save(update_fields=["vcores_committed"])
    operation = ended(azure, operation)
    assert (operation.state, operation.error_code) == ("failed", "NoRoomOnServer")
    assert "hops are done; the database is " in operation.error_message
    database.refresh_from_db()
    assert database.status == Status.READY


def test_a_removal_stops_it(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    operation = begin(database, ZONES_AND_BACKUPS)
    until_step(azure, operation, "await_hop")
    removal = request_deletion(database.service, actor="owner")
    assert ended(azure, removal).state == "succeeded"
    operation.refresh_from_db()
    assert operation.state == Operation.State.CANCELLED


def test_it_is_granted_as_it_was_seen(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    with pytest.raises(DisruptionNotAccepted):
        begin(database, ZONES_AND_BACKUPS, UNTOLD)
    other = plan_way(database.service, Wish(zone_redundant=True, backup=Backup.LOCAL), actor="owner")
    with pytest.raises(PlanChanged):
        begin(database, ZONES_AND_BACKUPS, Consent(other.hash))
    operation = begin(database, Wish(backup=Backup.ZONE), UNTOLD)
    assert begin(database, Wish(backup=Backup.ZONE), UNTOLD) == operation
    with pytest.raises(OperationInProgress):
        begin(database, ZONES_AND_BACKUPS)


@pytest.mark.parametrize(
    ("wish", "code"),
    [
        (Wish(tier=Tier.BUSINESS_CRITICAL), "ChangeNotSupported"),
        (Wish(home=Home.SINGLE), "ChangeNotSupported"),
        (Wish(tier=Tier.HYPERSCALE, zone_redundant=True, home=Home.POOL), "ZonalBackupsNeeded"),
        (Wish(tier=Tier.HYPERSCALE, home=Home.POOL), "NoRoomOnServer"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_begins(
    azure: LocalAzure, workspace: Workspace, wish: Wish, code: str
):
    database = a_ready_database(azure, workspace=workspace)
    with pytest.raises(ChangeRefused) as refused:
        begin(database, wish)
    assert refused.value.code == code
    assert not Operation.objects.filter(kind="change_database").exists()
