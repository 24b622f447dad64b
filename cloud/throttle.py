"""Our own share of Azure's request rate: token buckets by subscription or vault, and "not before" times after a 429.

ARM gives a principal 200 writes at once and 10 a second per subscription, 250 reads and 25 a second (2026 figures).
Key Vault gives a vault, in ten seconds, 300 secrets set and 4,000 other calls, and a subscription five times as much
(Microsoft's page "Azure Key Vault service limits", 07/23/2025).
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cloud.protocols import CallClass

URGENCY = tuple(CallClass)
_RESERVED_SHARE = dict(zip(URGENCY, (0.0, 0.1, 0.2, 0.4, 0.6), strict=True))


@dataclass(frozen=True, slots=True)
class Rate:
    """So many calls at once, and so many more each second."""

    capacity: float
    per_second: float

    def reserve(self, call_class: CallClass) -> float:
        """Calls that this class must leave to more urgent ones."""
        return self.capacity * _RESERVED_SHARE[call_class]


@dataclass(frozen=True, slots=True)
class Rates:
    """What one subscription (or vault) allows."""

    writes: Rate = Rate(200, 10)
    reads: Rate = Rate(250, 25)

    def scaled(self, factor: float) -> Rates:
        """So many times faster and larger."""
        return Rates(*(Rate(one.capacity * factor, one.per_second * factor) for one in (self.writes, self.reads)))

    def of(self, *, write: bool) -> Rate:
        return self.writes if write else self.reads


# A bucket of room C that gains r a second lets C + 10 r pass in any ten seconds: 60 + 240 sets, 800 + 3,200 other calls.
VAULT_RATES = Rates(writes=Rate(60, 24), reads=Rate(800, 320))
VAULTS_A_SUBSCRIPTION = 5  # so many vaults at full speed are all that a subscription gives


class Bucket(Protocol):
    """Asked before each call, told of each 429. Keys are subscriptions, or vaults."""

    def take(self, subscription_id: str, call_class: CallClass, *, write: bool) -> float:
        """0: go, one call is counted. Else the seconds to wait; nothing was counted."""
        ...

    def close(self, subscription_id: str, call_class: CallClass, seconds: float) -> None:
        """Nobody of this class or a less urgent one calls for so long."""
        ...


class LocalBucket:
    """A bucket in this process's memory: for tests, and while the shared one is away. Safe between threads."""

    def __init__(self, rates: Rates | None = None, *, now: Callable[[], float] = time.monotonic) -> None:
        self._rates = rates or Rates()
        self._now = now
        self._lock = threading.Lock()
        self._tokens: dict[tuple[str, bool], tuple[float, float]] = {}
        self._closed: dict[tuple[str, CallClass], float] = {}

    def take(self, subscription_id: str, call_class: CallClass, *, write: bool) -> float:
        with self._lock:
            now = self._now()
            closed = max(self._closed.get((subscription_id, one), 0.0) for one in at_least_as_urgent(call_class))
            if closed > now:
                return closed - now
            return self._spend((subscription_id, write), self._rates.of(write=write), call_class, now)

    def close(self, subscription_id: str, call_class: CallClass, seconds: float) -> None:
        with self._lock:
            key = (subscription_id, call_class)
            self._closed[key] = max(self._closed.get(key, 0.0), self._now() + seconds)

    def _spend(self, key: tuple[str, bool], rate: Rate, call_class: CallClass, now: float) -> float:
        tokens, at = self._tokens.get(key, (rate.capacity, now))
        tokens = min(rate.capacity, tokens + (now - at) * rate.per_second)
        short = rate.reserve(call_class) + 1 - tokens
        self._tokens[key] = (tokens if short > 0 else tokens - 1, now)
        return max(short, 0.0) / rate.per_second


@dataclass(frozen=True, slots=True)
class VaultBudget:
    """Calls to Key Vault: a call must find room in its vault's bucket and in that of the vault's subscription."""

    vault: Bucket
    subscription: Bucket

    def take(self, vault_url: str, subscription_id: str, call_class: CallClass, *, write: bool) -> float:
        """0: go, one call is counted. Else the seconds to wait."""
        wait = self.vault.take(vault_url, call_class, write=write)
        return wait or self.subscription.take(f"vaults:{subscription_id}", call_class, write=write)

    def close(self, vault_url: str, call_class: CallClass, seconds: float) -> None:
        """Nobody of this class or a less urgent one calls this vault for so long."""
        self.vault.close(vault_url, call_class, seconds)


def vault_budget(make: Callable[[Rates], Bucket], *, scale: float = 1.0) -> VaultBudget:
    """The two buckets with Key Vault's rates, `scale` times as fast, made by `make`."""
    return VaultBudget(make(VAULT_RATES.scaled(scale)), make(VAULT_RATES.scaled(scale * VAULTS_A_SUBSCRIPTION)))


def at_least_as_urgent(call_class: CallClass) -> tuple[CallClass, ...]:
    """The classes whose closing closes this one too: itself and every more urgent one."""
    return URGENCY[: URGENCY.index(call_class) + 1]
