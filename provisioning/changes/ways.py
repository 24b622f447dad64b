"""A service's database becomes another state of the table, in as many hops as that lawfully takes: planned by trying every
hop from where the one before has led, told as one, then requested as one."""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.db import transaction

from inventory.models import Database, ServiceInstance
from inventory.states import Status
from inventory.transitions import Backup, Home, State, Tier, way_back
from operations import audit
from operations.errors import OperationInProgress
from operations.models import Operation
from operations.services import active_operation, submit
from operations.workflow import workflow_of
from provisioning.changes.arriving import arrive, made_for, priced_alone, priced_pools
from provisioning.changes.consent import Consent
from provisioning.changes.forecast import disruption_of, planned
from provisioning.changes.hopping import KIND, begin_hop, hops_of
from provisioning.changes.hops import Way, as_columns, told, way_to
from provisioning.changes.placements import placement_of
from provisioning.changes.plan import Change, Plan, PlannedOperation, Reason, WayBack
from provisioning.changes.pools import granted
from provisioning.changes.prices import monthly_cost
from provisioning.changes.states import circumstances_of, revision_of, state_of
from provisioning.changes.trial import tried
from provisioning.changes.way_times import seconds_of, when_on_way
from provisioning.conversions import held_database, refuse_busy
from provisioning.standing import check_room, service_key, standing

WAY = "hops"
GO_BACK = "Asked for in the same way, with a plan of its own; what can be taken back for some days only, within those."


@dataclass(frozen=True, slots=True)
class Wish:
    """What the database shall be; None: as it is. Without a `home` Hyperscale stands alone, General Purpose in a pool."""

    tier: Tier | None = None
    home: Home | None = None
    zone_redundant: bool | None = None
    backup: Backup | None = None

    def of(self, now: State) -> State:
        """The state that is wished for, by one who is `now`."""
        tier = self.tier or now.tier
        usual = Home.SINGLE if tier is Tier.HYPERSCALE else Home.POOL
        wished = replace(now, tier=tier, home=self.home or (now.home if tier is now.tier else usual))
        zones = wished.zone_redundant and wished.home is Home.POOL and tier is now.tier
        zones = zones if self.zone_redundant is None else self.zone_redundant
        return replace(wished, zone_redundant=zones, backup=self.backup or now.backup)


@transaction.atomic
def request_way(
    service: ServiceInstance, wish: Wish, *, actor: str, consent: Consent, reason: str = ""
) -> Operation | None:
    """Begin a change of as many hops as it takes; None: it is so already. What goes there already is given again. Raises
    WishRefused (ChangeRefused, DisruptionNotAccepted, PlanChanged), OperationInProgress, Database.DoesNotExist."""
    database = held_database(service)
    running = active_operation(service_key(service))
    if running is not None:
        return _repeated(running, wish)
    plan = plan_way(service, wish, actor=actor)
    if plan.action == "none":
        return None
    operation = granted(plan, consent, lambda: _submit(service, database, _way(database, wish), actor=actor))
    audit.record(
        "database.change_requested",
        actor=actor,
        target=database.key,
        workspace=operation.workspace,
        operation_id=operation.pk,
        before=as_columns(state_of(database)),
        after={**hops_of(operation)[-1]["after"], "plan": plan.hash},
        reason=reason,
    )
    return operation


def plan_way(service: ServiceInstance, wish: Wish, *, actor: str) -> Plan:
    """What `request_way` would do now: done, looked at, and undone."""
    return tried(lambda: _plan(service, wish, actor=actor))


def _plan(service: ServiceInstance, wish: Wish, *, actor: str) -> Plan:
    database = held_database(service)
    way = _way(database, wish)
    if way.refusal is not None:
        return Plan("refuse", refusals=(Reason(way.refusal.code, way.refusal.message, way.refusal.source),))
    if not way.hops:
        return Plan("none")
    operation = _submit(service, database, way, actor=actor)
    children = [_tried_hop(operation, hop) for hop in hops_of(operation)]
    return _told(operation, database, way, children)


def _submit(service: ServiceInstance, database: Database, way: Way, *, actor: str) -> Operation:
    """Raises OperationInProgress, ServiceNotReady, TooManyOperations."""
    refuse_busy(database, active_operation(database.key))
    check_room(standing(service.workspace, service.name))
    hops = [{"kind": h.kind, "before": as_columns(h.before), "after": as_columns(h.after)} for h in way.hops]
    wish = {"service": service.name, "hops": hops}
    name = service.workspace.name
    return submit(KIND, target=service_key(service), actor=actor, workspace=name, wish=wish)


def _tried_hop(operation: Operation, hop: dict[str, object]) -> Operation:
    """Begin the hop, take its room, and write it down as arrived. Raises StepError, NoPlace."""
    database = Database.objects.select_related("pool", "server", "service__workspace").get(
        service__id=operation.target_key.partition(":")[2], status=Status.READY
    )
    child = begin_hop(operation, database, hop)
    arrive(child)
    return child


def _told(operation: Operation, before: Database, way: Way, children: list[Operation]) -> Plan:
    """One plan of the whole way: what all hops disturb and cost together, and the way back from its end."""
    after = Database.objects.select_related("pool", "server").get(pk=before.pk)
    made = made_for(*children)
    rows = tuple(step.row for step in way.steps)
    back, days = way_back(way.steps, circumstances_of(before))
    change = Change(
        way=WAY,
        changes=tuple(step.kind.value for step in way.steps),
        disruption=disruption_of(rows, when=when_on_way(way, before)),
        cost=monthly_cost(before.region_id, priced_alone(before), [*priced_alone(after), *priced_pools(made)]),
        way_back=WayBack(tuple(step.kind.value for step in back.steps), days, GO_BACK),
        irreversible=(),
        revision=revision_of(before),
        wished=tuple(told(hop.after) for hop in way.hops),
        notices=tuple(f"{number}. {hop.kind}: {told(hop.after)}." for number, hop in enumerate(way.hops, 1)),
    )
    hops = [planned(child, seconds=seconds_of(hop, before)) for child, hop in zip(children, way.hops, strict=True)]
    whole = PlannedOperation(KIND, workflow_of(KIND).step_names, 0.0)
    operations = (whole, *(planned(one) for one in made), *hops)
    moves = before.pool_id != after.pool_id
    return Plan("change", operations, placement_of(children[-1], after, made) if moves else None, change=change)


def _way(database: Database, wish: Wish) -> Way:
    now = state_of(database)
    return way_to(now, wish.of(now), circumstances_of(database))


def _repeated(running: Operation, wish: Wish) -> Operation:
    """The same wish again is no other; one that is being given up, or removed next, is. Raises OperationInProgress."""
    in_line = Operation.objects.filter(follows=running).first()
    if in_line is not None or running.cancel_requested_at is not None:
        raise OperationInProgress(in_line or running)
    goal = hops_of(running)[-1]["after"]
    asked = {"tier": wish.tier, "home": wish.home, "zone_redundant": wish.zone_redundant, "backup": wish.backup}
    if any(value is not None and goal[name] != value for name, value in asked.items()):
        raise OperationInProgress(running)
    return running
