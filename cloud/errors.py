"""Everything that Azure may answer, in the few classes that callers act upon.

The engine reads `transient` and `retry_after` (seconds) alone; workflows catch the class where it means another road.
"""

from __future__ import annotations


class CloudError(Exception):
    """An answer of Azure that is not success. `code` is Azure's own, stable one."""

    transient = False

    def __init__(self, code: str, message: str = "", *, retry_after: float | None = None, request_id: str = "") -> None:
        super().__init__(f"{code}: {message}" if message else code)
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.request_id = request_id


class RetryLater(CloudError):
    """The same request may succeed later: busy resource, outage, time-out. The effect may or may not have happened."""

    transient = True


class Throttled(RetryLater):
    """Too many requests (429/503 with a rate code), or our own bucket is empty. It counts as no attempt."""


class NoRoomHere(CloudError):
    """This pool or server cannot take it: choose another place."""


class NoCapacity(CloudError):
    """The subscription may not create this here (region, offer, quota)."""


class Missing(CloudError):
    """The parent or the thing itself does not exist."""


class AlreadyThere(CloudError):
    """The name is taken."""


class InProgress(RetryLater):
    """409: another operation runs on this resource, ours or somebody's."""


class Rejected(CloudError):
    """The request is wrong or forbidden; repeating it changes nothing."""


class PolicyDenied(Rejected):
    """A company policy forbids it (RequestDisallowedByPolicy)."""


class LoginRefused(CloudError):
    """User or password is not accepted (18456). Some drivers say the same of a database that is not there."""


class PasswordRejected(Rejected):
    """The password policy refused a generated password: make another one."""
