"""The types of what requests may hold: another type is refused before a handler sees it, null counts as absent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simulator.arm.errors import invalid

NUMBER = (int, float)
Types = Mapping[str, type | tuple[type, ...]]

TOP: Types = {
    "id": str,
    "name": str,
    "type": str,
    "location": str,
    "managedBy": str,
    "sku": dict,
    "properties": dict,
    "identity": dict,
    "tags": dict,
}
SKU: Types = {"name": str, "tier": str, "family": str, "size": str, "capacity": int}
PROPERTIES: Types = {
    "administratorLogin": str,
    "administratorLoginPassword": str,
    "administrators": dict,
    "minimalTlsVersion": str,
    "publicNetworkAccess": str,
    "restrictOutboundNetworkAccess": str,
    "primaryUserAssignedIdentityId": str,
    "keyId": str,
    "keys": dict,
    "encryptionProtector": str,
    "encryptionProtectorAutoRotation": bool,
    "federatedClientId": str,
    "serverKeyType": str,
    "uri": str,
    "perDatabaseSettings": dict,
    "minCapacity": NUMBER,
    "maxCapacity": NUMBER,
    "maxSizeBytes": int,
    "licenseType": str,
    "availabilityZone": str,
    "zoneRedundant": bool,
    "elasticPoolId": str,
    "createMode": str,
    "sourceDatabaseId": str,
    "sourceDatabaseDeletionDate": str,
    "restorableDroppedDatabaseId": str,
    "restorePointInTime": str,
    "secondaryType": str,
    "logs": list,
    "metrics": list,
    "privateLinkServiceConnections": list,
    "manualPrivateLinkServiceConnections": list,
    "collation": str,
    "catalogCollation": str,
    "requestedBackupStorageRedundancy": str,
    "highAvailabilityReplicaCount": int,
    "readReplicaCount": int,
    "maintenanceConfigurationId": str,
    "autoPauseDelay": int,
    "manualCutover": bool,
    "performCutover": bool,
    "readScale": str,
    "isLedgerOn": bool,
    "retentionDays": int,
    "diffBackupIntervalInHours": int,
    "state": str,
    "status": str,
    "startIpAddress": str,
    "endIpAddress": str,
    "login": str,
    "sid": str,
    "tenantId": str,
    "principalType": str,
    "azureADOnlyAuthentication": bool,
    "auditActionsAndGroups": list,
    "isAzureMonitorTargetEnabled": bool,
    "isManagedIdentityInUse": bool,
    "isStorageSecondaryKeyInUse": bool,
    "isDevopsAuditEnabled": bool,
    "queueDelayMs": int,
    "predicateExpression": str,
    "storageEndpoint": str,
    "storageAccountSubscriptionId": str,
}


def checked(document: Mapping[str, Any]) -> dict[str, Any]:
    """The request's document without nulls; 400 where a known field has a wrong type."""
    whole = _typed(document, TOP)
    if "sku" in whole:
        whole["sku"] = _typed(whole["sku"], SKU)
    if "properties" in whole:
        whole["properties"] = _typed_properties(whole["properties"])
    return whole


def _typed_properties(given: Mapping[str, Any]) -> dict[str, Any]:
    properties = _typed(given, PROPERTIES)
    for name in ("perDatabaseSettings", "administrators"):
        if name in properties:
            properties[name] = _typed(properties[name], PROPERTIES)
    return properties


def _typed(given: Mapping[str, Any], types: Types) -> dict[str, Any]:
    kept = {name: value for name, value in given.items() if value is not None}
    for name, value in kept.items():
        expected = types.get(name, object)
        is_number = isinstance(value, bool) and expected in (int, NUMBER)
        if is_number or not isinstance(value, expected):
            message = f"The request content was invalid and could not be deserialized: '{name}' has a wrong type."
            raise invalid("InvalidRequestContent", message)
    return kept
