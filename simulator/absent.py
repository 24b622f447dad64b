"""What of Azure is not simulated, for the table in docs/simulator.md.

The types are those of which the SDK (azure-mgmt-sql) has addresses and no route here; a test derives them anew.
"""

from __future__ import annotations

UNSERVED_TYPES = (
    "deletedServers",
    "locations/deletedServers",
    "locations/instanceFailoverGroups",
    "locations/longTermRetentionBackups",
    "locations/longTermRetentionManagedInstanceBackups",
    "locations/longTermRetentionManagedInstances/longTermRetentionDatabases/longTermRetentionManagedInstanceBackups",
    "locations/longTermRetentionManagedInstances/longTermRetentionManagedInstanceBackups",
    "locations/longTermRetentionServers/longTermRetentionBackups",
    "locations/longTermRetentionServers/longTermRetentionDatabases/longTermRetentionBackups",
    "locations/managedDatabaseMoveOperationResults",
    "locations/serverTrustGroups",
    "locations/syncDatabaseIds",
    "locations/timeZones",
    "servers/advancedThreatProtectionSettings",
    "servers/advisors",
    "servers/automaticTuning/current",
    "servers/connectionPolicies",
    "servers/databases/advancedThreatProtectionSettings",
    "servers/databases/advisors",
    "servers/databases/automaticTuning/current",
    "servers/databases/columns",
    "servers/databases/currentSensitivityLabels",
    "servers/databases/dataMaskingPolicies",
    "servers/databases/dataWarehouseUserActivities",
    "servers/databases/export",
    "servers/databases/extensions",
    "servers/databases/geoBackupPolicies",
    "servers/databases/import",
    "servers/databases/ledgerDigestUploads",
    "servers/databases/linkWorkspaces",
    "servers/databases/maintenanceWindowOptions/current",
    "servers/databases/maintenanceWindows/current",
    "servers/databases/pause",
    "servers/databases/recommendedSensitivityLabels",
    "servers/databases/restorePoints",
    "servers/databases/resume",
    "servers/databases/schemas",
    "servers/databases/securityAlertPolicies",
    "servers/databases/sensitivityLabels",
    "servers/databases/sqlVulnerabilityAssessments",
    "servers/databases/syncGroups",
    "servers/databases/transparentDataEncryption/resume",
    "servers/databases/transparentDataEncryption/suspend",
    "servers/databases/upgradeDataWarehouse",
    "servers/databases/vulnerabilityAssessments",
    "servers/databases/workloadGroups",
    "servers/devOpsAuditingSettings",
    "servers/dnsAliases",
    "servers/encryptionProtector/revalidate",
    "servers/failoverGroups",
    "servers/import",
    "servers/ipv6FirewallRules",
    "servers/jobAgents",
    "servers/networkSecurityPerimeterConfigurations",
    "servers/operations",
    "servers/outboundFirewallRules",
    "servers/privateLinkResources",
    "servers/recoverableDatabases",
    "servers/refreshExternalGovernanceStatus",
    "servers/securityAlertPolicies",
    "servers/sqlVulnerabilityAssessments",
    "servers/syncAgents",
    "servers/tdeCertificates",
    "servers/virtualNetworkRules",
    "servers/vulnerabilityAssessments",
)
ABSENT = (
    ("Managed instances, Synapse, SQL virtual machines", "other products"),
    ("api-version 2014-04-01", "retired; later versions answer for it"),
    ("Deployments and templates, activity log, resource graph", "nothing here asks them"),
    ("Role assignments", "any application of the directory may call ARM"),
    ("A server's own protector in Key Vault", "keys can be added to a server; its protector stays the service's own"),
    ("Imports and exports, jobs, data sync, ledger digests", "no workflow uses them"),
    ("Other resource providers", "except Microsoft.KeyVault/vaults and Microsoft.Insights metrics"),
    ("Enforcement of minimalTlsVersion", "kept and shown; sign-ins by SQL take any version that the listener takes"),
    (
        "T-SQL: CREATE LOGIN, WAITFOR",
        "refused as unknown; only the statements of sign-ins, users and health checks are known",
    ),
    ("T-SQL: sys.dm_db_resource_stats and sys.elastic_pool_resource_stats", "metrics come from Azure Monitor alone"),
)


def rows() -> list[tuple[str, str]]:
    """What is absent and why: first what SQL's own provider lacks, by what it belongs to."""
    return [*((f"Of {owner}", ", ".join(names)) for owner, names in _types().items() if names), *ABSENT]


def _types() -> dict[str, list[str]]:
    owners = {"a database": "servers/databases/", "a server": "servers/", "a location or subscription": ""}
    found: dict[str, list[str]] = {owner: [] for owner in owners}
    for name in UNSERVED_TYPES:
        owner, prefix = next(one for one in owners.items() if name.startswith(one[1]))
        found[owner].append(name.removeprefix(prefix))
    return found
