"""Limits and refusals: the documented code, and nothing changed."""

from __future__ import annotations

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request, Response
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

SERVER = {"location": "eastus", "properties": {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}}


def code(response: Response) -> tuple[int, str]:
    return response.status, orjson.loads(response.body)["error"]["code"]


def raw(azure: Azure, path: str, token: str = "", **query: str) -> Response:
    headers = {"authorization": f"Bearer {token}"} if token else {}
    return azure.handle(Request("GET", "localhost", 443, path, query, headers))


def test_a_request_without_a_token_is_401_with_a_challenge(azure):
    refused = raw(azure, "/subscriptions", **{"api-version": "2022-12-01"})
    assert code(refused) == (401, "AuthenticationFailed")
    assert refused.headers["www-authenticate"].startswith("Bearer authorization_uri=")


def test_a_token_for_another_audience_is_refused(azure):
    token = bearer(azure, "https://vault.azure.net")
    refused = raw(azure, "/subscriptions", token, **{"api-version": "2022-12-01"})
    assert code(refused) == (401, "InvalidAuthenticationTokenAudience")


def test_a_request_without_an_api_version_is_refused(azure):
    assert code(raw(azure, "/subscriptions", bearer(azure))) == (400, "MissingApiVersionParameter")


def test_a_foreign_subscription_is_not_found(azure):
    assert code(ask(azure, "GET", "/subscriptions/0/resourceGroups")) == (404, "SubscriptionNotFound")


def test_a_server_in_an_absent_group_is_not_found(azure):
    path = "/resourceGroups/none/providers/Microsoft.Sql/servers/one"
    assert code(ask(azure, "PUT", path, SERVER)) == (404, "ResourceGroupNotFound")


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("Upper", SERVER, "InvalidServerName"),
        ("-hyphen", SERVER, "InvalidServerName"),
        ("one", {**SERVER, "location": "atlantis"}, "LocationNotAvailableForResourceType"),
        ("one", {"properties": SERVER["properties"]}, "LocationRequired"),
        ("one", {"location": "eastus", "properties": {"administratorLogin": "sa"}}, "InvalidLoginName"),
    ],
)
def test_a_server_that_cannot_be_is_refused(azure, name, document, expected):
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/{name}"
    assert code(ask(azure, "PUT", path, document)) == (400, expected)
    assert ask(azure, "DELETE", path).status == 204


@pytest.mark.parametrize(
    ("password", "expected"),
    [("Sh0rt!", "PasswordTooShort"), ("alllowercase", "PasswordNotComplex"), ("Boss-1234567", "PasswordNotComplex")],
)
def test_a_weak_administrator_password_is_refused(azure, password, expected):
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/one"
    properties = {"administratorLogin": "boss", "administratorLoginPassword": password}
    assert code(ask(azure, "PUT", path, {"location": "eastus", "properties": properties})) == (400, expected)


def test_a_server_name_is_taken_in_the_whole_cloud():
    azure = Azure(real=lambda: 0.0, subscriptions=2)
    a_server(azure, "one")
    other = f"/subscriptions/{azure.arm.subscriptions[1]}/resourceGroups/rg"
    ask(azure, "PUT", other, {"location": "eastus"})
    refused = ask(azure, "PUT", f"{other}/providers/Microsoft.Sql/servers/one", SERVER)
    assert code(refused) == (400, "NameAlreadyExists")


def test_the_twenty_first_server_of_a_region_exceeds_the_quota(azure):
    for number in range(20):
        a_server(azure, f"s{number}")
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/s20"
    assert code(ask(azure, "PUT", path, SERVER)) == (409, "ServerQuotaExceeded")
    assert ask(azure, "PUT", path, {**SERVER, "location": "westus"}).status == 202


def test_one_change_of_a_server_at_a_time(azure):
    path = f"{a_group(azure)}/providers/Microsoft.Sql/servers/one"
    assert ask(azure, "PUT", path, SERVER).status == 202
    assert code(ask(azure, "PUT", path, SERVER)) == (409, "ConflictingServerOperation")


def test_one_change_of_a_database_at_a_time(azure):
    path = f"{a_server(azure)}/databases/d1"
    assert begin_database(azure, path).status == 202
    assert code(begin_database(azure, path)) == (409, "ConflictingDatabaseOperation")
    assert code(ask(azure, "DELETE", path)) == (409, "ConflictingDatabaseOperation")


def test_a_busy_pool_takes_no_database(azure):
    server = a_server(azure)
    pool = a_pool(azure, server)
    ask(azure, "PATCH", pool, {"sku": {"name": "GP_Gen5", "capacity": 6}})
    assert code(begin_database(azure, f"{server}/databases/d1", pool)) == (400, "ElasticPoolBusy")


def test_a_pool_refuses_one_database_more_than_its_limit(azure):
    server = a_server(azure)
    pool = a_pool(azure, server, capacity=2)
    for number in range(100):
        assert begin_database(azure, f"{server}/databases/d{number}", pool).status == 202
    refused = begin_database(azure, f"{server}/databases/more", pool)
    assert code(refused) == (400, "ElasticPoolDatabaseCountOverLimit")
    assert ask(azure, "GET", f"{server}/databases/more").status == 404


def test_guaranteed_vcores_cannot_exceed_the_pool(azure):
    server = a_server(azure)
    pool = a_pool(azure, server, capacity=2, perDatabaseSettings={"minCapacity": 1, "maxCapacity": 2})
    for name in ("a", "b"):
        assert begin_database(azure, f"{server}/databases/{name}", pool).status == 202
    refused = begin_database(azure, f"{server}/databases/c", pool)
    assert code(refused) == (400, "ElasticPoolInconsistentVcoreGuaranteeSettings")


@pytest.mark.parametrize(
    ("sku", "properties", "expected"),
    [
        ({"name": "GP_Gen9", "capacity": 4}, {}, "InvalidSkuName"),
        ({"name": "GP_Gen5", "capacity": 5}, {}, "MismatchedSkuNameAndCapacity"),
        ({"name": "GP_Gen5", "capacity": 2}, {"maxSizeBytes": 1024**4}, "ElasticPoolStorageAboveLimitGB"),
        ({"name": "GP_Gen5", "capacity": 2}, {"maxSizeBytes": 12345}, "ElasticPoolStorageBelowLimitMB"),
        ({"name": "GP_Gen5", "capacity": 2}, {"maxSizeBytes": 1024**3 + 1}, "ElasticPoolStorageNotAllowedMB"),
        ({"name": "StandardPool", "capacity": 50}, {"maxSizeBytes": 60 * 1024**3}, "ElasticPoolStorageNotAllowedGB"),
        ({"name": "BasicPool", "capacity": 50}, {"zoneRedundant": True}, "ProvisioningDisabled"),
        ({"name": "HS_Gen5", "capacity": 4}, {"highAvailabilityReplicaCount": 5}, "InvalidParameterValue"),
        ({"name": "GP_Gen5", "capacity": 2}, {"licenseType": "Free"}, "InvalidLicenseType"),
        (
            {"name": "GP_Gen5", "capacity": 2},
            {"perDatabaseSettings": {"maxCapacity": 4}},
            "ElasticPoolDbDtuMaxAboveLimit",
        ),
    ],
)
def test_a_pool_that_the_tables_do_not_have_is_refused(azure, sku, properties, expected):
    path = f"{a_server(azure)}/elasticPools/p1"
    refused = ask(azure, "PUT", path, {"location": "eastus", "sku": sku, "properties": properties})
    assert code(refused) == (400, expected)
    assert ask(azure, "GET", path).status == 404


def test_a_server_holds_540_vcores(azure):
    server = a_server(azure)
    for number in range(4):
        a_pool(azure, server, f"p{number}", capacity=128)
    a_pool(azure, server, "p4", capacity=24)
    path = f"{server}/elasticPools/p5"
    refused = ask(azure, "PUT", path, {"location": "eastus", "sku": {"name": "GP_Gen5", "capacity": 6}})
    assert code(refused) == (400, "ServerQuotaExceeded")
    single = {"location": "eastus", "sku": {"name": "GP_Gen5_6"}}
    assert code(ask(azure, "PUT", f"{server}/databases/d1", single)) == (409, "ServerDtuQuotaExceeded")


@pytest.mark.parametrize(
    ("name", "document", "expected"),
    [
        ("master", {}, "CannotUseReservedDatabaseName"),
        ("dot.", {}, "CannotUseTrailingWhitespacesInDatabaseName"),
        ("a*b", {}, "InvalidIdentifier"),
        ("d1", {"sku": {"name": "XX_Gen5"}}, "InvalidSkuName"),
        ("d1", {"sku": {"name": "GP_Gen5", "capacity": 3}}, "UnsupportedCapacity"),
        ("d1", {"properties": {"maxSizeBytes": 5}}, "InvalidMaxSizeTierCombination"),
        ("d1", {"properties": {"elasticPoolId": "/x/elasticPools/none"}}, "TargetElasticPoolDoesNotExist"),
    ],
)
def test_a_database_that_cannot_be_is_refused(azure, name, document, expected):
    server = a_server(azure)
    refused = ask(azure, "PUT", f"{server}/databases/{name}", {"location": "eastus", **document})
    assert code(refused) == (400, expected)


def test_master_is_listed_and_refuses_deletion(azure):
    server = a_server(azure)
    assert code(ask(azure, "DELETE", f"{server}/databases/master")) == (400, "CannotUseReservedDatabaseName")


def test_deleting_what_never_was_is_204(azure):
    server = a_server(azure)
    for path in (f"{server}/databases/none", f"{server}/elasticPools/none", f"{server}x"):
        assert ask(azure, "DELETE", path).status == 204


def test_path_segments_compare_without_regard_to_case(azure):
    server = a_server(azure)
    path = (
        whole_id(azure, server).replace("resourceGroups/rg", "RESOURCEGROUPS/RG").replace("servers/one", "SERVERS/ONE")
    )
    assert orjson.loads(ask(azure, "GET", path).body)["name"] == "one"


def test_a_changed_poll_url_is_refused(azure):
    server = a_server(azure)
    url = begin_database(azure, f"{server}/databases/d1").headers["azure-asyncoperation"]
    assert 3000 < len(url) < 3700
    path, _, query = url.removeprefix("https://localhost:8443").partition("?")
    values = dict(pair.split("=", 1) for pair in query.split("&"))
    values["api-version"] = values.pop("api-version")
    assert ask(azure, "GET", path, **values).status == 200
    assert code(ask(azure, "GET", path, **{**values, "t": str(int(values["t"]) + 1)})) == (
        400,
        "InvalidAsyncOperationUrl",
    )


def test_retention_outside_one_to_thirty_five_days_is_refused(azure):
    database = a_database(azure, a_server(azure))
    path = f"{database}/backupShortTermRetentionPolicies/default"
    assert code(ask(azure, "PUT", path, {"properties": {"retentionDays": 36}})) == (400, "InvalidBackupRetentionPeriod")
    assert ask(azure, "PUT", path, {"properties": {"retentionDays": 35}}).status == 202
    settle(azure)
    assert orjson.loads(ask(azure, "GET", path).body)["properties"]["retentionDays"] == 35


def test_the_sql_provider_has_limits_of_its_own(azure):
    server = a_server(azure)
    azure.arm.quotas.sql_updates_per_second = 0.2  # a burst of five
    answers = [begin_database(azure, f"{server}/databases/d{number}") for number in range(6)]
    assert [one.status for one in answers[:5]] == [202] * 5
    assert code(answers[5]) == (429, "SubscriptionTooManyCreateUpdateRequests")
    assert answers[5].headers["retry-after"] == "6"
    assert int(answers[5].headers["x-ms-ratelimit-remaining-subscription-writes"]) > 100
    azure.arm.quotas.sql_requests_per_second = 0.04
    assert ask(azure, "GET", server).status == 200
    assert code(ask(azure, "GET", server)) == (429, "SubscriptionTooManyRequests")


def test_the_sql_provider_is_busy_with_too_many_operations(azure):
    server = a_server(azure)
    azure.arm.quotas.sql_running_operations = 2
    for name in ("a", "b"):
        assert begin_database(azure, f"{server}/databases/{name}").status == 202
    refused = begin_database(azure, f"{server}/databases/c")
    assert code(refused) == (503, "TooManyRequests")
    assert refused.headers["retry-after"] == "30"
    settle(azure)
    assert begin_database(azure, f"{server}/databases/c").status == 202


def test_too_many_writes_are_throttled_with_the_time_to_wait(azure):
    group = a_group(azure)
    answers = [ask(azure, "PUT", group, {"location": "eastus"}) for _ in range(200)]
    assert int(answers[0].headers["x-ms-ratelimit-remaining-subscription-writes"]) == 198
    assert code(answers[-1]) == (429, "SubscriptionRequestsThrottled")
    assert answers[-1].headers["retry-after"] == "1"
    assert ask(azure, "GET", group).status == 200
