"""Where operators keep a Hyperscale pool on the server, a conversion goes into it, and the way back leads out of it first."""

from __future__ import annotations

import pytest

from cloud import factory
from cloud.protocols import PoolSpec, Sku
from inventory.models import Database, ElasticPool, SqlServer, Workspace
from inventory.states import Status
from operations.models import Operation
from operations.services import cancel
from provisioning.targets import reference
from tests.builders import TIB, a_pool
from tests.integration.provisioning.test_convert import begin, ended, tier_in_azure
from tests.integration.provisioning.test_convert_back import go_back
from tests.local_azure import LocalAzure, until_step, work
from tests.rotating import a_ready_database, can_sign_in, published


def a_hyperscale_pool(
    azure: LocalAzure, database: Database, *, zone_redundant: bool = False, on: SqlServer | None = None
) -> ElasticPool:
    """In Azure and in our inventory, on the database's server, or on another one."""
    server = on or database.server
    assert server is not None
    columns = {"sku_name": "HS_Gen5", "service_tier": "Hyperscale", "vcores": 4, "max_databases": 25}
    columns["is_zone_redundant"] = zone_redundant
    pool = a_pool(server, max_size_bytes=100 * TIB, per_database_max_vcores=4, **columns)
    tags = {"operation": str(Operation.objects.latest("created_at").pk)}
    sku = Sku("HS_Gen5", "Hyperscale", "Gen5", 4)
    spec = PoolSpec("eastus", sku, None, 0, 4, zone_redundant=zone_redundant, tags=tags)
    factory.sql_management().begin_create_pool(reference(server), pool.azure_name, spec)
    azure.pass_time(300)
    work()
    server.vcores_committed += 4
    server.save(update_fields=["vcores_committed"])
    return pool


def in_pool(azure: LocalAzure, pool: ElasticPool) -> bool:
    return azure.resources("databases")[0].properties.get("elasticPoolId", "").endswith(pool.azure_name)


def a_pooled_hyperscale_database(azure: LocalAzure, workspace: Workspace) -> tuple[Database, ElasticPool]:
    database = a_ready_database(azure, workspace=workspace)
    pool = a_hyperscale_pool(azure, database)
    operation = ended(azure, begin(database))
    assert operation.state == Operation.State.SUCCEEDED, (operation.step, operation.error_code, operation.error_message)
    database.refresh_from_db()
    return database, pool


def vcores_promised(database: Database) -> int:
    assert database.server is not None
    database.server.refresh_from_db()
    return database.server.vcores_committed - sum(pool.vcores for pool in ElasticPool.objects.all())


def test_a_conversion_goes_into_a_hyperscale_pool_with_room(azure: LocalAzure, workspace: Workspace):
    database, pool = a_pooled_hyperscale_database(azure, workspace)
    assert (database.pool_id, database.service_tier, database.vcores) == (pool.pk, "Hyperscale", None)
    assert in_pool(azure, pool)
    pool.refresh_from_db()
    assert (pool.databases_committed, vcores_promised(database)) == (1, 0)
    assert can_sign_in(published(azure, database))


def test_a_cordoned_one_is_passed_over(azure: LocalAzure, workspace: Workspace):
    database = a_ready_database(azure, workspace=workspace)
    pool = a_hyperscale_pool(azure, database)
    ElasticPool.objects.filter(pk=pool.pk).update(is_cordoned=True)
    assert ended(azure, begin(database)).state == Operation.State.SUCCEEDED
    database.refresh_from_db()
    assert (database.pool, database.vcores, vcores_promised(database)) == (None, 4, 4)


def test_the_way_back_leads_out_of_the_pool_first(azure: LocalAzure, workspace: Workspace):
    database, pool = a_pooled_hyperscale_database(azure, workspace)
    operation = ended(azure, go_back(database))
    assert operation.state == Operation.State.SUCCEEDED, (operation.step, operation.error_code, operation.error_message)
    database.refresh_from_db()
    pool.refresh_from_db()
    assert (database.service_tier, database.vcores, pool.databases_committed) == ("GeneralPurpose", None, 0)
    assert database.pool is not None
    assert in_pool(azure, database.pool)
    assert vcores_promised(database) == 0


@pytest.mark.parametrize("step", ["leave_pool", "await_return"])
def test_a_cancel_leaves_it_in_hyperscale_as_our_rows_say(azure: LocalAzure, workspace: Workspace, step: str):
    database, pool = a_pooled_hyperscale_database(azure, workspace)
    operation = go_back(database)
    until_step(azure, operation, step)
    work()
    cancel(operation, actor="owner")
    assert ended(azure, operation).state == Operation.State.CANCELLED
    database.refresh_from_db()
    pool.refresh_from_db()
    assert (database.status, database.service_tier, tier_in_azure(azure)) == (
        Status.READY,
        "Hyperscale",
        ["Hyperscale"],
    )
    assert in_pool(azure, pool) == (database.pool_id == pool.pk)
    assert pool.databases_committed == int(database.pool_id == pool.pk)
    assert vcores_promised(database) == (0 if database.pool_id else database.vcores)
