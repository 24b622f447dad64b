"""Nonsense gets a 4xx with a stable code, never a crash, and changes nothing."""

from __future__ import annotations

import orjson
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.azure import Azure
from simulator.http import Request
from tests.simulator.builders import a_database, a_pool, a_server, ask, bearer, settle

VALUES = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-5, 2**40), st.floats(0, 9), st.text(max_size=5), st.just("ElasticPool")
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(st.text(max_size=3), inner, max_size=2)),
    max_leaves=4,
)
WORDS = ("sku", "name", "tier", "capacity", "family", "properties", "tags", "location", "identity", "state", "id")
PROPERTIES = (
    "administratorLogin", "administratorLoginPassword", "administrators", "minimalTlsVersion", "publicNetworkAccess",
    "perDatabaseSettings", "minCapacity", "maxCapacity", "maxSizeBytes", "licenseType", "zoneRedundant", "elasticPoolId",
    "createMode", "collation", "requestedBackupStorageRedundancy", "highAvailabilityReplicaCount", "retentionDays",
    "diffBackupIntervalInHours", "state", "startIpAddress", "endIpAddress", "login", "sid", "azureADOnlyAuthentication",
    "autoPauseDelay", "readScale", "auditActionsAndGroups", "isAzureMonitorTargetEnabled", "storageEndpoint",
)  # fmt: skip
SKUS = st.one_of(
    VALUES,
    st.fixed_dictionaries(
        {
            "name": st.sampled_from(
                ["GP_Gen5", "GP_Gen5_2", "HS_Gen5", "GP_S_Gen5", "S1", "ElasticPool", "BasicPool", ""]
            )
        },
        optional={"capacity": VALUES, "tier": VALUES},
    ),
)
DOCUMENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(WORDS, VALUES),
        "sku": SKUS,
        "location": st.one_of(st.just("eastus"), VALUES),
        "properties": st.one_of(VALUES, st.dictionaries(st.sampled_from(PROPERTIES), VALUES, max_size=5)),
    },
)
PATHS = (
    "/resourceGroups/fuzz", "{server}", "{server}2", "{server}/elasticPools/p1", "{server}/elasticPools/p2",
    "{server}/databases/d1",
    "{server}/databases/d2", "{server}/firewallRules/r", "{server}/auditingSettings/default",
    "{server}/administrators/ActiveDirectory",
    "{server}/azureADOnlyAuthentications/Default", "{server}/databases/d1/transparentDataEncryption/current",
    "{server}/databases/d1/backupShortTermRetentionPolicies/default", "{server}/databases/d1/move",
)  # fmt: skip


def a_small_azure() -> tuple[Azure, str]:
    azure = Azure(real=lambda: 0.0, throttled=False)
    server = a_server(azure)
    a_pool(azure, server)
    a_database(azure, server)
    return azure, server


AZURE, SERVER = a_small_azure()


@settings(max_examples=200, deadline=None, suppress_health_check=list(HealthCheck))
@given(method=st.sampled_from(["PUT", "PATCH", "POST"]), path=st.sampled_from(PATHS), document=DOCUMENTS)
def test_any_document_is_taken_or_refused_with_a_code(method, path, document):
    settle(AZURE)
    answer = ask(AZURE, method, path.format(server=SERVER), document)
    assert answer.status < 500
    if answer.status >= 400:
        assert orjson.loads(answer.body)["error"]["code"]


@settings(max_examples=100, deadline=None)
@given(method=st.sampled_from(["GET", "PUT", "DELETE"]), path=st.text(max_size=60), body=st.binary(max_size=40))
def test_any_path_and_body_is_answered(method, path, body):
    headers = {"authorization": f"Bearer {bearer(AZURE)}"}
    whole = f"/subscriptions/{AZURE.arm.subscriptions[0]}/{path}"
    request = Request(method, "localhost", 443, whole, {"api-version": "2023-08-01"}, headers, body)
    assert AZURE.handle(request).status < 500
