"""Why a database stands where it stands, why not elsewhere, and what would change that."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from inventory.models import Database
from placement.engine.decision import Decision, Refusal
from placement.engine.policy import GIBIBYTE
from placement.services import choose_pool
from placement.snapshot import load_of, risk


@dataclass(frozen=True, slots=True)
class Figures:
    """A database's own: what was planned for it and what it is expected to use. GB, vCores; `peak` at the risk quantile."""

    size_gb: float
    planned_vcores: float
    mean_vcores: float
    peak_vcores: float
    busiest_hour: int


@dataclass(frozen=True, slots=True)
class Explanation:
    """`here` is the decision that put it there, `elsewhere` what would be decided now if it had to leave."""

    here: dict[str, Any]
    elsewhere: Decision
    figures: Figures

    @property
    def what_would_change_it(self) -> tuple[str, ...]:
        """For each rule that stands between it and a pool: the least that would have to be different, with the pool's name."""
        return tuple(_remedy(refusal) for refusal in self.elsewhere.refusals if refusal.constraint != "excluded")


def explain(database: Database) -> Explanation:
    """For operators: it names pools and how full they are. Nothing is taken or changed."""
    load = load_of(database)
    own = {str(database.pool_id)} if database.pool_id else set()
    return Explanation(
        here=database.placement,
        elsewhere=choose_pool(database, exclude=own),
        figures=Figures(
            size_gb=database.size_bytes / GIBIBYTE,
            planned_vcores=database.vcores_demanded,
            mean_vcores=load.mean,
            peak_vcores=load.peak(risk()),
            busiest_hour=int(np.argmax(load.profile)),
        ),
    )


@dataclass(frozen=True, slots=True)
class OwnersView:
    """What an owner may know: rules by name and what they mean, and the database's own figures. Nothing of pools: how full
    one is would tell of its neighbours."""

    figures: Figures
    rules: tuple[tuple[str, str], ...]


def for_owner(database: Database) -> OwnersView:
    """The rules that its own wishes and figures bring into play; the same whoever stands beside it."""
    found = explain(database)
    return OwnersView(found.figures, tuple((name, MEANING[name]) for name in OF_ITS_OWN))


OF_ITS_OWN = (
    "region",
    "service_tier",
    "auth_mode",
    "zone_redundancy",
    "fits_largest_database",
    "fits_per_database_vcores",
    "has_free_storage",
    "has_free_vcores",
)
MEANING = {
    "region": "It stands in its workspace's region.",
    "service_tier": "It stands among databases of its tier.",
    "auth_mode": "Its server lets in whom its workspace allows to sign in.",
    "zone_redundancy": "Zone redundancy is a pool's: where it has it, it keeps it.",
    "fits_largest_database": "Its planned size fits into the place.",
    "fits_per_database_vcores": "One database may take as many vCores as were planned for it.",
    "has_free_storage": "Its planned size is kept free for it.",
    "has_free_vcores": "What it is expected to use at its busiest is kept free, with headroom.",
}


def _remedy(refusal: Refusal) -> str:
    what = REMEDIES.get(refusal.constraint, "Another wish.")
    return f"{refusal.constraint}: {what.format(amount=_amount(refusal), pool=refusal.nearest_pool_id)}"


def _amount(refusal: Refusal) -> str:
    if refusal.unit == "bytes":
        return f"{refusal.missing / GIBIBYTE:.1f} GB"
    return f"{refusal.missing:.3g} {refusal.unit}"


REMEDIES = {
    "region": "another region for the workspace; databases do not leave theirs.",
    "service_tier": "a pool of its tier; {pool} is of another.",
    "auth_mode": "a server that lets in the same; {pool} stands on another kind.",
    "zone_redundancy": "a pool as zone redundant as its own; {pool} is not.",
    "usable": "{pool} being ready.",
    "not_cordoned": "{pool} being opened again.",
    "fits_largest_database": "a pool larger by {amount} than {pool}, or a smaller size.",
    "fits_per_database_vcores": "{amount} more for one database in {pool}, or a smaller size.",
    "has_free_storage": "{amount} more free in {pool}: a larger pool, or somebody who leaves.",
    "has_free_vcores": "{amount} less load in {pool}: a larger pool, or somebody who leaves.",
    "within_overcommit": "{amount} less promised in {pool}.",
    "has_database_slot": "{amount} fewer in {pool}.",
    "server_has_database_slot": "{amount} fewer on the server of {pool}.",
}
