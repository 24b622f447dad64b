"""Key Vault's limits: transactions a vault may serve in ten seconds (Microsoft's page on Key Vault service limits).

300 secrets set and keys imported together, 20 software keys or 10 HSM keys created, RSA operations by size, 4,000 of
all else. Time runs as fast for them as the simulated clock does.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

WINDOW_SECONDS = 10.0
SETS, CREATIONS, OTHERS = 300, 20, 4_000
RSA_OPERATIONS = {2048: 4_000, 3072: 1_000, 4096: 500}


@dataclass(frozen=True, slots=True)
class Budget:
    """A kind of transaction and how many of it a vault serves in ten seconds."""

    name: str
    most: int


SET_BUDGET, OTHER_BUDGET = Budget("sets", SETS), Budget("others", OTHERS)


def creation_budget(*, hsm: bool) -> Budget:
    return Budget("hsm creations", CREATIONS // 2) if hsm else Budget("creations", CREATIONS)


def rsa_budget(bits: int, *, hsm: bool) -> Budget:
    """Keys in hardware do half as much."""
    return Budget(f"rsa{bits}{' hsm' if hsm else ''}", RSA_OPERATIONS[bits] // (2 if hsm else 1))


class VaultThrottle:
    """Windows of ten seconds by vault and budget, opened by their first transaction."""

    def __init__(self, *, scale: Callable[[], float], real: Callable[[], float], enabled: bool = True) -> None:
        self._scale = scale
        self._real = real
        self.enabled = enabled
        self._windows: dict[tuple[str, str], tuple[float, int]] = {}

    def take(self, vault: str, budget: Budget) -> int:
        """0 when it may pass, else the real seconds to wait (Retry-After)."""
        now, length = self._real(), WINDOW_SECONDS / max(self._scale(), 1.0)
        opened, used = self._windows.get((vault, budget.name), (now, 0))
        if now - opened >= length:
            opened, used = now, 0
        if self.enabled and used >= budget.most:
            return max(math.ceil(opened + length - now), 1)
        self._windows[vault, budget.name] = (opened, used + 1)
        return 0
