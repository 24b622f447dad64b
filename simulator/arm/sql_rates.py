"""The SQL provider's own limits behind ARM's: by subscription and region, over all principals.

Azure documents the codes (429 SubscriptionTooManyCreateUpdateRequests, 429 SubscriptionTooManyRequests, 503
TooManyRequests) and no number: these rates are chosen a little above what ARM lets one principal do, and can be set.
"""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.throttle import BucketSize

BURST_SECONDS = 25
BUSY_RETRY_AFTER = "30"
_POLLS = ("azureasyncoperation/", "operationresults/")


def check_sql_rate(call: Call) -> None:
    """429 when the region has had too many requests, 503 when it has too many operations in progress."""
    path = call.request.path.lower()
    if "/providers/microsoft.sql/" not in path or any(poll in path for poll in _POLLS):
        return
    quotas = call.arm.quotas
    updates = call.request.method in ("PUT", "PATCH", "POST")
    region = (
        f"{call.names.get('subscription', 'tenant').lower()}/{call.server_location() if 'server' in call.names else ''}"
    )
    rate = quotas.sql_updates_per_second if updates else quotas.sql_requests_per_second
    size = BucketSize(int(rate * BURST_SECONDS), rate)
    wait = call.arm.throttle.wait_seconds(f"sql {'updates' if updates else 'requests'} {region}", size)
    if wait:
        code = "SubscriptionTooManyCreateUpdateRequests" if updates else "SubscriptionTooManyRequests"
        message = "Requests beyond max requests that can be processed by available resources."
        raise ArmError(429, code, message, headers={"retry-after": str(wait)})
    if updates and call.arm.throttle.enabled and call.arm.operations.count(region) >= quotas.sql_running_operations:
        message = "Requests beyond max requests that can be processed by available resources."
        raise ArmError(503, "TooManyRequests", message, headers={"retry-after": BUSY_RETRY_AFTER})
