"""Copies, locks, endpoints, settings and policies take any JSON without breaking: a result or a refusal."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simulator.azure import Azure
from simulator.http import Request
from tests.simulator.builders import a_database, a_group, a_pool, a_server, ask, bearer, settle, whole_id

SERVER = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one"
NAMES = (
    "properties", "location", "sku", "name", "tier", "capacity", "createMode", "sourceDatabaseId", "elasticPoolId",
    "restorableDroppedDatabaseId", "sourceDatabaseDeletionDate", "restorePointInTime", "secondaryType", "maxSizeBytes",
    "perDatabaseSettings", "minCapacity", "maxCapacity", "highAvailabilityReplicaCount", "zoneRedundant", "identity",
    "type", "userAssignedIdentities", "level", "notes", "logs", "metrics", "workspaceId", "category", "retentionPolicy",
    "privateLinkServiceConnections", "manualPrivateLinkServiceConnections", "privateLinkServiceId", "groupIds",
    "privateLinkServiceConnectionState", "status", "weeklyRetention", "yearlyRetention", "weekOfYear", "id", "tags",
    "licenseType", "requestMessage", "state", "isAzureMonitorTargetEnabled",
)  # fmt: skip
TEXTS = st.sampled_from(
    ["Copy", "Restore", "PointInTimeRestore", "Secondary", "Geo", "Named", "SystemAssigned", "UserAssigned", "eastus",
     "GP_Gen5", "S0", "ReadOnly", "Approved", "P1W", "2026-01-01", "x", "", f"/subscriptions/s{SERVER}/databases/d1",
     f"{SERVER}/restorableDroppedDatabases/d1,1", "/databases/"]
)  # fmt: skip
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 2**60), st.floats(allow_nan=False), TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(NAMES), inner, max_size=6)),
    max_leaves=14,
)
WISH = st.fixed_dictionaries({"location": st.just("eastus"), "properties": JSON})
CALLS = st.sampled_from(
    [
        ("PUT", f"{SERVER}/databases/d2"),
        ("PATCH", f"{SERVER}/databases/d1"),
        ("POST", f"{SERVER}/databases/d1/move"),
        ("PUT", f"{SERVER}/elasticPools/p2"),
        ("PATCH", f"{SERVER}/elasticPools/p1"),
        ("PATCH", SERVER),
        ("PUT", f"{SERVER}/providers/Microsoft.Authorization/locks/a"),
        ("PUT", f"{SERVER}/providers/Microsoft.Insights/diagnosticSettings/a"),
        ("PUT", f"{SERVER}/databases/d1/backupLongTermRetentionPolicies/default"),
        ("PUT", f"{SERVER}/databases/d1/auditingSettings/default"),
        ("PUT", f"{SERVER}/privateEndpointConnections/{{pec}}"),
        ("PUT", "/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/other"),
        ("PATCH", "/resourceGroups/rg"),
    ]
)
FEW = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@pytest.fixture(scope="module")
def azure() -> Azure:
    azure = Azure(real=lambda: 0.0, throttled=False)
    server = a_server(azure)
    a_database(azure, server, pool=a_pool(azure, server))
    link = {"privateLinkServiceId": whole_id(azure, server), "groupIds": ["sqlServer"]}
    wish = {"location": "eastus", "properties": {"manualPrivateLinkServiceConnections": [{"properties": link}]}}
    assert ask(azure, "PUT", f"{a_group(azure)}/providers/Microsoft.Network/privateEndpoints/pe", wish).status == 201
    return azure


@FEW
@given(call=CALLS, document=st.one_of(JSON, WISH))
def test_any_wish_is_granted_or_refused(azure, call, document):
    method, path = call
    (connection,) = azure.arm.resources.children(whole_id(azure, SERVER), "privateEndpointConnections")
    answered = ask(azure, method, path.replace("{pec}", connection.name), document)
    assert answered.status in (200, 201, 202, 400, 403, 404, 405, 409)
    settle(azure)
    for lock in azure.arm.resources.children("/locks", "locks"):
        azure.arm.resources.delete(lock.key)


WRONG = (
    5, -1, "x", [], [5], [None], [{}], {}, True, 1.5, [{"properties": 5}], 10**17, {"type": 5}, {"status": 5},
    [{"properties": {"privateLinkServiceId": 5, "groupIds": 5}}], {"minCapacity": "x"}, {"maxCapacity": -5},
    {"type": "UserAssigned", "userAssignedIdentities": {"x": 5}}, {"type": "UserAssigned", "userAssignedIdentities": 5},
)  # fmt: skip
FIELDS = {
    f"{SERVER}/databases/d9": (
        "sourceDatabaseId",
        "restorePointInTime",
        "secondaryType",
        "highAvailabilityReplicaCount",
    ),
    f"{SERVER}/elasticPools/p9": ("perDatabaseSettings", "maxSizeBytes", "highAvailabilityReplicaCount", "licenseType"),
    f"{SERVER}/providers/Microsoft.Authorization/locks/a": ("level",),
    f"{SERVER}/providers/Microsoft.Insights/diagnosticSettings/a": ("logs", "metrics", "workspaceId"),
    f"{SERVER}/databases/d1/backupLongTermRetentionPolicies/default": ("weeklyRetention", "weekOfYear"),
    f"{SERVER}/databases/d1/auditingSettings/default": ("state", "auditActionsAndGroups"),
    f"{SERVER}/privateEndpointConnections/{{pec}}": ("privateLinkServiceConnectionState",),
    "/resourceGroups/rg/providers/Microsoft.Network/privateEndpoints/other": (
        "privateLinkServiceConnections",
        "manualPrivateLinkServiceConnections",
    ),
    SERVER: ("identity",),
}


@pytest.mark.parametrize(("path", "name"), [(path, name) for path, names in FIELDS.items() for name in names])
def test_a_value_of_a_wrong_type_is_refused(azure, path, name):
    (connection,) = azure.arm.resources.children(whole_id(azure, SERVER), "privateEndpointConnections")
    for value in WRONG:
        for mode in ("PointInTimeRestore", "Secondary"):
            source = whole_id(azure, f"{SERVER}/databases/d1")
            base = {"workspaceId": "w", "state": "Disabled", "createMode": mode, "sourceDatabaseId": source}
            inside = {"location": "eastus", "properties": {**base, name: value}}
            for document in (inside, {"location": "eastus", name: value}):
                method = "PATCH" if path == SERVER else "PUT"
                answered = ask(azure, method, path.replace("{pec}", connection.name), document)
                assert answered.status in (200, 201, 202, 400, 404, 409), (value, answered.body)
                settle(azure)
                for lock in azure.arm.resources.children("/locks", "locks"):
                    azure.arm.resources.delete(lock.key)


@FEW
@given(document=JSON, body=st.one_of(st.just(b"{"), st.just(b"[1]"), JSON.map(orjson.dumps)))
def test_any_policy_is_kept_or_refused_and_held_against_any_body(azure, document, body):
    told = azure.handle(Request("POST", "localhost", 443, "/_sim/policies", {}, {}, orjson.dumps(document)))
    rule = {"name": "a", "type": "Microsoft.Sql/servers", "field": "properties.sku.name", "in": [document]}
    assert told.status in (201, 400)
    assert azure.handle(Request("POST", "localhost", 443, "/_sim/policies", {}, {}, orjson.dumps(rule))).status == 201
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    path = whole_id(azure, SERVER)
    answered = azure.handle(Request("PATCH", "localhost", 443, path, {"api-version": "2023-08-01"}, headers, body))
    assert answered.status in (202, 400, 403, 409)
    azure.handle(Request("DELETE", "localhost", 443, "/_sim/policies", {}, {}))
    settle(azure)
