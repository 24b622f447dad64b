"""Databases made from others: copies, restores and secondaries, through Azure's own SDK."""

from __future__ import annotations

from datetime import datetime, timedelta

import orjson
import pytest
from azure.core.exceptions import HttpResponseError

from simulator.arm.versions import FIRST_BACKUP_SECONDS
from simulator.http import Request
from simulator.moments import iso
from simulator.tds.engine import connect
from simulator.tds.errors import SqlError
from tests.simulator.builders import PASSWORD, a_database, a_pool, a_server, ask, settle, sql_client, whole_id

DAY = 86_400


def advance(azure, seconds: float) -> None:
    azure.clock.advance(timedelta(seconds=seconds))


def with_user(azure, database: str = "d1", name: str = "app") -> None:
    session = connect(azure.sql_directory, server="one", database=database, user="fleetadmin", password=PASSWORD)
    session.execute(f"CREATE USER {name} WITH PASSWORD = '{PASSWORD}'")
    session.close()


def signs_in(azure, server: str, database: str, name: str = "app") -> bool:
    try:
        connect(azure.sql_directory, server=server, database=database, user=name, password=PASSWORD).close()
    except SqlError:
        return False
    return True


def make(azure, name: str, *, server: str = "one", mode: str = "Copy", sku: str | None = None, **properties):
    """Create a database from another with the SDK and wait for it."""
    wish = {"location": "eastus", "properties": {"createMode": mode, **properties}}
    if sku:
        wish["sku"] = {"name": sku}
    return sql_client(azure).databases.begin_create_or_update("rg", server, name, wish).result()


def refusal(azure, name: str, **given) -> tuple[int, str]:
    with pytest.raises(HttpResponseError) as refused:
        make(azure, name, **given)
    assert refused.value.error is not None
    return refused.value.status_code or 0, str(refused.value.error.code)


def source_id(azure, path: str) -> str:
    return whole_id(azure, path)


def backed_up(azure, path: str) -> str:
    """The database's id, once its first backup is there."""
    advance(azure, FIRST_BACKUP_SECONDS)
    return whole_id(azure, path)


def test_a_copy_has_the_users_and_settings_of_its_source_and_goes_its_own_way(azure):
    source = a_database(azure, a_server(azure))
    with_user(azure)
    copy = make(azure, "d2", sourceDatabaseId=source_id(azure, source))
    assert (copy.properties.status, copy.properties.current_service_objective_name) == ("Online", "GP_Gen5_2")
    assert signs_in(azure, "one", "d2")
    with_user(azure, "d1", "later")
    assert not signs_in(azure, "one", "d2", "later")


def test_a_copy_goes_to_another_servers_pool_and_back_to_its_own(azure):
    one, two = a_server(azure), a_server(azure, "two")
    source = a_database(azure, one, pool=a_pool(azure, one))
    with_user(azure)
    pool = whole_id(azure, a_pool(azure, two, "p2"))
    there = make(azure, "d1", server="two", sourceDatabaseId=source_id(azure, source), elasticPoolId=pool)
    assert there.properties.elastic_pool_id == pool
    assert signs_in(azure, "two", "d1")
    here = make(azure, "d3", sourceDatabaseId=source_id(azure, source))
    assert here.properties.elastic_pool_id == whole_id(azure, f"{one}/elasticPools/p1")


def test_a_copy_is_seen_copying_and_is_cancelled_by_deleting_it(azure):
    server = a_server(azure)
    source = source_id(azure, a_database(azure, server))
    wish = {"location": "eastus", "properties": {"createMode": "Copy", "sourceDatabaseId": source}}
    begun = sql_client(azure).databases.begin_create_or_update("rg", "one", "d2", wish, polling=False)
    assert begun.done()
    assert sql_client(azure).databases.get("rg", "one", "d2").properties.status == "Copying"
    sql_client(azure).databases.begin_delete("rg", "one", "d2").result()
    assert [one.name for one in sql_client(azure).databases.list_by_server("rg", "one")] == ["master", "d1"]
    assert list(sql_client(azure).restorable_dropped_databases.list_by_server("rg", "one")) == []


def test_a_large_database_takes_longer_to_copy(azure):
    source = a_database(azure, a_server(azure))
    took = []
    for name, gigabytes in (("small", 1), ("large", 20)):
        azure.control.handle(_load(azure, source, gigabytes))
        wish = {
            "properties": {"createMode": "Copy", "sourceDatabaseId": source_id(azure, source)},
            "location": "eastus",
        }
        assert ask(azure, "PUT", source.replace("/d1", f"/{name}"), wish).status == 202
        took.append(azure.arm.operations.next_due() - azure.clock.now())
        settle(azure)
    assert took[1] - took[0] > 300


def _load(azure, database: str, gigabytes: float):
    body = orjson.dumps({"database": whole_id(azure, database), "storage_gb": gigabytes})
    return Request("POST", "localhost", 443, "/_sim/workload", {}, {}, body)


def test_a_copy_into_too_small_a_size_is_refused(azure):
    source = a_database(azure, a_server(azure))
    azure.control.handle(_load(azure, source, 20))
    given = {"sourceDatabaseId": source_id(azure, source)}
    assert refusal(azure, "d2", sku="Basic", **given) == (400, "CurrentDatabaseSizeExceedsMaxSize")


@pytest.mark.parametrize(
    ("properties", "expected"),
    [
        ({"mode": "Copy"}, (400, "MissingSourceDatabaseId")),
        ({"mode": "Copy", "sourceDatabaseId": "d1"}, (400, "InvalidSourceDatabaseId")),
        ({"mode": "Copy", "sourceDatabaseId": "{one}/databases/none"}, (400, "SourceDatabaseNotFound")),
        ({"mode": "Copy", "sourceDatabaseId": "{one}x/databases/d1"}, (400, "SourceServerNotFound")),
        ({"mode": "Nonsense"}, (400, "InvalidDatabaseCreateMode")),
        ({"mode": "Restore"}, (400, "MissingSourceDatabaseId")),
        ({"mode": "Restore", "sourceDatabaseId": "{one}/databases/d1"}, (400, "MissingSourceDatabaseDeletionDate")),
        ({"mode": "Restore", "restorableDroppedDatabaseId": "d1"}, (400, "InvalidRestorableDroppedDatabaseId")),
        (
            {"mode": "Restore", "sourceDatabaseId": "{one}/restorableDroppedDatabases/d1,1"},
            (400, "InvalidDroppedDatabase"),
        ),
        ({"mode": "PointInTimeRestore", "sourceDatabaseId": "{one}/databases/d1"}, (400, "MissingRestorePointInTime")),
        (
            {"mode": "Secondary", "sourceDatabaseId": "{one}/databases/d1"},
            (400, "ReplicationSourceAndTargetMustBeInDifferentServers"),
        ),
    ],
)
def test_a_source_that_cannot_be_is_refused_with_the_documented_code(azure, properties, expected):
    server = a_server(azure)
    a_database(azure, server)
    given = {name: value.format(one=whole_id(azure, server)) for name, value in properties.items()}
    assert refusal(azure, "d2", **given) == expected


def test_a_database_is_restored_to_a_moment_with_the_users_it_had(azure):
    source = backed_up(azure, a_database(azure, a_server(azure)))
    with_user(azure)
    advance(azure, 60)
    then = iso(azure.clock.now())
    advance(azure, 60)
    with_user(azure, "d1", "later")
    made = make(azure, "d2", mode="PointInTimeRestore", sourceDatabaseId=source, restorePointInTime=then)
    assert made.properties.status == "Online"
    assert signs_in(azure, "one", "d2")
    assert not signs_in(azure, "one", "d2", "later")


def test_nothing_is_restored_before_the_first_backup_nor_beyond_the_retention(azure):
    path = a_database(azure, a_server(azure))
    given = {"mode": "PointInTimeRestore", "sourceDatabaseId": whole_id(azure, path)}
    made_at = azure.clock.now()
    assert refusal(azure, "d2", **given, restorePointInTime=iso(made_at)) == (400, "NoRestorePointAvailable")
    backed_up(azure, path)
    assert refusal(azure, "d2", **given, restorePointInTime=iso(made_at - 60)) == (400, "InvalidLiveDatabase")
    later = iso(azure.clock.now() + 60)
    assert refusal(azure, "d2", **given, restorePointInTime=later) == (400, "InvalidLiveDatabase")
    assert refusal(azure, "d1", **given, restorePointInTime=later) == (400, "DatabaseNameInUse")
    advance(azure, 10 * DAY)
    earliest = sql_client(azure).databases.get("rg", "one", "d1").properties.earliest_restore_date
    assert abs(earliest.timestamp() - (azure.clock.now() - 7 * DAY)) < 2


def test_restores_keep_to_their_server_and_storage_family(azure):
    source = backed_up(azure, a_database(azure, a_server(azure)))
    a_server(azure, "two")
    given = {"mode": "PointInTimeRestore", "sourceDatabaseId": source, "restorePointInTime": iso(azure.clock.now())}
    assert refusal(azure, "d2", server="two", **given) == (400, "MismatchingServerNameWithUrl")
    assert refusal(azure, "d2", sku="HS_Gen5_2", **given) == (400, "InvalidVldbRestoreSlo")


@pytest.mark.parametrize("by", ["its own id", "its former id and date"])
def test_a_dropped_database_comes_back_with_its_users(azure, by):
    path = a_database(azure, a_server(azure))
    backed_up(azure, path)
    with_user(azure)
    sql_client(azure).databases.begin_delete("rg", "one", "d1").result()
    assert not signs_in(azure, "one", "d1")
    (dropped,) = sql_client(azure).restorable_dropped_databases.list_by_server("rg", "one")
    assert dropped.name.startswith("d1,13")
    assert dropped.properties.database_name == "d1"
    given = {"sourceDatabaseId": dropped.id}
    if by != "its own id":
        date = dropped.properties.deletion_date.isoformat()
        given = {"sourceDatabaseId": whole_id(azure, path), "sourceDatabaseDeletionDate": date}
    made = make(azure, "d1", mode="Restore", **given)
    assert made.properties.status == "Online"
    assert signs_in(azure, "one", "d1")
    assert [one.name for one in sql_client(azure).restorable_dropped_databases.list_by_server("rg", "one")] == [
        dropped.name
    ]


def test_a_dropped_database_is_gone_after_its_retention(azure):
    server = a_server(azure)
    backed_up(azure, a_database(azure, server))
    with_user(azure)
    sql_client(azure).databases.begin_delete("rg", "one", "d1").result()
    (dropped,) = sql_client(azure).restorable_dropped_databases.list_by_server("rg", "one")
    advance(azure, 7 * DAY + 1)
    assert list(sql_client(azure).restorable_dropped_databases.list_by_server("rg", "one")) == []
    assert refusal(azure, "d1", mode="Restore", sourceDatabaseId=dropped.id) == (400, "InvalidDroppedDatabase")
    a_database(azure, server, "d9")
    sql_client(azure).databases.begin_delete("rg", "one", "d9").result()
    assert not [key for key, _ in azure.store.items("sql_principals")]


def test_a_secondary_is_linked_on_both_sides_until_it_goes(azure):
    source = a_database(azure, a_server(azure))
    a_server(azure, "two", "westus")
    with_user(azure)
    made = make(azure, "d1", server="two", mode="Secondary", sourceDatabaseId=source_id(azure, source))
    assert (made.properties.secondary_type, made.location) == ("Geo", "westus")
    (here,) = sql_client(azure).replication_links.list_by_database("rg", "one", "d1")
    there = sql_client(azure).replication_links.get("rg", "two", "d1", here.name)
    assert (here.properties.role, there.properties.role) == ("Primary", "Secondary")
    assert (here.properties.partner_server, there.properties.partner_location) == ("two", "East US")
    assert there.properties.replication_state == "CATCH_UP"
    assert signs_in(azure, "two", "d1")
    assert refusal(azure, "d1", server="two", mode="Restore")[1] == "DatabaseNameInUse"
    sql_client(azure).databases.begin_delete("rg", "two", "d1").result()
    assert list(sql_client(azure).replication_links.list_by_server("rg", "one")) == []


def test_a_secondary_does_not_take_the_place_of_another_database(azure):
    source = a_database(azure, a_server(azure))
    a_database(azure, a_server(azure, "two"))
    given = {"server": "two", "mode": "Secondary", "sourceDatabaseId": source_id(azure, source)}
    assert refusal(azure, "d1", **given) == (409, "RemoteDatabaseExists")


def test_copies_of_one_database_at_a_time_are_limited(azure):
    source = a_database(azure, a_server(azure))
    azure.arm.quotas.copies_per_database = 1
    wish = {"location": "eastus", "properties": {"createMode": "Copy", "sourceDatabaseId": source_id(azure, source)}}
    assert ask(azure, "PUT", source.replace("/d1", "/d2"), wish).status == 202
    refused = ask(azure, "PUT", source.replace("/d1", "/d3"), wish)
    assert (refused.status, b"DatabaseCopyLimitPerReplicaReached" in refused.body) == (409, True)
    settle(azure)
    assert ask(azure, "PUT", source.replace("/d1", "/d3"), wish).status == 202


def test_a_failover_ends_sessions_and_is_allowed_once_a_quarter_of_an_hour(azure):
    a_database(azure, a_server(azure))
    session = connect(azure.sql_directory, server="one", database="d1", user="fleetadmin", password=PASSWORD)
    sql_client(azure).databases.begin_failover("rg", "one", "d1").result()
    with pytest.raises(SqlError):
        session.execute("SELECT 1")
    with pytest.raises(HttpResponseError) as refused:
        sql_client(azure).databases.begin_failover("rg", "one", "d1")
    assert refused.value.error.code == "DatabaseFailoverThrottled"
    advance(azure, 900)
    sql_client(azure).databases.begin_failover("rg", "one", "d1").result()


def test_the_earliest_restore_date_is_that_of_the_first_backup(azure):
    a_database(azure, a_server(azure))
    databases = sql_client(azure).databases
    assert databases.get("rg", "one", "d1").properties.earliest_restore_date is None
    advance(azure, FIRST_BACKUP_SECONDS)
    earliest = databases.get("rg", "one", "d1").properties.earliest_restore_date
    assert isinstance(earliest, datetime)
