"""ARM's token buckets: per principal, subscription and kind of request, and over all principals of a subscription.

Sizes and refill rates: reads 250 at 25/s, writes 200 at 10/s, deletes 200 at 10/s, the global limit 15 times as much
(Microsoft's page on Azure Resource Manager throttling; it does not state the refill of reads and deletes: assumed).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

GLOBAL_FACTOR = 15


@dataclass(frozen=True, slots=True)
class BucketSize:
    capacity: int
    per_second: float


SIZES = {"reads": BucketSize(250, 25.0), "writes": BucketSize(200, 10.0), "deletes": BucketSize(200, 10.0)}


def call_kind(method: str) -> str:
    """reads, writes or deletes."""
    return {"GET": "reads", "HEAD": "reads", "DELETE": "deletes"}.get(method, "writes")


@dataclass(slots=True)
class _Bucket:
    tokens: float
    at: float


@dataclass(frozen=True, slots=True)
class Allowance:
    """Whether a call may pass. `wait_seconds` (real) is what Retry-After says when it may not."""

    allowed: bool
    remaining: int
    remaining_global: int
    wait_seconds: int


class Throttle:
    """Buckets refill in real seconds times `scale`, since a client of a scaled simulator works that much faster."""

    def __init__(self, *, scale: Callable[[], float], real: Callable[[], float], enabled: bool = True) -> None:
        self._scale = scale
        self._real = real
        self.enabled = enabled
        self._buckets: dict[tuple[str, str, str], _Bucket] = {}

    def take(self, *, subscription: str, principal: str, method: str) -> Allowance:
        kind = call_kind(method)
        own = self._filled((subscription, principal, kind), SIZES[kind], factor=1)
        shared = self._filled((subscription, "", kind), SIZES[kind], factor=GLOBAL_FACTOR)
        allowed = not self.enabled or (own.tokens >= 1 and shared.tokens >= 1)
        if allowed and self.enabled:
            own.tokens -= 1
            shared.tokens -= 1
        missing = max(1 - own.tokens, 1 - shared.tokens, 0)
        wait = int(missing / (SIZES[kind].per_second * max(self._scale(), 1.0))) + 1
        return Allowance(allowed, int(own.tokens), int(shared.tokens), wait)

    def wait_seconds(self, name: str, size: BucketSize) -> int:
        """Take one token of any other bucket: 0 when there was one, else the (real) seconds until there is."""
        if not self.enabled:
            return 0
        bucket = self._filled((name, "", ""), size, factor=1)
        if bucket.tokens >= 1:
            bucket.tokens -= 1
            return 0
        return int((1 - bucket.tokens) / (size.per_second * max(self._scale(), 1.0))) + 1

    def _filled(self, key: tuple[str, str, str], size: BucketSize, factor: int) -> _Bucket:
        now = self._real()
        bucket = self._buckets.setdefault(key, _Bucket(float(size.capacity * factor), now))
        gained = (now - bucket.at) * size.per_second * factor * max(self._scale(), 1.0)
        bucket.tokens = min(bucket.tokens + gained, float(size.capacity * factor))
        bucket.at = now
        return bucket
