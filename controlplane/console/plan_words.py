"""A plan in groups, as its owner reads it over REST: what is noticed, done, paid, and how to go back."""

from __future__ import annotations

from controlplane.console.display import BAD, NOTHING, WARNING
from controlplane.console.tables import Facts, Notice
from provisioning.changes.plan import Change, Plan, Timing

STANDS = {
    "none": Notice(WARNING, "Nothing to do", "It is so already."),
    "wait": Notice(WARNING, "On its way", "An operation does that already; it is waited for."),
}


def notices_of(plan: Plan) -> list[Notice]:
    """Why it cannot be applied, or need not be."""
    found = [Notice(BAD, one.code, one.message) for one in plan.refusals]
    return [*found, STANDS[plan.action]] if plan.action in STANDS else found


def groups_of(plan: Plan) -> list[Facts]:
    """Nothing where there is nothing to apply."""
    if plan.change is None:
        return []
    done = [(one.kind.replace("_", " "), ", ".join(one.steps).replace("_", " ")) for one in plan.operations]
    if plan.placement is not None:
        done.append(("Where it goes", plan.placement.reason))
    return [
        Facts("What is noticed", _noticed(plan.change, plan)),
        Facts("What is done", tuple(done)),
        Facts("Cost", _costs(plan.change)),
        Facts("The way back", _way_back(plan.change)),
    ]


def _noticed(change: Change, plan: Plan) -> tuple[tuple[str, object], ...]:
    disruption = change.disruption
    drops = f"{disruption.drops} times, up to {disruption.seconds_each} seconds each"
    of_many = (("Databases", disruption.databases),) if disruption.databases > 1 else ()
    never = disruption.timing == Timing.NEVER
    return (
        ("Connections drop", drops if disruption.drops else "never: nobody notices"),
        *of_many,
        ("When", disruption.when or NOTHING),
        *((("Widen a window", "or let it start now, once it waits"),) if never else ()),
        ("It takes about", f"{plan.expected_seconds / 60:,.0f} minutes"),
        *(("To know", one) for one in change.notices),
    )


def _costs(change: Change) -> tuple[tuple[str, object], ...]:
    cost = change.cost
    return (
        ("A month before, of what changes", _money(cost.before, cost.currency)),
        ("A month after", _money(cost.after, cost.currency)),
        ("How sure", cost.note),
    )


def _way_back(change: Change) -> tuple[tuple[str, object], ...]:
    back = change.way_back
    return (
        ("Steps", ", ".join(back.steps).replace("_", " ") or "none"),
        ("Until", f"{back.days} days later" if back.days else "any time"),
        ("Note", back.note),
        *(("Not undone", one) for one in change.irreversible),
    )


def _money(amount: float | None, currency: str) -> str:
    return "unknown" if amount is None else f"{amount:,.2f} {currency}"
