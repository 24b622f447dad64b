"""Azure's error codes → the classes that callers act upon.

The codes are those of the Microsoft.Sql swagger files (2021-11-01 and 2025-01-01), of the ARM gateway and of Key Vault.
The code decides; the status only where the code is unknown or means two things.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterable, Iterator, Mapping

from azure.core.exceptions import AzureError, ClientAuthenticationError, DecodeError, HttpResponseError

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
from cloud.polls import Poll

LONGEST_MESSAGE = 1000
DEFAULT_RETRY_AFTER_SECONDS = 10.0

_CODES: dict[type[CloudError], str] = {
    InProgress: """
        ConflictingDatabaseOperation ConflictingServerOperation ConflictingSystemOperationInProgress
        TargetElasticPoolBeingUpdated UpdateSloInProgress SkuAssignmentInProgress SimultaneousSkuChangeNotAllowed
        AnotherOperationInProgress CreateDatabaseAttemptedWithRotationInProgress
        UpdateNotAllowedIfGeoDrOperationInProgress EncryptionProtectorChangeInProgress""",
    RetryLater: """
        ElasticPoolBusy ElasticPoolUpdateLinksNotInCatchup DatabaseCopyLimitPerReplicaReached OperationInterrupted
        ConflictRequestToUpdateBackupRedundancy UpdateSloFailedDatabaseTooBusy UpdateNotAllowedInCurrentReplicationState
        NoRestorePointAvailable OperationTimedOut ServiceTemporarilyUnavailable DatabaseUnavailable
        AzureKeyVaultConnectionFailed AzureKeyVaultGenericConnectionError
        PerDatabaseCMKKeyRotationAttemptedWhileOldThumbprintInUse
        RequestTimeout GatewayTimeout InternalServerError ServerTimeout
        ExpiredAuthenticationToken ResourceGroupBeingDeleted ObjectIsBeingDeleted""",
    Throttled: """
        SubscriptionTooManyCreateUpdateRequests SubscriptionTooManyRequests TooManyRequests
        ConflictingSubscriptionOperation SubscriptionRequestsThrottled Throttled""",
    NoRoomHere: """
        ElasticPoolDatabaseCountOverLimit ElasticPoolDatabaseLimit ElasticPoolOverStorage ElasticPoolOverStorageUsage
        ElasticPoolOverFileSpace ElasticPoolInconsistentVcoreGuaranteeSettings
        ElasticPoolInconsistentDtuGuaranteeSettings ServerQuotaExceeded ResourcePoolStorageLimitHitDuringRestore
        ServerDtuQuotaExceeded DatabaseNumberLimitReached""",
    NoCapacity: """
        ProvisioningDisabled OfferDisabledOnSubscription RegionDoesNotAllowProvisioning RegionDoesNotSupportVersion
        SubscriptionDisabled ServerDisabled MissingSubscriptionRegistration ReadOnlyDisabledSubscription
        LocationNotAvailableForResourceType LocationNotAvailableForResourceGroup""",
    Missing: """
        ServerNotInSubscription ServerNotInSubscriptionResourceGroup SubscriptionDoesNotHaveServer DatabaseDoesNotExist
        ElasticPoolNotFound ResourceNotFound OperationIdNotFound CannotFindObject ServerNotFound SourceDatabaseNotFound
        TargetElasticPoolDoesNotExist ResourceGroupNotFound ParentResourceNotFound SubscriptionNotFound
        SecretNotFound""",
    AlreadyThere: """
        DatabaseNameInUse ElasticPoolAlreadyExists RemoteDatabaseExists DuplicateGeoDrRelation
        ServerKeyNameAlreadyExists ServerKeyUriAlreadyExists NameAlreadyExists ServerAlreadyExists
        ObjectIsDeletedButRecoverable""",
    PasswordRejected: "PasswordNotComplex PasswordTooShort PasswordTooLong",
    PolicyDenied: "RequestDisallowedByPolicy",
    Rejected: """
        InvalidSku InvalidSkuName InvalidTier InvalidTierSkuCombination MismatchedSkuNameAndTier
        MismatchedSkuNameAndCapacity MismatchedSkuNameAndFamily UnsupportedCapacity InvalidMaxSizeTierCombination
        ElasticPoolTierCombinationInvalid ElasticPoolSkuCombinationInvalid UnsupportedBackupStorageRedundancyForEdition
        CurrentDatabaseSizeExceedsMaxSize CurrentDatabaseLogSizeExceedsMaxSize
        ElasticPoolDecreaseStorageLimitBelowUsage ManualCutoverUnsupported HyperscaleReverseMigrationNotSupported
        TierChangeUnsupportedDueToMemoryOptimizedObject TierChangeUnsupportedDueToCDCEnabledDatabase
        DatabaseIsCurrentlyPinned OperationCancelled CannotCancelOperation ElasticPoolNotEmpty SecretDisabled
        ScopeLocked AuthorizationFailed
        UmiMissingAkvPermissions InvalidNumberOfIdentities InvalidIdentityId AzureKeyVaultMissingPermissions
        AzureKeyVaultKeyDisabled AzureKeyVaultInvalidExpirationDate AzureKeyVaultRsaKeyNotSupported
        AzureKeyVaultKeyNameNotFound SecurityInvalidAzureKeyVaultRecoveryLevel CannotDropDatabaseAKVError""",
}
_CLASS_OF = {code: kind for kind, codes in _CODES.items() for code in codes.split()}

_ENTRA_OUTAGES = frozenset({"AADSTS90006", "AADSTS90024", "AADSTS90033"})  # retryable by Entra's own list

ABSENT = frozenset(
    {
        "ResourceNotFound",
        "ResourceGroupNotFound",
        "ParentResourceNotFound",
        "ServerNotInSubscriptionResourceGroup",
        "SubscriptionDoesNotHaveServer",
        "DatabaseDoesNotExist",
        "ElasticPoolNotFound",
        "CannotFindObject",
        "SecretNotFound",
    }
)
"""Codes by which a 404 says that the thing asked for is not there; any other 404 leaves it unknown."""


def kind_of(code: str, status: int | None = None) -> type[CloudError]:
    """The class of an error code; of the status where the code says nothing. Unknown 4xx are not repeated."""
    if (status, code) == (409, "ServerQuotaExceeded"):  # servers a region, not vCores a server
        return NoCapacity
    if code in _CLASS_OF:
        return _CLASS_OF[code]
    if status in (429, 529):  # Azure Monitor: 529 where a region is busy
        return Throttled
    if status is None or status == 408 or status >= 500:
        return RetryLater
    return Rejected


def classify(error: AzureError) -> CloudError:
    """Any exception of the SDKs as one of ours, with Azure's code, request id and Retry-After (seconds)."""
    if isinstance(error, DecodeError):
        return RetryLater("InvalidAnswer", "The answer could not be read.")
    if isinstance(error, HttpResponseError) and error.response is not None:
        return _of_response(error)
    if isinstance(error, ClientAuthenticationError):
        return _of_identity(str(error.message))
    return RetryLater("NoAnswer", type(error).__name__)


@contextlib.contextmanager
def azure_errors() -> Iterator[None]:
    """Turn what the SDKs raise in the block into our classes."""
    try:
        yield
    except AzureError as error:
        raise classify(error) from error


def failure_of(poll: Poll) -> CloudError:
    """What a failed or cancelled operation means; its read succeeded, so only the code decides."""
    return kind_of(poll.code)(poll.code or "OperationFailed", poll.message)


def retry_after_of(headers: Iterable[tuple[str, str]]) -> float | None:
    """Seconds of a Retry-After header (Azure sends whole seconds, never a date), or its millisecond twins."""
    scale = {"retry-after": 1.0, "retry-after-ms": 0.001, "x-ms-retry-after-ms": 0.001}
    for name, value in headers:
        if name.lower() in scale and value.strip().isdecimal():
            return int(value) * scale[name.lower()]
    return None


def _of_identity(message: str) -> CloudError:
    """azure-identity keeps Entra's number in the message only; without one there was no answer."""
    found = re.search(r"AADSTS\d+", message)
    if found is None:
        return RetryLater("CredentialUnavailable", message[:LONGEST_MESSAGE])
    kind = RetryLater if found[0] in _ENTRA_OUTAGES else Rejected
    return kind(found[0], message[:LONGEST_MESSAGE])


def _of_response(error: HttpResponseError) -> CloudError:
    assert error.response is not None
    status = error.response.status_code or 0
    code, message = _code_of(error)
    kind = kind_of(code, status)
    if status == 401 and kind is Rejected and not code:
        code = "Unauthorized"
    headers: Mapping[str, str] = getattr(error.response, "headers", {})
    seconds = retry_after_of(headers.items())
    if issubclass(kind, Throttled) and seconds is None:
        seconds = DEFAULT_RETRY_AFTER_SECONDS
    request_id = headers.get("x-ms-request-id", "")
    return kind(code or f"Http{status}", message[:LONGEST_MESSAGE], retry_after=seconds, request_id=request_id)


def _code_of(error: HttpResponseError) -> tuple[str, str]:
    """Azure's own code; the innermost one that we know, since Key Vault and ARM wrap theirs."""
    body = error.error
    if body is None:
        return "", str(error.message)
    inner = body.innererror if isinstance(body.innererror, dict) else {}
    codes = [str(inner.get("code") or ""), *(str(detail.code or "") for detail in body.details), str(body.code or "")]
    known = next((code for code in codes if code in _CLASS_OF), "")
    return known or str(body.code or ""), str(body.message or "")
