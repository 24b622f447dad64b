"""What pools are measured to need, and how often they were above their level beside what was foretold."""

from __future__ import annotations

from controlplane.console.display import BAD, NOTHING, bar, figure, label, moment
from controlplane.console.tables import Facts, Table
from inventory.models import Database, ElasticPool
from placement.explaining import explain
from placement.models import LoadForecast, PoolLoad
from placement.pool_loads import level_of

DAYS_SHOWN = 14


def load_facts(pool: ElasticPool) -> Facts:
    """The pool's need beside its level; what was never measured says so."""
    load = PoolLoad.objects.filter(pool=pool).first()
    if load is None:
        return Facts("Load", (("Measured", "never"),))
    level = level_of(pool)
    values = (
        ("Needs, of its level", bar(load.peak, level, f"{load.peak:.2f} of {level:.2f} vCores")),
        ("Mean", figure(f"{load.mean:.2f}")),
        ("Last day stayed below", NOTHING if load.recent is None else figure(f"{load.recent:.2f}")),
        ("Hot", label("hot", BAD) if load.is_hot else "no"),
        ("Databases counted", load.databases),
        ("Known until", moment(load.made_at)),
    )
    return Facts("Load", values)


def forecasts(pool: ElasticPool) -> Table:
    """Day by day, newest first."""
    rows = LoadForecast.objects.filter(pool=pool).order_by("-day")[:DAYS_SHOWN]
    return Table(
        "Share of the day above its level",
        ("day", "level", "foretold", "seen", "slots seen"),
        [
            (
                *(row.day.isoformat(), figure(f"{row.level:.2f}"), _share(row.predicted_share)),
                *(_share(row.observed_share), row.slots),
            )
            for row in rows
        ],
        "Nothing was foretold yet.",
    )


def elsewhere(database: Database) -> Table:
    """Where it would go if it had to leave, and what each rule refuses."""
    found = explain(database)
    refusals = [one for one in found.elsewhere.refusals if one.constraint != "excluded"]
    remedies = [text.partition(": ")[2] for text in found.what_would_change_it]
    return Table(
        "Why not elsewhere",
        ("rule", "pools refused", "by it alone", "the nearest misses", "unit", "what would change it"),
        [
            (one.constraint, one.refused, one.alone, figure(f"{one.missing:.4g}"), one.unit or NOTHING, remedy)
            for one, remedy in zip(refusals, remedies, strict=True)
        ],
        "No rule refuses any other pool.",
        note=found.elsewhere.reason,
    )


def _share(share: float | None) -> object:
    return NOTHING if share is None else figure(f"{100 * share:.2f} %")
