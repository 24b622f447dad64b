"""Whether a pool has the right size: larger before it is overloaded, smaller after a long quiet, gone when nobody uses it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from placement.engine.catalogue import PoolSize
from placement.engine.policy import Policy


class Step(StrEnum):
    """What is to become of a pool."""

    GROW = "grow"
    SHRINK = "shrink"
    DELETE = "delete"


@dataclass(frozen=True, slots=True)
class Condition:
    """A pool as its size is judged by; vCores unless said otherwise.

    `need`: of its usual busiest hour of the coming week, with chance deviations. `most`: the most that was measured in the
    quiet window; None where too little was. `is_pressed`: above its level for long, and no move can relieve it.
    `quiet_days`: since anybody came or went, or its size changed; `largest` is the most that one database was promised.
    """

    vcores: float
    need: float
    most: float | None
    promised_vcores: float
    promised_bytes: int
    databases: int
    largest: float
    quiet_days: float
    is_pressed: bool = False


@dataclass(frozen=True, slots=True)
class Habits:
    """How soon sizes follow: days without use before a pool is deleted, quiet days before it shrinks, and the share of the
    smaller size's level that may be needed then, so that it does not grow again at once."""

    empty_days: float = 7.0
    quiet_days: float = 14.0
    shrink_share: float = 0.8


@dataclass(frozen=True, slots=True)
class Advice:
    """One step with its reason, in figures. `size` is the new one; None: the pool is to be deleted."""

    step: Step
    size: PoolSize | None
    reason: str


def advised(condition: Condition, sizes: Sequence[PoolSize], policy: Policy, habits: Habits) -> Advice | None:
    """What is to become of it, or nothing. `sizes`: those of its tier and hardware, smallest first."""
    if condition.databases == 0:
        return _gone(condition, habits)
    if condition.is_pressed:
        return _larger(condition, sizes, policy)
    return _smaller(condition, sizes, policy, habits)


def _gone(condition: Condition, habits: Habits) -> Advice | None:
    if condition.quiet_days < habits.empty_days:
        return None
    return Advice(Step.DELETE, None, f"No database has stood in it for {condition.quiet_days:.0f} days.")


def _larger(condition: Condition, sizes: Sequence[PoolSize], policy: Policy) -> Advice | None:
    """The smallest size whose level holds the need; the largest there is where none does."""
    larger = [size for size in sizes if size.vcores > condition.vcores]
    if not larger:
        return None
    size = next((one for one in larger if condition.need <= _level(one.vcores, policy)), larger[-1])
    reason = (
        f"It needs {condition.need:.2f} vCores in its busiest hour of the week, its level is "
        f"{_level(condition.vcores, policy):.2f}, and no move within its server relieves it; the level of "
        f"{size.vcores} vCores is {_level(size.vcores, policy):.2f}."
    )
    return Advice(Step.GROW, size, reason)


def _smaller(condition: Condition, sizes: Sequence[PoolSize], policy: Policy, habits: Habits) -> Advice | None:
    if condition.most is None or condition.quiet_days < habits.quiet_days:
        return None
    most = max(condition.need, condition.most)
    worth_making = [one for one in sizes if policy.new_pool.smallest_vcores <= one.vcores < condition.vcores]
    for size in worth_making:
        room = habits.shrink_share * _level(size.vcores, policy)
        if most <= room and _holds(size, condition, policy):
            reason = (
                f"In {condition.quiet_days:.0f} days it has used {condition.most:.2f} vCores at most and needs "
                f"{condition.need:.2f}; the level of {size.vcores} vCores is {_level(size.vcores, policy):.2f}."
            )
            return Advice(Step.SHRINK, size, reason)
    return None


def _holds(size: PoolSize, condition: Condition, policy: Policy) -> bool:
    """Nobody loses what was promised, and the headroom of storage stays."""
    return (
        condition.promised_bytes <= size.max_storage_bytes * (1 - policy.headroom_storage_fraction)
        and condition.databases <= size.max_databases
        and condition.promised_vcores <= size.vcores
        and condition.largest <= max(size.per_database_vcores, default=0.0)
    )


def _level(vcores: float, policy: Policy) -> float:
    return vcores * (1 - policy.headroom_vcores_fraction)
