"""What a change of a key would do, and what its customer has to grant first: asked for, looked at, undone."""

from __future__ import annotations

from collections.abc import Callable

from django.db import transaction

from inventory.models import Database, ServiceInstance, WorkspaceIdentity
from inventory.states import Status
from operations.models import Operation
from operations.services import active_operation
from provisioning.changes.consent import Consent, demand
from provisioning.changes.forecast import planned
from provisioning.changes.plan import Change, Cost, Disruption, Plan, WayBack
from provisioning.changes.states import revision_of
from provisioning.changes.trial import tried
from provisioning.keys.examining import ROLE, posture_towards
from provisioning.keys.using import needed_keys
from provisioning.keys.wish import KeyWish
from provisioning.keys.wishes import request_key, request_own_key

WARNING = (
    "Whoever takes the key away takes the database away: sign-ins end within 10 minutes, after 30 the database is "
    "inaccessible, and coming back costs the history of its backups."
)
KEPT = "Keep every version that a backup may need; the service's encryption document lists them."
BLIND = "We cannot come as the identity: whether it may use the key shows only when Azure tries."
Ask = Callable[[], Operation]


def plan_key(service: ServiceInstance, wish: KeyWish, *, changes: bool, actor: str) -> Plan:
    """What `enable` would do now."""
    return tried(lambda: _plan(service, lambda: request_key(service, wish, changes=changes, actor=actor)))


def plan_own_key(service: ServiceInstance, *, actor: str) -> Plan:
    """What `disable` would do now."""
    return tried(lambda: _plan(service, lambda: request_own_key(service, actor=actor)))


def enable(service: ServiceInstance, wish: KeyWish, *, changes: bool, actor: str, consent: Consent) -> Operation:
    """Put the database under the key, where the plan that was seen is still the plan. Raises WishRefused (PlanChanged)."""
    return _granted(service, consent, lambda: request_key(service, wish, changes=changes, actor=actor))


def disable(service: ServiceInstance, *, actor: str, consent: Consent) -> Operation:
    """Put it back under the service's own key; the same."""
    return _granted(service, consent, lambda: request_own_key(service, actor=actor))


@transaction.atomic
def _granted(service: ServiceInstance, consent: Consent, ask: Ask) -> Operation:
    before = _database_of(service)
    running = active_operation(before.key)
    operation = ask()
    if operation != running:
        demand(_told(service, before, operation), consent)
    return operation


def _plan(service: ServiceInstance, ask: Ask) -> Plan:
    before = _database_of(service)
    running = active_operation(before.key)
    operation = ask()
    if operation == running:
        return Plan("wait", operations=(planned(operation),))
    return _told(service, before, operation)


def _told(service: ServiceInstance, before: Database, operation: Operation) -> Plan:
    """Nobody is disturbed: only the database's own key is wrapped anew."""
    key = str(operation.input["key"])
    change = Change(
        way=operation.kind,
        changes=(f"protect it with {key}" if key else "protect it with the service's own key",),
        disruption=Disruption(),
        cost=Cost("USD", 0.0, 0.0, "Azure SQL asks nothing for it; the customer's vault counts its calls."),
        way_back=WayBack(("disable_cmk" if key else "enable_cmk",), None, "At any time, as quickly."),
        irreversible=(),
        revision=revision_of(before),
        notices=_notices(service, before, key),
        wished=(key, int(operation.input["follows"])),
    )
    return Plan("change", (planned(operation),), change=change)


def _notices(service: ServiceInstance, before: Database, key: str) -> tuple[str, ...]:
    """What the customer has to grant and to keep."""
    if not key:
        return tuple(f"Keep {one.uri} for as long as backups of now may be restored." for one in needed_keys(before))
    identity = WorkspaceIdentity.objects.filter(workspace=service.workspace_id).first()
    known = identity is not None and bool(identity.principal_id)
    whom = (
        f"the principal {identity.principal_id}" if known and identity else "the workspace's identity, once it is made"
    )
    grant = f"Grant {ROLE} on the key's vault to {whom}; the vault needs soft delete, purge protection and trusted services."
    blind = (BLIND,) if posture_towards(identity) != "identity" else ()
    return (grant, WARNING, KEPT, *blind)


def _database_of(service: ServiceInstance) -> Database:
    rows = Database.objects.select_related("pool", "server", "service__workspace")
    return rows.exclude(status=Status.DELETED).get(service=service)
