"""Situations in which Azure refuses: each function brings one about and returns the refusal."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import orjson

from simulator.arm.limits import GIB
from simulator.arm.versions import FIRST_BACKUP_SECONDS
from simulator.azure import Azure
from simulator.http import Request, Response
from simulator.moments import iso
from tests.simulator.builders import (
    PASSWORD,
    a_database,
    a_group,
    a_pool,
    a_server,
    ask,
    bearer,
    begin_database,
    settle,
    whole_id,
)

Way = Callable[[Azure], Response]


def database(
    azure: Azure, name: str, sku: dict[str, Any] | None = None, *, server: str = "one", **given: Any
) -> Response:
    """Create (or change) a database on a server that may be there already."""
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/{server}"
    if azure.arm.resources.get(whole_id(azure, path)) is None:
        a_server(azure, server)
    wish = {"location": "eastus", "properties": given, **({"sku": sku} if sku else {})}
    return ask(azure, "PUT", f"{path}/databases/{name}", wish)


def pool(azure: Azure, sku: str = "GP_Gen5", capacity: int = 4, **given: Any) -> Response:
    wish = {"location": "eastus", "sku": {"name": sku, "capacity": capacity}, "properties": given}
    return ask(azure, "PUT", f"{a_server(azure)}/elasticPools/p1", wish)


def one_more_in(azure: Azure, sku: str, capacity: int, lowest: float) -> Response:
    assert pool(azure, sku, capacity, perDatabaseSettings={"minCapacity": lowest, "maxCapacity": lowest}).status == 202
    settle(azure)
    where = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one"
    for number in range(int(capacity // lowest)):
        a_database(azure, where, f"d{number}", f"{where}/elasticPools/p1")
    return begin_database(azure, f"{where}/databases/more", f"{where}/elasticPools/p1")


def copying(azure: Azure, **given: Any) -> str:
    """The id of a source that is being copied to d2."""
    source = whole_id(azure, a_database(azure, a_server(azure)))
    assert database(azure, "d2", createMode="Copy", sourceDatabaseId=source, **given).status == 202
    return source


def busy_database(azure: Azure) -> Response:
    path = a_database(azure, a_server(azure))
    assert ask(azure, "PATCH", path, {"tags": {"a": "b"}}).status == 202
    return ask(azure, "PATCH", path, {"tags": {}})


def busy_server(azure: Azure) -> Response:
    path = a_server(azure)
    assert ask(azure, "PATCH", path, {"tags": {"a": "b"}}).status == 202
    return ask(azure, "PATCH", path, {"tags": {}})


def busy_pool(azure: Azure) -> Response:
    path = a_pool(azure, a_server(azure))
    assert ask(azure, "PATCH", path, {"tags": {"a": "b"}}).status == 202
    return ask(azure, "PATCH", path, {"tags": {}})


def pool_with_a_copy(azure: Azure) -> Response:
    path = a_pool(azure, a_server(azure))
    copying(azure, elasticPoolId=whole_id(azure, path))
    return ask(azure, "PATCH", path, {"sku": {"name": "GP_Gen5", "capacity": 6}})


def copied_source(azure: Azure) -> Response:
    return ask(azure, "PATCH", copying(azure), {"sku": {"name": "GP_Gen5_4"}})


def linked(azure: Azure) -> str:
    source = whole_id(azure, a_database(azure, a_server(azure)))
    assert database(azure, "d1", server="two", createMode="Secondary", sourceDatabaseId=source).status == 202
    settle(azure)
    return source


def both_ends(azure: Azure) -> Response:
    source = linked(azure)
    bigger = {"sku": {"name": "GP_Gen5_4"}}
    assert ask(azure, "PATCH", source.replace("/one/", "/two/"), bigger).status == 202
    return ask(azure, "PATCH", source, bigger)


def renamed_primary(azure: Azure) -> Response:
    source = linked(azure)
    return ask(azure, "POST", f"{source}/move", {"id": source.replace("/d1", "/d9")})


def one_copy_too_many(azure: Azure) -> Response:
    azure.arm.quotas.copies_per_database = 1
    return database(azure, "d3", createMode="Copy", sourceDatabaseId=copying(azure))


def unbacked(azure: Azure) -> Response:
    source = whole_id(azure, a_database(azure, a_server(azure)))
    point = iso(azure.clock.now())
    return database(azure, "d2", createMode="PointInTimeRestore", sourceDatabaseId=source, restorePointInTime=point)


def restored_over(azure: Azure) -> Response:
    source = whole_id(azure, a_database(azure, a_server(azure)))
    azure.clock.advance(timedelta(seconds=FIRST_BACKUP_SECONDS))
    point = iso(azure.clock.now())
    return database(azure, "d1", createMode="PointInTimeRestore", sourceDatabaseId=source, restorePointInTime=point)


def remote_there(azure: Azure) -> Response:
    a_database(azure, a_server(azure, "two"))
    source = whole_id(azure, a_database(azure, a_server(azure)))
    return database(azure, "d1", server="two", createMode="Secondary", sourceDatabaseId=source)


def throttled(azure: Azure, **quotas: float) -> Response:
    server = a_server(azure)
    for name, value in quotas.items():
        setattr(azure.arm.quotas, name, value)
    method = "GET" if "sql_requests_per_second" in quotas else "PUT"
    wish = None if method == "GET" else {"location": "eastus"}
    return [ask(azure, method, f"{server}/databases/d{number}", wish) for number in range(3)][-1]


def throttled_by_arm(azure: Azure) -> Response:
    return [ask(azure, "GET", "/resourceGroups") for _ in range(251)][-1]


def expired_token(azure: Azure) -> Response:
    client = azure.entra.client_id
    token = azure.entra.token(client, "https://management.azure.com", authority="https://localhost", seconds=-1)
    headers = {"authorization": f"Bearer {token}"}
    return azure.handle(Request("GET", "localhost", 443, "/subscriptions", {"api-version": "2022-12-01"}, headers))


def deleted_group(azure: Azure) -> Response:
    server = a_server(azure)
    assert ask(azure, "DELETE", "/resourceGroups/rg").status == 202
    return begin_database(azure, f"{server}/databases/d1")


def full_pool(azure: Azure) -> Response:
    assert pool(azure, "BasicPool", 50).status == 202
    settle(azure)
    where = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one"
    for number in range(100):
        assert begin_database(azure, f"{where}/databases/d{number}", f"{where}/elasticPools/p1").status == 202
    return begin_database(azure, f"{where}/databases/more", f"{where}/elasticPools/p1")


def filled(azure: Azure, path: str, gigabytes: float) -> None:
    body = orjson.dumps({"database": whole_id(azure, path), "storage_gb": gigabytes})
    assert azure.handle(Request("POST", "localhost", 443, "/_sim/workload", {}, {}, body)).status == 201


def pool_of_data(azure: Azure) -> tuple[str, str]:
    server = a_server(azure)
    path = a_pool(azure, server, maxSizeBytes=40 * GIB)
    for name, place in (("a", path), ("b", None)):
        filled(azure, a_database(azure, server, name, place), 30)
    return server, path


def overfull_pool(azure: Azure) -> Response:
    server, path = pool_of_data(azure)
    return ask(azure, "PATCH", f"{server}/databases/b", {"properties": {"elasticPoolId": whole_id(azure, path)}})


def shrunk_pool(azure: Azure) -> Response:
    _, path = pool_of_data(azure)
    return ask(azure, "PATCH", path, {"properties": {"maxSizeBytes": 20 * GIB}})


def small_database(azure: Azure) -> Response:
    server, _ = pool_of_data(azure)
    return ask(azure, "PATCH", f"{server}/databases/b", {"properties": {"maxSizeBytes": 10 * GIB}})


def full_server(azure: Azure) -> Response:
    azure.arm.quotas.databases_per_server = 0
    return database(azure, "d1")


def full_server_of(azure: Azure, make: Way) -> Response:
    azure.arm.quotas.dtus_per_server = 100
    return make(azure)


def full_region(azure: Azure) -> Response:
    azure.arm.quotas.vcores_per_region = 1
    return database(azure, "d1")


def unregistered(azure: Azure) -> Response:
    assert ask(azure, "POST", "/providers/Microsoft.Sql/unregister").status == 200
    return server(azure)


def server(azure: Azure, location: str = "eastus", password: str = PASSWORD, name: str = "one") -> Response:
    properties = {"administratorLogin": "boss", "administratorLoginPassword": password}
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/{name}"
    return ask(azure, "PUT", path, {"location": location, "properties": properties})


def cancelled(azure: Azure) -> Response:
    path = a_database(azure, a_server(azure))
    begun = ask(azure, "PATCH", path, {"sku": {"name": "GP_Gen5_4"}})
    operation = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"][-1]["name"]
    assert ask(azure, "POST", f"{path}/operations/{operation}/cancel").status == 200
    settle(azure)
    query = dict(pair.split("=", 1) for pair in begun.headers["location"].split("?")[1].split("&"))
    return ask(azure, "GET", begun.headers["location"].split("?")[0].removeprefix("https://localhost:8443"), **query)


def cancelled_late(azure: Azure) -> Response:
    path = a_database(azure, a_server(azure))
    assert ask(azure, "PATCH", path, {"sku": {"name": "GP_Gen5_4"}}).status == 202
    settle(azure)
    operation = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"][-1]["name"]
    return ask(azure, "POST", f"{path}/operations/{operation}/cancel")


def locked(azure: Azure) -> Response:
    path = a_server(azure)
    lock = {"properties": {"level": "CanNotDelete"}}
    assert ask(azure, "PUT", f"{path}/providers/Microsoft.Authorization/locks/a", lock).status == 201
    return ask(azure, "DELETE", path)


def denied(azure: Azure) -> Response:
    rule = {"name": "a", "type": "Microsoft.Sql/servers", "field": "tags.owner", "exists": False}
    azure.handle(Request("POST", "localhost", 443, "/_sim/policies", {}, {}, orjson.dumps(rule)))
    return server(azure)


def pool_with_databases(azure: Azure) -> Response:
    where = a_server(azure)
    path = a_pool(azure, where)
    a_database(azure, where, pool=path)
    return ask(azure, "DELETE", path)


def hyperscale_back(azure: Azure) -> Response:
    assert database(azure, "d1", {"name": "HS_Gen5_2"}).status == 202
    settle(azure)
    return database(azure, "d1", {"name": "GP_Gen5_2"})


def hyperscale_backup(azure: Azure) -> Response:
    assert database(azure, "d1", {"name": "HS_Gen5_2"}).status == 202
    settle(azure)
    return database(azure, "d1", requestedBackupStorageRedundancy="Local")


def secret(azure: Azure) -> Response:
    headers = {"authorization": f"Bearer {bearer(azure, 'https://vault.azure.net')}"}
    query = {"api-version": "7.4"}
    return azure.handle(Request("GET", "vault.vault.localhost", 443, "/secrets/none/", query, headers))


def nowhere(azure: Azure) -> str:
    return whole_id(azure, f"{a_server(azure)}/databases/none")
