"""Addresses of what keeps Azure as we want it, where each request would succeed."""

from __future__ import annotations

from django.conf import settings
from django.urls import reverse

from inventory.models import Database
from placement.rebalancing.planning import rules_of
from provisioning.drift.pauses import pause
from tests.builders import a_finding, a_plan, a_pool, a_pool_proposal, a_proposal, a_region

PLAN = ("rebalance-plan", "rebalance-plan-approve", "rebalance-plan-reject")
ORPHAN = "/subscriptions/s/resourcegroups/g/providers/microsoft.sql/servers/n/databases/d-lost"


def kept_as_wanted(database: Database) -> dict[str, str]:
    """Addresses of findings, pauses, imports and proposals."""
    pool = a_pool()
    changed = a_finding(pool.key, attribute="max_size_bytes", observed=pool.max_size_bytes)
    orphan = a_finding("azure:" + ORPHAN, kind="orphaned", observed={"tags": {"deployment": settings.DEPLOYMENT}})
    pause(pool.key, actor="test", reason="We work on it.")
    proposal = a_proposal(database)
    return {
        "adoptions": reverse("adoptions"),
        "service-credentials-issue": reverse("service-credentials-issue", args=["cigna", "claims"]),
        "growth-proposals": reverse("growth-proposals", args=["cigna"]),
        **{
            f"growth-proposal-{verb}": reverse(f"growth-proposal-{verb}", args=["cigna", proposal.pk])
            for verb in ("accept", "schedule", "dismiss")
        },
        **{name: reverse(name) for name in ("findings", "repair-pauses")},
        **{name: reverse(name, args=[changed.pk]) for name in ("finding-repair", "finding-accept")},
        "finding-remove": reverse("finding-remove", args=[orphan.pk]),
        "repair-pause": reverse("repair-pause", args=[pool.key]),
    }


def spread(database: Database) -> dict[str, str]:
    """Addresses of plans that spread load, of the rules for them, and of a move that an owner was told of."""
    plan = a_plan(database, state="proposed")
    told = a_plan(database, state="approved", region=a_region("centralindia")).moves.get()
    rules_of(database.region)
    a_region("westeurope")  # where a plan is computed
    unused = a_pool_proposal(a_pool(plan.moves.get().source.server, status="ready"))
    return {
        **{name: reverse(name) for name in ("rebalance-plans", "rebalancing-rules")},
        **{name: reverse(name, args=[plan.pk]) for name in PLAN},
        "pool-proposals": reverse("pool-proposals"),
        **{name: reverse(name, args=[unused.pk]) for name in ("pool-proposal-approve", "pool-proposal-dismiss")},
        **{name: reverse(name, args=[database.region_id]) for name in ("rebalancing-rule", "rebalancing-rule-resume")},
        "planned-moves": reverse("planned-moves", args=["cigna"]),
        **{
            f"planned-move-{verb}": reverse(f"planned-move-{verb}", args=["cigna", told.pk])
            for verb in ("accept", "defer", "veto")
        },
    }
