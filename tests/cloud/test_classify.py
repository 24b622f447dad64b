from __future__ import annotations

import pytest
from azure.core.exceptions import (
    ClientAuthenticationError,
    DecodeError,
    HttpResponseError,
    ServiceRequestError,
    ServiceResponseTimeoutError,
)

from cloud import classify
from cloud.errors import (
    AlreadyThere,
    CloudError,
    InProgress,
    Missing,
    NoCapacity,
    NoRoomHere,
    PasswordRejected,
    PolicyDenied,
    Rejected,
    RetryLater,
    Throttled,
)
from cloud.polls import Poll, PollState

DOCUMENTED = [
    (409, "ConflictingDatabaseOperation", InProgress),
    (409, "ConflictingServerOperation", InProgress),
    (409, "ConflictingSystemOperationInProgress", InProgress),
    (409, "TargetElasticPoolBeingUpdated", InProgress),
    (409, "UpdateSloInProgress", InProgress),
    (409, "SkuAssignmentInProgress", InProgress),
    (409, "SimultaneousSkuChangeNotAllowed", InProgress),
    (409, "AnotherOperationInProgress", InProgress),
    (400, "CreateDatabaseAttemptedWithRotationInProgress", InProgress),
    (400, "UpdateNotAllowedIfGeoDrOperationInProgress", InProgress),
    (409, "ElasticPoolBusy", RetryLater),
    (400, "ElasticPoolBusy", RetryLater),
    (409, "ElasticPoolUpdateLinksNotInCatchup", RetryLater),
    (409, "DatabaseCopyLimitPerReplicaReached", RetryLater),
    (409, "OperationInterrupted", RetryLater),
    (409, "ConflictRequestToUpdateBackupRedundancy", RetryLater),
    (409, "UpdateSloFailedDatabaseTooBusy", RetryLater),
    (400, "UpdateNotAllowedInCurrentReplicationState", RetryLater),
    (400, "NoRestorePointAvailable", RetryLater),
    (500, "OperationTimedOut", RetryLater),
    (503, "ServiceTemporarilyUnavailable", RetryLater),
    (503, "DatabaseUnavailable", RetryLater),
    (503, "AzureKeyVaultConnectionFailed", RetryLater),
    (504, "RequestTimeout", RetryLater),
    (504, "GatewayTimeout", RetryLater),
    (500, "InternalServerError", RetryLater),
    (401, "ExpiredAuthenticationToken", RetryLater),
    (409, "ResourceGroupBeingDeleted", RetryLater),
    (409, "ObjectIsBeingDeleted", RetryLater),
    (429, "SubscriptionTooManyCreateUpdateRequests", Throttled),
    (429, "SubscriptionTooManyRequests", Throttled),
    (429, "ConflictingSubscriptionOperation", Throttled),
    (429, "SubscriptionRequestsThrottled", Throttled),
    (503, "TooManyRequests", Throttled),
    (429, "Throttled", Throttled),
    (400, "ElasticPoolDatabaseCountOverLimit", NoRoomHere),
    (400, "ElasticPoolDatabaseLimit", NoRoomHere),
    (400, "ElasticPoolOverStorage", NoRoomHere),
    (400, "ElasticPoolOverStorageUsage", NoRoomHere),
    (400, "ElasticPoolOverFileSpace", NoRoomHere),
    (400, "ElasticPoolInconsistentVcoreGuaranteeSettings", NoRoomHere),
    (400, "ElasticPoolInconsistentDtuGuaranteeSettings", NoRoomHere),
    (400, "ServerQuotaExceeded", NoRoomHere),
    (409, "ServerQuotaExceeded", NoCapacity),
    (400, "ResourcePoolStorageLimitHitDuringRestore", NoRoomHere),
    (409, "ServerDtuQuotaExceeded", NoRoomHere),
    (400, "DatabaseNumberLimitReached", NoRoomHere),
    (400, "ProvisioningDisabled", NoCapacity),
    (400, "OfferDisabledOnSubscription", NoCapacity),
    (400, "RegionDoesNotAllowProvisioning", NoCapacity),
    (400, "RegionDoesNotSupportVersion", NoCapacity),
    (409, "SubscriptionDisabled", NoCapacity),
    (409, "ServerDisabled", NoCapacity),
    (409, "MissingSubscriptionRegistration", NoCapacity),
    (400, "LocationNotAvailableForResourceType", NoCapacity),
    (400, "LocationNotAvailableForResourceGroup", NoCapacity),
    (404, "ServerNotInSubscription", Missing),
    (404, "ServerNotInSubscriptionResourceGroup", Missing),
    (404, "SubscriptionDoesNotHaveServer", Missing),
    (404, "DatabaseDoesNotExist", Missing),
    (404, "ElasticPoolNotFound", Missing),
    (404, "ResourceNotFound", Missing),
    (404, "ResourceGroupNotFound", Missing),
    (404, "ParentResourceNotFound", Missing),
    (404, "SubscriptionNotFound", Missing),
    (404, "OperationIdNotFound", Missing),
    (404, "CannotFindObject", Missing),
    (404, "SecretNotFound", Missing),
    (400, "ServerNotFound", Missing),
    (400, "SourceDatabaseNotFound", Missing),
    (400, "TargetElasticPoolDoesNotExist", Missing),
    (400, "DatabaseNameInUse", AlreadyThere),
    (400, "NameAlreadyExists", AlreadyThere),
    (409, "ServerAlreadyExists", AlreadyThere),
    (400, "ElasticPoolAlreadyExists", AlreadyThere),
    (409, "RemoteDatabaseExists", AlreadyThere),
    (409, "DuplicateGeoDrRelation", AlreadyThere),
    (409, "ServerKeyNameAlreadyExists", AlreadyThere),
    (409, "ServerKeyUriAlreadyExists", AlreadyThere),
    (409, "ObjectIsDeletedButRecoverable", AlreadyThere),
    (400, "PasswordNotComplex", PasswordRejected),
    (400, "PasswordTooShort", PasswordRejected),
    (400, "PasswordTooLong", PasswordRejected),
    (403, "RequestDisallowedByPolicy", PolicyDenied),
    (403, "AuthorizationFailed", Rejected),
    (400, "MismatchedSkuNameAndCapacity", Rejected),
    (400, "MismatchedSkuNameAndFamily", Rejected),
    (400, "CurrentDatabaseLogSizeExceedsMaxSize", Rejected),
    (400, "ElasticPoolDecreaseStorageLimitBelowUsage", Rejected),
    (409, "ReadOnlyDisabledSubscription", NoCapacity),
    (500, "ServerTimeout", RetryLater),
    (403, "SecretDisabled", Rejected),
    (409, "ScopeLocked", Rejected),
    (409, "OperationCancelled", Rejected),
    (409, "CannotCancelOperation", Rejected),
    (400, "ElasticPoolNotEmpty", Rejected),
    (400, "InvalidSku", Rejected),
    (400, "InvalidSkuName", Rejected),
    (400, "InvalidTier", Rejected),
    (400, "InvalidTierSkuCombination", Rejected),
    (400, "MismatchedSkuNameAndTier", Rejected),
    (400, "UnsupportedCapacity", Rejected),
    (400, "InvalidMaxSizeTierCombination", Rejected),
    (400, "ElasticPoolTierCombinationInvalid", Rejected),
    (400, "ElasticPoolSkuCombinationInvalid", Rejected),
    (400, "UnsupportedBackupStorageRedundancyForEdition", Rejected),
    (400, "CurrentDatabaseSizeExceedsMaxSize", Rejected),
    (400, "ManualCutoverUnsupported", Rejected),
    (400, "TierChangeUnsupportedDueToMemoryOptimizedObject", Rejected),
    (400, "TierChangeUnsupportedDueToCDCEnabledDatabase", Rejected),
    (400, "HyperscaleReverseMigrationNotSupported", Rejected),
    (400, "DatabaseIsCurrentlyPinned", Rejected),
    (409, "EncryptionProtectorChangeInProgress", InProgress),
    (400, "AzureKeyVaultKeyDisabled", Rejected),
    (400, "AzureKeyVaultRsaKeyNotSupported", Rejected),
    (400, "CannotDropDatabaseAKVError", Rejected),
    (400, "PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse", RetryLater),
    (400, "InvalidIdentityId", Rejected),
    (400, "SecurityInvalidAzureKeyVaultRecoveryLevel", Rejected),
    (409, "AzureKeyVaultKeyNameNotFound", Rejected),
    (400, "InvalidNumberOfIdentities", Rejected),
    (503, "AzureKeyVaultGenericConnectionError", RetryLater),
    (400, "AzureKeyVaultInvalidExpirationDate", Rejected),
    (400, "UmiMissingAkvPermissions", Rejected),
    (400, "AzureKeyVaultMissingPermissions", Rejected),
]


@pytest.mark.parametrize(("status", "code", "kind"), DOCUMENTED)
def test_a_documented_code_has_its_class(status: int, code: str, kind: type[CloudError]):
    assert classify.kind_of(code, status) is kind


@pytest.mark.parametrize(
    ("status", "kind"),
    [(400, Rejected), (403, Rejected), (404, Rejected), (409, Rejected), (408, RetryLater), (429, Throttled),
     (500, RetryLater), (502, RetryLater), (503, RetryLater), (504, RetryLater)],
)  # fmt: skip
def test_an_unknown_code_is_classed_by_its_status(status: int, kind: type[CloudError]):
    assert classify.kind_of("NeverHeardOf", status) is kind


def test_no_code_stands_in_two_classes():
    seen: list[str] = [code for codes in classify._CODES.values() for code in codes.split()]
    assert len(seen) == len(set(seen))


class Answer:
    """As much of an HTTP response as the SDK's exceptions read."""

    def __init__(self, status: int, body: str = "", headers: dict[str, str] | None = None) -> None:
        self.status_code = status
        self.reason = ""
        self.headers = headers or {}
        self._body = body

    def text(self, encoding: str | None = None) -> str:
        return self._body

    def body(self) -> bytes:
        return self._body.encode()


def refused(status: int, body: str = "", headers: dict[str, str] | None = None) -> CloudError:
    return classify.classify(HttpResponseError(response=Answer(status, body, headers)))


def test_code_message_request_id_and_retry_after_are_kept():
    body = '{"error": {"code": "SubscriptionTooManyRequests", "message": "slower"}}'
    error = refused(429, body, {"Retry-After": "17", "x-ms-request-id": "r-1"})
    assert type(error) is Throttled
    assert (error.code, error.message) == ("SubscriptionTooManyRequests", "slower")
    assert (error.retry_after, error.request_id) == (17.0, "r-1")


def test_a_throttled_call_always_says_how_long():
    assert refused(429).retry_after == classify.DEFAULT_RETRY_AFTER_SECONDS


def test_the_inner_code_of_key_vault_decides():
    body = '{"error": {"code": "Conflict", "message": "m", "innererror": {"code": "ObjectIsDeletedButRecoverable"}}}'
    assert type(refused(409, body)) is AlreadyThere


def test_a_gateway_page_is_an_outage():
    assert type(refused(503, "<html>Service Unavailable</html>")) is RetryLater


@pytest.mark.parametrize(
    "error", [ServiceRequestError("no route"), ServiceResponseTimeoutError("late"), ClientAuthenticationError("away")]
)
def test_no_answer_may_be_tried_again(error: Exception):
    assert type(classify.classify(error)) is RetryLater


@pytest.mark.parametrize(("number", "kind"), [("AADSTS7000215", Rejected), ("AADSTS90033", RetryLater)])
def test_entras_number_decides(number: str, kind: type[CloudError]):
    error = classify.classify(ClientAuthenticationError(f"Authentication failed: {number}: text"))
    assert (type(error), error.code) == (kind, number)


def test_a_refused_identity_is_not_tried_again():
    error = ClientAuthenticationError("AADSTS7000215", response=Answer(401))
    assert type(classify.classify(error)) is Rejected


def test_an_answer_that_cannot_be_read_may_be_tried_again():
    assert classify.classify(DecodeError("no json", response=Answer(200))).code == "InvalidAnswer"


def test_a_failed_operation_is_classed_by_its_code_alone():
    failed = Poll(PollState.FAILED, code="ElasticPoolOverStorage", message="full")
    assert type(classify.failure_of(failed)) is NoRoomHere


def test_every_code_of_the_table_is_tried_here():
    known = {code for codes in classify._CODES.values() for code in codes.split()}
    assert known == {code for _, code, _ in DOCUMENTED}
