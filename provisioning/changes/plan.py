"""What a plan says. Its hash covers what it would do to its owner, not where the fleet happens to have room."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

COST_BAND = 0.05  # of the monthly cost after: prices within it count as the same


@dataclass(frozen=True, slots=True)
class PlannedOperation:
    """An operation that would run, with the steps of its workflow; examining steps run only when something is odd."""

    kind: str
    steps: tuple[str, ...]
    expected_seconds: float


@dataclass(frozen=True, slots=True)
class Placement:
    """Where the database would go. `decision` names pools; it is for operators and auditors."""

    where: str
    is_new: bool
    reason: str
    decision: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Reason:
    """Why the wish would be refused. `source`: the document that says so, where it is Azure's law."""

    code: str
    message: str
    source: str = ""


class Timing(StrEnum):
    """What decides when connections drop. NOTHING: none do. AT_ONCE: as soon as Azure is ready. WINDOW: the owners' windows
    and freezes. CONSENT: a word of the owner. NEVER: no window is long enough."""

    NOTHING = ""
    AT_ONCE = "atOnce"
    WINDOW = "window"
    CONSENT = "consent"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class When:
    """`text` tells the moment as it looks now, which moves; an agreement is to `timing`."""

    timing: Timing
    text: str


@dataclass(frozen=True, slots=True)
class Disruption:
    """How often connections drop, for how long at most each time, how many databases lose theirs, and when: `timing` is what
    decides on that, `when` the moment as it looks now, in words."""

    drops: int = 0
    seconds_each: int = 0
    databases: int = 0
    when: str = ""
    timing: Timing = Timing.NOTHING


@dataclass(frozen=True, slots=True)
class Cost:
    """What the resources that change cost a month; None: no price is known. `note` says how sure that is."""

    currency: str
    before: float | None
    after: float | None
    note: str

    @property
    def band(self) -> int | None:
        """Differences within a band are no news."""
        if self.before is None or self.after is None:
            return None
        return round((self.after - self.before) / max(1.0, COST_BAND * self.before))


@dataclass(frozen=True, slots=True)
class WayBack:
    """How to go back: what would be done, and for how many days that is possible (None: for good). No steps: there is none."""

    steps: tuple[str, ...]
    days: int | None
    note: str


@dataclass(frozen=True, slots=True)
class Change:
    """What a change does to its owner. `way` is how it is done; `changes` are the single lawful steps, in order. `notices`:
    what its consumers have to do. `wished` is what was asked for, sizes or states or a place: a plan's hash is no word for
    another one."""

    way: str
    changes: tuple[str, ...]
    disruption: Disruption
    cost: Cost
    way_back: WayBack
    irreversible: tuple[str, ...]
    revision: str
    notices: tuple[str, ...] = ()
    wished: tuple[int | str, ...] = ()

    @property
    def disturbs(self) -> bool:
        return self.disruption.drops > 0 or bool(self.irreversible)


@dataclass(frozen=True, slots=True)
class Plan:
    """What would happen: `none` (it stands), `wait` (on its way), `create`, `delete`, `restore`, `change`, or `refuse`."""

    action: str
    operations: tuple[PlannedOperation, ...] = ()
    placement: Placement | None = None
    refusals: tuple[Reason, ...] = ()
    change: Change | None = None

    @property
    def expected_seconds(self) -> float:
        """One after the other, as they wait for each other."""
        return sum(operation.expected_seconds for operation in self.operations)

    @property
    def hash(self) -> str:
        """The same for plans that would do the same; how long it takes and names made anew do not count."""
        told = self._told_of_change() if self.change else self._told()
        return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()

    def _told(self) -> dict[str, Any]:
        place = self.placement
        chosen = place.decision.get("pool_id") if place and not place.is_new else None
        return {
            "action": self.action,
            "operations": [(operation.kind, operation.steps) for operation in self.operations],
            "placement": (place.where, place.is_new, chosen) if place else None,
            "refusals": [{"code": reason.code, "message": reason.message} for reason in self.refusals],
        }

    def _told_of_change(self) -> dict[str, Any]:
        """Steps, disruption, cost band, irreversible effects and the target's revision."""
        change = self.change
        assert change is not None, "it is asked of a change"
        disruption = {**asdict(change.disruption), "when": ""}
        return {
            "action": self.action,
            "way": (change.way, change.changes),
            "disruption": disruption,
            "cost": change.cost.band,
            "irreversible": change.irreversible,
            "revision": change.revision,
            "wished": change.wished,
        }
