"""A service's database gets another size: planned by trying, told, then requested."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from inventory.models import Database, ElasticPool, ServiceInstance, Workspace
from inventory.states import Status
from inventory.transitions import Tier
from operations import audit
from operations.models import Operation
from operations.outcomes import Ask, Next, Wait
from operations.services import submit
from operations.workflow import Mode, known_kinds, workflow_of
from placement.engine import sizing
from placement.snapshot import limits
from provisioning.changes.consent import Consent, demand
from provisioning.changes.forecast import (
    copying_seconds,
    disruption_of,
    keep_promise,
    planned,
    priced_pool,
    workspaces_of,
)
from provisioning.changes.placements import in_pool
from provisioning.changes.plan import Change, Plan, Reason, WayBack
from provisioning.changes.prices import Priced, monthly_cost
from provisioning.changes.states import revision_of, scaling_row
from provisioning.changes.tiers import change_of_tier
from provisioning.changes.trial import tried
from provisioning.conversions import ConversionWish, Cutover, request_conversion
from provisioning.durations import expected_seconds
from provisioning.errors import ChangeNotSupported, PoolNotReady, ServiceNotReady
from provisioning.relocating import DISTURBING
from provisioning.standing import refuse_on_way

GROW, CONVERT = "grow_database", "convert_to_hyperscale"


@transaction.atomic
def request_growth(
    database: Database, size_bytes: int, *, actor: str, consent: Consent, parent: Operation | None = None
) -> Operation:
    """Give a database another size. Raises ChangeRefused, DisruptionNotAccepted, PlanChanged, OperationInProgress."""
    plan = plan_growth(database, size_bytes, actor=actor)
    demand(plan, consent)
    disturbs = plan.change is not None and plan.change.disturbs
    operation = _submit(database, size_bytes, actor=actor, may_disturb=disturbs, parent=parent)
    keep_promise(operation, plan)
    audit.record(
        "database.growth_requested",
        actor=actor,
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        before={"size_bytes": database.size_bytes},
        after={"size_bytes": size_bytes, "plan": plan.hash, "accepted": disturbs},
    )
    return operation


def plan_growth(database: Database, size_bytes: int, *, actor: str) -> Plan:
    """What `request_growth` would do now: done, looked at, and undone."""
    return tried(lambda: _plan(database, size_bytes, actor=actor))


def to_be_grown(workspace: Workspace, name: str, kind: str, size_bytes: int) -> Database | None:
    """The database of the service of that name and kind, where it stands with another size."""
    service = ServiceInstance.objects.filter(workspace=workspace, name=name, kind=kind, deleted_at=None).first()
    if service is None:
        return None
    return Database.objects.filter(service=service, status=Status.READY).exclude(size_bytes=size_bytes).first()


def _plan(database: Database, size_bytes: int, *, actor: str) -> Plan:
    operation = _submit(database, size_bytes, actor=actor, may_disturb=True, parent=None)
    before = Database.objects.select_related("pool", "server").get(pk=database.pk)
    choices: dict[str, Any] = {}
    for step in workflow_of(operation.kind).steps:
        if step.mode is not Mode.DECIDES or step.name.startswith(("hold_", "await_")):
            break
        outcome = step(operation)
        if isinstance(outcome, Ask):
            return Plan("refuse", refusals=(Reason(outcome.code, outcome.message),))
        if isinstance(outcome, Wait):
            return Plan("refuse", refusals=(Reason(PoolNotReady.code, outcome.reason),))
        choices |= outcome.choices if isinstance(outcome, Next) else {}
        operation.choices |= choices
    return _told(operation, before)


def _told(operation: Operation, before: Database) -> Plan:
    """The plan from what the deciding steps chose."""
    if operation.kind == CONVERT:
        return change_of_tier(operation)
    way = operation.choices["way"]
    rows = (scaling_row(before.service_tier),) if way in DISTURBING else ()
    made = list(Operation.objects.filter(parent=operation))
    change = Change(
        way=way,
        changes=tuple(row.kind.value for row in rows),
        disruption=disruption_of(rows, workspaces=workspaces_of(before), seconds=expected_seconds(GROW)),
        cost=monthly_cost(before.region_id, *_billed(operation, before)),
        way_back=_way_back(way),
        irreversible=(),
        revision=revision_of(before),
        wished=(int(operation.input["size_bytes"]),),
    )
    seconds = copying_seconds(rows, before.size_bytes)
    operations = (*(planned(one) for one in made), planned(operation, seconds=seconds))
    room = operation.choices.get("room")
    place = in_pool(room["decision"], is_new=bool(made)) if room else None
    return Plan("change", operations, place, change=change)


def _submit(
    database: Database, size_bytes: int, *, actor: str, may_disturb: bool, parent: Operation | None
) -> Operation:
    """The operation that gives it the size. Raises WishRefused where none can."""
    if database.status != Status.READY:
        raise ServiceNotReady(f"The database is {database.status}; only a ready one can be given another size.")
    if size_bytes < database.size_bytes:
        raise ChangeNotSupported("A smaller size is not supported: data that are there would have to fit.")
    if parent is None:
        refuse_on_way(database)
    kind, service = _kind_for(database, size_bytes), database.service
    if kind == CONVERT and service is not None:
        wish = ConversionWish(Cutover.AUTOMATIC, size_bytes)  # the plan's consent is the consent to the switch
        return request_conversion(service, wish, actor=actor, parent=parent)
    return submit(
        kind,
        target=database.key,
        actor=actor,
        workspace=service.workspace.name if service else "",
        wish={"size_bytes": size_bytes, "may_disturb": may_disturb},
        parent=parent,
    )


def _kind_for(database: Database, size_bytes: int) -> str:
    """The workflow that can hold so much. Raises ChangeNotSupported where there is none, SizeRefused beyond all tiers."""
    tier = sizing.tier_for(size_bytes, limits())
    kind = CONVERT if tier is sizing.Tier.HYPERSCALE and database.service_tier != Tier.HYPERSCALE else GROW
    if kind not in known_kinds():
        raise ChangeNotSupported("The size needs another tier, and changing tiers is not supported.")
    return kind


def _billed(operation: Operation, before: Database) -> tuple[list[Priced], list[Priced]]:
    """The resources that change: a pool that is made for it, or its own compute. Room in a pool that stands costs nothing."""
    made = [
        key.partition(":")[2] for key in Operation.objects.filter(parent=operation).values_list("target_key", flat=True)
    ]
    pools = [priced_pool(pool) for pool in ElasticPool.objects.filter(pk__in=made)]
    if operation.choices["way"] != "scale":
        return [], pools
    sizes = (before.vcores or 0, operation.choices["vcores"])
    priced = [Priced(before.service_tier, vcores, before.size_bytes) for vcores in sizes]
    return priced[:1], priced[1:]


def _way_back(way: str) -> WayBack:
    if way in DISTURBING:
        return WayBack(("move",), None, "The same way back; connections drop once more.")
    return WayBack((), None, "Nothing to go back from: only a limit has changed.")
