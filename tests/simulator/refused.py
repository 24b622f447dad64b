"""Requests that Azure refuses, by the code it refuses them with: what comes before in order, the refused one last."""

from __future__ import annotations

from typing import Any

Step = tuple[str, str, Any]
GROUP = "/resourceGroups/rg"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/one"
POOL, D1 = f"{SERVER}/elasticPools/p1", f"{SERVER}/databases/d1"
WINDOWS = "/subscriptions/any/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/"
ENDPOINT = f"{GROUP}/providers/Microsoft.Network/privateEndpoints/e"
ADMINISTRATOR = {"administratorType": "ActiveDirectory", "login": "a", "sid": "0b5d9a6e-7f0b-4d4c-9a01-2b7b0d2c6c11"}
NAMES = "/providers/Microsoft.Sql/checkNameAvailability"
ONLY = f"{SERVER}/azureADOnlyAuthentications/Default"


def put(path: str, sku: dict[str, Any] | None = None, **properties: Any) -> Step:
    return "PUT", path, {"location": "eastus", "properties": properties, **({"sku": sku} if sku else {})}


def begun(step: Step) -> Step:
    """The same, still underway when the next step comes."""
    return f"BEGIN {step[0]}", *step[1:]


def d1(objective: str, **properties: Any) -> Step:
    return put(D1, {"name": objective}, **properties)


def endpoint(groups: list[str]) -> Step:
    link = {"name": "l", "properties": {"privateLinkServiceId": "{root}" + SERVER, "groupIds": groups}}
    return put(ENDPOINT, manualPrivateLinkServiceConnections=[link])


A_POOL = put(POOL, {"name": "GP_Gen5", "capacity": 4})
IN_POOL = {"elasticPoolId": "{root}" + POOL}
D2 = f"{SERVER}/databases/d2"
REFUSED: dict[str, list[Step]] = {
    "AadOnlyAuthenticationIsEnabled": [
        put(f"{SERVER}/administrators/ActiveDirectory", **ADMINISTRATOR),
        put(ONLY, azureADOnlyAuthentication=True),
        ("DELETE", f"{SERVER}/administrators/ActiveDirectory", None),
    ],
    "BlobAuditingInsufficientStorageAccountPermissions": [put(f"{SERVER}/auditingSettings/default", state="Enabled")],
    "ChangeUnsupportedOnEntity": [d1("Basic"), d1("HS_Gen5_2")],
    "DatabaseElasticPoolMaintenanceConflict": [
        A_POOL,
        put(D1, **IN_POOL, maintenanceConfigurationId=f"{WINDOWS}SQL_EastUS_DB_1"),
    ],
    "DatabaseFailoverNotSupportedOnSKU": [d1("S0"), ("POST", f"{D1}/failover?replicaType=ReadableSecondary", None)],
    "DatabaseFailoverThrottled": [d1("S0"), ("POST", f"{D1}/failover", None), ("POST", f"{D1}/failover", None)],
    "DatabaseNotInStateToFailover": [begun(d1("S0")), ("POST", f"{D1}/failover", None)],
    "DatabaseNamedReplicaPerDatabaseLimitExceeded": [
        ("POST", "/_sim/quotas", {"named_replicas": 0}),
        d1("HS_Gen5_2"),
        put(D2, createMode="Secondary", secondaryType="Named", sourceDatabaseId="{root}" + D1),
    ],
    "ElasticPoolFailoverThrottled": [A_POOL, ("POST", f"{POOL}/failover", None), ("POST", f"{POOL}/failover", None)],
    "ElasticPoolNotInStateToFailover": [begun(A_POOL), ("POST", f"{POOL}/failover", None)],
    "ElasticPoolNameRequired": [d1("ElasticPool")],
    "ElasticPoolTierCombinationInvalid": [A_POOL, put(D1, {"name": "ElasticPool", "tier": "Premium"}, **IN_POOL)],
    "FirewallRuleInvalidRange": [put(f"{SERVER}/firewallRules/r", startIpAddress="10.0.0.9", endIpAddress="10.0.0.1")],
    "GeoReplicaLimitReached": [
        ("POST", "/_sim/quotas", {"geo_replicas": 0}),
        d1("S0"),
        put(
            f"{GROUP}/providers/Microsoft.Sql/servers/two",
            administratorLogin="boss",
            administratorLoginPassword="Aa1!xxxxx",
        ),
        put(
            f"{GROUP}/providers/Microsoft.Sql/servers/two/databases/d1",
            createMode="Secondary",
            sourceDatabaseId="{root}" + D1,
        ),
    ],
    "HttpMethodNotSupported": [("DELETE", f"{SERVER}/databases", None)],
    "InvalidInputValueDatabaseDtuMinLargerThanMax": [
        put(POOL, {"name": "GP_Gen5", "capacity": 4}, perDatabaseSettings={"minCapacity": 2, "maxCapacity": 1})
    ],
    "InvalidCollation": [d1("S0", collation="Klingon_CI_AS")],
    "InvalidFilterInQueryString": [("GET", "/resources?$filter=name gt 5", None)],
    "InvalidLicenseType": [put(POOL, {"name": "GP_Gen5", "capacity": 4}, licenseType="Free")],
    "InvalidLocation": [("GET", "/providers/Microsoft.Sql/locations/atlantis/usages", None)],
    "InvalidMinimalTlsVersion": [("PATCH", SERVER, {"properties": {"minimalTlsVersion": "0.9"}})],
    "InvalidMoveTargetResourceId": [d1("S0"), ("POST", f"{D1}/move", {"id": "d2"})],
    "InvalidNameAvailabilityRequest": [("POST", NAMES, {})],
    "InvalidNumberOfIdentities": [("PATCH", SERVER, {"identity": {"type": "UserAssigned"}})],
    "InvalidPublicMaintenanceConfiguration": [d1("S2", maintenanceConfigurationId=f"{WINDOWS}SQL_WestUS_DB_1")],
    "InvalidReadScaleEdition": [d1("GP_Gen5_2", readScale="Enabled")],
    "InvalidReadScaleUnits": [d1("GP_Gen5_2", readScale="Twice")],
    "InvalidRequestContent": [("PUT", D1, {"location": 3})],
    "InvalidRequestFormat": [put(ENDPOINT)],
    "InvalidResourceGroup": [put("/resourceGroups/a!")],
    "InvalidResourceGroupLocation": [("PUT", GROUP, {"location": "westus"})],
    "InvalidResourceLocation": [("PUT", SERVER, {"location": "westus", "properties": {}})],
    "InvalidResourceType": [("GET", f"{SERVER}/nothings", None)],
    "InvalidServerAADOnlyAuthNoAADAdminPropertyName": [put(ONLY, azureADOnlyAuthentication=True)],
    "InvalidServerFirewallRuleResourceParameters": [put(f"{SERVER}/firewallRules/r", startIpAddress="here")],
    "InvalidSkipToken": [("GET", f"{SERVER}/databases?$skipToken=!", None)],
    "InvalidTagNameCharacters": [("PATCH", SERVER, {"tags": {"a<b": "c"}})],
    "InvalidTags": [("PATCH", GROUP, {"tags": {str(number): "" for number in range(51)}})],
    "InvalidTier": [A_POOL, put(D1, **IN_POOL), put(POOL, {"name": "HS_Gen5", "capacity": 4})],
    "InvalidTransparentDataEncryptionUpdateRequest": [
        d1("S0"),
        put(f"{D1}/transparentDataEncryption/current", state="Maybe"),
    ],
    "ManagementServiceDatabaseBusy": [
        d1("S0"),
        ("BEGIN PATCH", D1, {"sku": {"name": "S1"}}),
        ("POST", f"{D1}/failover", None),
    ],
    "MismatchedSkuNameAndFamily": [put(D1, {"name": "GP_Gen5", "family": "DC", "capacity": 2})],
    "MismatchingResourceGroupNameWithUrl": [
        d1("S0"),
        ("POST", f"{D1}/move", {"id": "{root}" + D2.replace("/rg/", "/other/")}),
    ],
    "MismatchingSubscriptionWithUrl": [d1("S0"), ("POST", f"{D1}/move", {"id": f"/subscriptions/other{D2}"})],
    "MissingSkuName": [put(D1, {"tier": "Basic"})],
    "PrivateEndpointGroupIdsInvalid": [endpoint(["blob"])],
    "RestorableDroppedDatabaseIdGivenForRestoreWithSourceDatabaseId": [
        put(D2, createMode="Restore", restorableDroppedDatabaseId="a", sourceDatabaseId="b")
    ],
    "TargetDatabaseEditionCouldNotBeDowngraded": [
        d1("HS_Gen5_2"),
        put(D2, {"name": "GP_Gen5_2"}, createMode="Copy", sourceDatabaseId="{root}" + D1),
    ],
    "UnknownNameType": [("POST", NAMES, {"name": "free", "type": "Microsoft.Sql/databases"})],
    "UnsupportedReplicationOperation": [
        d1("S0"),
        put(D2, createMode="Secondary", secondaryType="Named", sourceDatabaseId="{root}" + D1),
    ],
    "VaultAlreadyExists": [
        put(f"{GROUP}/providers/Microsoft.KeyVault/vaults/taken"),
        ("PUT", "/resourceGroups/other", {"location": "eastus"}),
        put("/resourceGroups/other/providers/Microsoft.KeyVault/vaults/taken"),
    ],
}
