"""A service comes back from its backups: planned by trying, told, then requested. Of one that stands it is a change: what has
been written since the moment is not in it, and its users are led to another database."""

from __future__ import annotations

from django.db import transaction

from inventory.models import Database, ElasticPool, Workspace
from inventory.transitions import Row, StepKind, Tier
from operations import clock
from operations.clock import database_now
from operations.models import Operation
from operations.workflow import workflow_of
from provisioning.changes.consent import UNTOLD, Consent, demand
from provisioning.changes.forecast import disruption_of, keep_promise, planned, priced_pool, workspaces_of
from provisioning.changes.placements import placement_of
from provisioning.changes.plan import Change, Plan, WayBack
from provisioning.changes.prices import monthly_cost
from provisioning.changes.rehoming import NO_RETURN
from provisioning.changes.states import revision_of
from provisioning.changes.trial import tried
from provisioning.restores import SWITCH_SECONDS, RestoreWish, request_restore
from provisioning.tier_changes import return_until

WAY = "restore"
EVERY = frozenset(Tier)
REPOINTED = Row(
    StepKind.MOVE,
    EVERY,
    EVERY,
    frozenset(),
    "restore a database from a backup, and point its users there",
    minutes=0.0,
    drops=1,
    drop_seconds=int(SWITCH_SECONDS),
)
"""No row of the table: Azure makes another database, and the former one goes after the switch."""
NOTICES = (
    "What has been written since the moment is not in the restored database, nor what is written until the switch.",
    "Read the secret anew after the switch: database and password are others; the secret's name and the endpoint stay.",
)
GO_BACK = "Another restore, to a moment before the switch, within the days for which backups are kept."


@transaction.atomic
def restore(workspace: Workspace, wish: RestoreWish, *, actor: str, consent: Consent = UNTOLD) -> Operation:
    """Begin a restore as planned. What runs already is given again; a deleted service comes back without anybody's consent.

    Raises WishRefused (ChangeRefused, DisruptionNotAccepted, PlanChanged), OperationInProgress.
    """
    plan = plan_restoring(workspace, wish, actor=actor)
    operation = request_restore(workspace, wish, actor=actor)
    if plan.action == "wait" or (operation.input["undeletes"] and not consent.plan_hash):
        return operation
    demand(plan, consent)
    keep_promise(operation, plan)
    return operation


def plan_restoring(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Plan:
    """What `restore` would do now, as far as our rows tell; Azure is asked for the backup when it begins.

    Raises UnknownService, WorkspaceGone.
    """
    return tried(lambda: _plan(workspace, wish, actor=actor))


def _plan(workspace: Workspace, wish: RestoreWish, *, actor: str) -> Plan:
    before = database_now()
    operation = request_restore(workspace, wish, actor=actor)
    if operation.created_at < before:
        return Plan("wait", operations=(planned(operation),))
    workflow_of(operation.kind).step("place")(operation)
    made = list(Operation.objects.filter(parent=operation))
    operations = tuple(planned(one) for one in (*made, operation))
    place = placement_of(operation, Database.objects.get(pk=operation.pk))
    change = None if operation.input["undeletes"] else _change(operation, made)
    return Plan(WAY, operations, place, change=change)


def _change(operation: Operation, made: list[Operation]) -> Change:
    row = Database.objects.select_related("service__workspace", "pool").get(pk=operation.target_key.partition(":")[2])
    pools = ElasticPool.objects.filter(pk__in=[one.target_key.partition(":")[2] for one in made])
    until = return_until(row)
    return Change(
        way=WAY,
        changes=(WAY,),
        disruption=disruption_of((REPOINTED,), workspaces=workspaces_of(row), seconds=SWITCH_SECONDS),
        cost=monthly_cost(row.region_id, [], [priced_pool(pool) for pool in pools]),
        way_back=WayBack((WAY,), row.retention_days, GO_BACK),
        irreversible=(NO_RETURN,) if until is not None and until > clock.now() else (),
        revision=revision_of(row),
        notices=NOTICES,
        wished=(operation.input["moment"],),
    )
