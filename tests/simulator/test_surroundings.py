"""What stands around servers and databases: private endpoints, identities, diagnostic settings, policies of backup."""

from __future__ import annotations

import orjson
import pytest
from azure.core.exceptions import HttpResponseError

from simulator.http import Response
from tests.simulator.builders import a_database, a_group, a_server, ask, settle, sql_client, whole_id

ENDPOINTS = "/providers/Microsoft.Network/privateEndpoints"
DIAGNOSTICS = "/providers/Microsoft.Insights/diagnosticSettings"


def code(response: Response) -> tuple[int, str]:
    return response.status, orjson.loads(response.body)["error"]["code"]


def an_endpoint(azure, server: str, name: str = "pe", *, manual: bool = True) -> Response:
    link = {"privateLinkServiceId": whole_id(azure, server), "groupIds": ["sqlServer"]}
    key = "manualPrivateLinkServiceConnections" if manual else "privateLinkServiceConnections"
    document = {"location": "eastus", "properties": {"subnet": {"id": "s"}, key: [{"name": "a", "properties": link}]}}
    return ask(azure, "PUT", f"{a_group(azure)}{ENDPOINTS}/{name}", document)


def test_a_pending_private_endpoint_is_approved_and_lets_public_access_go(azure):
    server = a_server(azure)
    off = {"properties": {"publicNetworkAccess": "Disabled"}}
    assert code(ask(azure, "PATCH", server, off)) == (400, "PECsNotExistingToDenyPublicNetworkAccess")
    assert an_endpoint(azure, server).status == 201
    client = sql_client(azure)
    (pending,) = client.private_endpoint_connections.list_by_server("rg", "one")
    assert pending.properties.private_link_service_connection_state.status == "Pending"
    assert code(ask(azure, "PATCH", server, off)) == (400, "PECsNotExistingToDenyPublicNetworkAccess")
    wish = {"properties": {"privateLinkServiceConnectionState": {"status": "Approved", "description": "ours"}}}
    client.private_endpoint_connections.begin_create_or_update("rg", "one", pending.name, wish).result()
    (shown,) = client.servers.get("rg", "one").properties.private_endpoint_connections
    assert shown.properties.private_link_service_connection_state.status == "Approved"
    assert client.servers.begin_update("rg", "one", off).result().properties.public_network_access == "Disabled"
    client.private_endpoint_connections.begin_delete("rg", "one", pending.name).result()
    assert list(client.private_endpoint_connections.list_by_server("rg", "one")) == []
    assert client.servers.get("rg", "one").properties.private_endpoint_connections == []


def test_a_rejected_connection_stays_rejected_and_goes_with_its_endpoint(azure):
    server = a_server(azure)
    assert an_endpoint(azure, server).status == 201
    (pending,) = sql_client(azure).private_endpoint_connections.list_by_server("rg", "one")
    path = f"{server}/privateEndpointConnections/{pending.name}"
    wishes = [
        {"properties": {"privateLinkServiceConnectionState": {"status": status, "description": ""}}}
        for status in ("Rejected", "Approved", "Nonsense")
    ]
    assert ask(azure, "PUT", path, wishes[0]).status == 202
    settle(azure)
    assert code(ask(azure, "PUT", path, wishes[1])) == (400, "InvalidPrivateEndpointConnectionState")
    assert code(ask(azure, "PUT", path, wishes[2])) == (400, "InvalidParameterValue")
    assert code(ask(azure, "PUT", f"{path}x", wishes[0])) == (404, "ResourceNotFound")
    assert ask(azure, "DELETE", f"{a_group(azure)}{ENDPOINTS}/pe").status == 200
    assert ask(azure, "GET", path).status == 404


def test_an_automatic_private_endpoint_is_approved_at_once(azure):
    server = a_server(azure)
    assert an_endpoint(azure, server, manual=False).status == 201
    (made,) = sql_client(azure).private_endpoint_connections.list_by_server("rg", "one")
    assert made.properties.private_link_service_connection_state.status == "Approved"
    assert code(an_endpoint(azure, f"{server}x", "other")) == (400, "InvalidPrivateLinkServiceId")


def test_a_server_has_identities_of_its_own_and_given_ones(azure):
    path = a_server(azure)
    client = sql_client(azure)
    made = client.servers.begin_update("rg", "one", {"identity": {"type": "SystemAssigned"}}).result()
    assert (made.identity.type, made.identity.tenant_id) == ("SystemAssigned", azure.tenant)
    kept = client.servers.begin_update("rg", "one", {"tags": {"a": "b"}}).result()
    assert kept.identity.principal_id == made.identity.principal_id
    given = f"{a_group(azure)}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/keys"
    assert ask(azure, "PUT", given, {"location": "eastus"}).status == 201
    both = {"type": "SystemAssigned,UserAssigned", "userAssignedIdentities": {whole_id(azure, given): {}}}
    shown = client.servers.begin_update("rg", "one", {"identity": both}).result().identity
    assert shown.principal_id == made.identity.principal_id
    assert list(shown.user_assigned_identities) == [whole_id(azure, given)]
    wrong = {"identity": {"type": "UserAssigned", "userAssignedIdentities": {whole_id(azure, f"{given}x"): {}}}}
    assert code(ask(azure, "PATCH", path, wrong)) == (400, "InvalidIdentityId")


@pytest.mark.parametrize("of", ["server", "database"])
def test_a_diagnostic_setting_is_written_listed_and_deleted(azure, of):
    server = a_server(azure)
    path = f"{server if of == 'server' else a_database(azure, server)}{DIAGNOSTICS}"
    logs = [{"category": "SQLSecurityAuditEvents", "enabled": True}]
    wish = {"properties": {"workspaceId": "/subscriptions/w", "logs": logs, "metrics": []}}
    made = orjson.loads(ask(azure, "PUT", f"{path}/audit", wish).body)
    assert made["properties"]["logs"][0]["category"] == "SQLSecurityAuditEvents"
    assert orjson.loads(ask(azure, "GET", path).body)["value"] == [made]
    assert code(ask(azure, "PUT", f"{path}/other", {"properties": {"logs": logs}})) == (400, "BadRequest")
    for number in range(4):
        assert ask(azure, "PUT", f"{path}/more{number}", wish).status == 200
    assert code(ask(azure, "PUT", f"{path}/sixth", wish)) == (409, "Conflict")
    assert ask(azure, "DELETE", f"{path}/audit").status == 200
    assert ask(azure, "DELETE", f"{path}/audit").status == 204
    assert code(ask(azure, "GET", f"{path}/audit")) == (404, "ResourceNotFound")


def test_a_database_is_audited_beside_its_server(azure):
    a_database(azure, a_server(azure))
    client = sql_client(azure)
    policies = client.database_blob_auditing_policies
    assert policies.get("rg", "one", "d1").properties.state == "Disabled"
    wish = {"properties": {"state": "Enabled", "isAzureMonitorTargetEnabled": True}}
    made = policies.create_or_update("rg", "one", "d1", wish)
    assert (made.properties.state, len(made.properties.audit_actions_and_groups)) == ("Enabled", 3)
    extended = client.extended_database_blob_auditing_policies.get("rg", "one", "d1")
    assert extended.properties.is_azure_monitor_target_enabled
    with pytest.raises(HttpResponseError):
        policies.create_or_update("rg", "one", "d1", {"properties": {"state": "Enabled"}})


def test_long_term_retention_is_set_and_checked(azure):
    a_database(azure, a_server(azure))
    policies = sql_client(azure).long_term_retention_policies
    assert policies.get("rg", "one", "d1", "default").properties.weekly_retention == "PT0S"
    wish = {"properties": {"weeklyRetention": "P4W", "yearlyRetention": "P5Y", "weekOfYear": 3}}
    policies.begin_create_or_update("rg", "one", "d1", "default", wish).result()
    assert policies.get("rg", "one", "d1", "default").properties.yearly_retention == "P5Y"
    for wrong in (
        {"weeklyRetention": "P11Y"},
        {"weeklyRetention": "often"},
        {"yearlyRetention": "P1Y", "weekOfYear": 0},
    ):
        with pytest.raises(HttpResponseError) as refused:
            policies.begin_create_or_update("rg", "one", "d1", "default", {"properties": wrong})
        assert refused.value.error.code == "InvalidParameterValue"
