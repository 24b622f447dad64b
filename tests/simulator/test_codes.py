"""Every error code that cloud/classify.py knows can be met here: by its cause, or, where that is out of scope, by a fault."""

from __future__ import annotations

import orjson
import pytest

from cloud.classify import _CODES, kind_of
from simulator.arm.limits import GIB
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_database, a_server, ask, whole_id
from tests.simulator.causes import (
    Way,
    both_ends,
    busy_database,
    busy_pool,
    busy_server,
    cancelled,
    cancelled_late,
    copied_source,
    database,
    deleted_group,
    denied,
    expired_token,
    full_pool,
    full_region,
    full_server,
    full_server_of,
    hyperscale_back,
    hyperscale_backup,
    locked,
    nowhere,
    one_copy_too_many,
    one_more_in,
    overfull_pool,
    pool,
    pool_with_a_copy,
    pool_with_databases,
    remote_there,
    renamed_primary,
    restored_over,
    secret,
    server,
    shrunk_pool,
    small_database,
    throttled,
    throttled_by_arm,
    unbacked,
    unregistered,
)
from tests.simulator.key_causes import KEY_WAYS

CODES = [(kind, code) for kind, codes in _CODES.items() for code in codes.split()]
WAYS: dict[str, Way] = {
    "ConflictingDatabaseOperation": busy_database,
    "ConflictingServerOperation": busy_server,
    "TargetElasticPoolBeingUpdated": pool_with_a_copy,
    "SimultaneousSkuChangeNotAllowed": both_ends,
    "UpdateNotAllowedIfGeoDrOperationInProgress": copied_source,
    "ElasticPoolBusy": busy_pool,
    "DatabaseCopyLimitPerReplicaReached": one_copy_too_many,
    "UpdateNotAllowedInCurrentReplicationState": renamed_primary,
    "NoRestorePointAvailable": unbacked,
    "ExpiredAuthenticationToken": expired_token,
    "ResourceGroupBeingDeleted": deleted_group,
    "SubscriptionTooManyCreateUpdateRequests": lambda azure: throttled(azure, sql_updates_per_second=0.08),
    "SubscriptionTooManyRequests": lambda azure: throttled(azure, sql_requests_per_second=0.08),
    "TooManyRequests": lambda azure: throttled(azure, sql_running_operations=2),
    "SubscriptionRequestsThrottled": throttled_by_arm,
    "ElasticPoolDatabaseCountOverLimit": full_pool,
    "ElasticPoolOverStorageUsage": overfull_pool,
    "ElasticPoolInconsistentVcoreGuaranteeSettings": lambda azure: one_more_in(azure, "GP_Gen5", 4, 2),
    "ElasticPoolInconsistentDtuGuaranteeSettings": lambda azure: one_more_in(azure, "StandardPool", 100, 50),
    "ServerQuotaExceeded": lambda azure: full_server_of(azure, pool),
    "ServerDtuQuotaExceeded": lambda azure: full_server_of(azure, lambda one: database(one, "d1")),
    "DatabaseNumberLimitReached": full_server,
    "ProvisioningDisabled": full_region,
    "MissingSubscriptionRegistration": unregistered,
    "LocationNotAvailableForResourceType": lambda azure: server(azure, location="atlantis"),
    "LocationNotAvailableForResourceGroup": lambda azure: ask(
        azure, "PUT", "/resourceGroups/a", {"location": "atlantis"}
    ),
    "ResourceNotFound": lambda azure: ask(azure, "GET", nowhere(azure)),
    "OperationIdNotFound": lambda azure: ask(
        azure, "POST", f"{a_database(azure, a_server(azure))}/operations/none/cancel"
    ),
    "SourceDatabaseNotFound": lambda azure: database(azure, "d1", createMode="Copy", sourceDatabaseId=nowhere(azure)),
    "TargetElasticPoolDoesNotExist": lambda azure: database(azure, "d1", elasticPoolId="/elasticPools/none"),
    "ResourceGroupNotFound": lambda azure: ask(azure, "GET", "/resourceGroups/none"),
    "SubscriptionNotFound": lambda azure: ask(azure, "GET", "/subscriptions/none/resourceGroups/a"),
    "SecretNotFound": secret,
    "DatabaseNameInUse": restored_over,
    "RemoteDatabaseExists": remote_there,
    "NameAlreadyExists": lambda azure: ask(
        azure,
        "POST",
        f"{a_database(azure, a_server(azure))}/move",
        {"id": whole_id(azure, "/resourceGroups/rg/providers/Microsoft.Sql/servers/one/databases/d1")},
    ),
    "PasswordTooShort": lambda azure: server(azure, password="Ab1!"),
    "PasswordTooLong": lambda azure: server(azure, password="Ab1!" * 40),
    "PasswordNotComplex": lambda azure: server(azure, password="alllowercase"),
    "RequestDisallowedByPolicy": denied,
    "InvalidSkuName": lambda azure: database(azure, "d1", {"name": "GP_Gen9_2"}),
    "MismatchedSkuNameAndTier": lambda azure: database(azure, "d1", {"name": "S0", "tier": "Basic"}),
    "MismatchedSkuNameAndCapacity": lambda azure: pool(azure, capacity=5),
    "UnsupportedCapacity": lambda azure: database(azure, "d1", {"name": "GP_Gen5_3"}),
    "InvalidMaxSizeTierCombination": lambda azure: database(azure, "d1", {"name": "Basic"}, maxSizeBytes=3 * GIB),
    "ElasticPoolSkuCombinationInvalid": lambda azure: database(azure, "d1", {"name": "S0"}, elasticPoolId="/p1"),
    "UnsupportedBackupStorageRedundancyForEdition": hyperscale_backup,
    "CurrentDatabaseSizeExceedsMaxSize": small_database,
    "ElasticPoolDecreaseStorageLimitBelowUsage": shrunk_pool,
    "HyperscaleReverseMigrationNotSupported": hyperscale_back,
    "OperationCancelled": cancelled,
    "CannotCancelOperation": cancelled_late,
    "ElasticPoolNotEmpty": pool_with_databases,
    "ScopeLocked": locked,
    **KEY_WAYS,
}


def by_fault(azure: Azure, code: str) -> Response:
    """Told to refuse the next request so: for causes that lie outside what is simulated."""
    rule = {"kind": "status", "service": "arm", "status": 409, "code": code, "message": "As told."}
    assert azure.handle(Request("POST", "localhost", 443, "/_sim/faults", {}, {}, orjson.dumps(rule))).status == 201
    return ask(azure, "GET", "/resourceGroups")


@pytest.mark.parametrize(("kind", "code"), CODES, ids=[code for _, code in CODES])
def test_a_code_that_we_act_upon_can_be_met(azure, kind, code):
    answered = WAYS[code](azure) if code in WAYS else by_fault(azure, code)
    error = orjson.loads(answered.body)["error"]
    assert error["code"] == code or (error.get("innererror") or {}).get("code") == code
    assert answered.status >= 400
    assert issubclass(kind_of(code, answered.status), kind)


def test_every_way_leads_to_a_code_that_we_act_upon():
    assert set(WAYS) <= {code for _, code in CODES}
    assert len(WAYS) > len(CODES) / 2 - 5
