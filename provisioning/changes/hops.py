"""A way through the table of lawful changes as operations: one a hop, in order. Pure: no rows, no clock."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from typing import Any

from inventory.transitions import Backup, Circumstances, Home, Refusal, Route, State, Step, StepKind, Tier, route

KINDS = {
    StepKind.MOVE: "move_database",
    StepKind.CONVERT_TO_HYPERSCALE: "convert_to_hyperscale",
    StepKind.CONVERT_BACK: "convert_back",
    StepKind.CHANGE_BACKUP_REDUNDANCY: "change_backup_storage",
}
NOT_KEPT = Refusal(
    "ChangeNotSupported",
    "Databases are kept here as General Purpose in a pool, or as Hyperscale in a pool or, without zone redundancy, alone.",
    "ours",
)
NO_WORKFLOW = Refusal("ChangeNotSupported", "One of the changes on the way is not made here.", "ours")


@dataclass(frozen=True, slots=True)
class Hop:
    """What one operation does: lawful steps, from one state that lasts to another."""

    kind: str
    steps: tuple[Step, ...]

    @property
    def before(self) -> State:
        return self.steps[0].before

    @property
    def after(self) -> State:
        return self.steps[-1].after


@dataclass(frozen=True, slots=True)
class Way:
    """Hops in order, none where nothing differs; or the `refusal` why there is no way."""

    hops: tuple[Hop, ...] = ()
    refusal: Refusal | None = None

    @property
    def steps(self) -> tuple[Step, ...]:
        return tuple(step for hop in self.hops for step in hop.steps)


def way_to(before: State, after: State, at: Circumstances) -> Way:
    """The shortest lawful way on which every hop ends in a state that is kept here."""
    if not is_kept(after):
        return Way(refusal=NOT_KEPT)
    found = route(before, after, at)
    if found.refusal is not None:
        return Way(refusal=found.refusal)
    kinds = [step.kind for step in found.steps]
    if StepKind.CONVERT_BACK in kinds:
        return _by_way_of_a_pool(found, kinds.index(StepKind.CONVERT_BACK) + 1, after, at)
    if not all(step.kind in KINDS and is_kept(step.after) for step in found.steps):
        return Way(refusal=NO_WORKFLOW)
    return Way(tuple(Hop(KINDS[step.kind], (step,)) for step in found.steps))


def is_kept(state: State) -> bool:
    """Whether databases are kept so here: what a pool shares, or a Hyperscale database on its own."""
    if state.tier is Tier.GENERAL_PURPOSE:
        return state.home is Home.POOL
    return state.tier is Tier.HYPERSCALE and (
        state.home is Home.POOL or (state.home is Home.SINGLE and not state.zone_redundant)
    )


def told(state: State) -> str:
    """The state in words, for those whose database it is."""
    place = "in a pool" if state.home is Home.POOL else "on its own"
    zones = ", zone redundant" if state.zone_redundant else ""
    return f"{state.tier} {place}{zones}, backups {state.backup}"


def as_columns(state: State) -> dict[str, Any]:
    """The state as it is kept with an operation."""
    return {
        name: value for name, value in asdict(state).items() if name in ("tier", "home", "zone_redundant", "backup")
    }


def from_columns(kept: dict[str, Any]) -> State:
    return State(Tier(kept["tier"]), Home(kept["home"]), kept["zone_redundant"], Backup(kept["backup"]))


def _by_way_of_a_pool(found: Route, end: int, after: State, at: Circumstances) -> Way:
    """Back from Hyperscale: out of its pool, to General Purpose and into a pool of that are one operation, since nothing on
    the way is kept; what is left is searched from there."""
    steps = found.steps[:end]
    zones = after.zone_redundant and after.tier is Tier.GENERAL_PURPOSE
    landing = replace(steps[-1].after, home=Home.POOL, zone_redundant=zones)
    into_pool, left = route(steps[-1].after, landing, at), way_to(landing, after, at)
    if into_pool.refusal is not None or left.refusal is not None:
        return Way(refusal=into_pool.refusal or left.refusal)
    return Way((Hop("convert_back", (*steps, *into_pool.steps)), *left.hops))
