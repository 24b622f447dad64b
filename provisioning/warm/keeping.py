"""Keeping the stocks: what is missing is made, what is stale, broken or too many goes. Harmless if doubled."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from inventory.models import Database
from inventory.states import Status, move
from notifications.services import tell
from operations import audit, clock
from operations.models import Operation, Priority
from operations.services import active_operation, submit
from provisioning.models import WarmDatabase, WarmStock
from provisioning.warm.making import ACTOR, config_hash, is_being_made, make
from provisioning.warm.sizing import size

State = WarmDatabase.State
FAILURES_BEFORE_HALT = 3
FAILURES_WITHIN = timedelta(hours=1)


@dataclass
class Kept:
    """What a stock has: what may be claimed, what is on its way, and what may not be claimed any more."""

    idle: list[WarmDatabase] = field(default_factory=list)
    making: list[WarmDatabase] = field(default_factory=list)
    stale: list[WarmDatabase] = field(default_factory=list)
    broken: list[WarmDatabase] = field(default_factory=list)


def keep_stocks() -> int:
    """Bring every stock nearer to what it should be. Returns how many makings were begun."""
    return sum(_keep(pk) for pk in WarmStock.objects.order_by("pk").values_list("pk", flat=True))


@transaction.atomic
def _keep(pk: UUID) -> int:
    stock = WarmStock.objects.select_for_update(skip_locked=True, of=("self",)).filter(pk=pk).first()
    if stock is None:
        return 0  # somebody else keeps it just now
    size(stock)
    kept = kept_of(stock)
    if stock.removed_at is not None and kept == Kept():
        stock.delete()
        return 0
    for row in kept.broken:
        discard(row, row.why or f"{row.database.error_code or 'Its making'} failed.")
    _halt_where_makings_fail(stock)
    _thin_out(stock, kept)
    missing = 0 if stock.halted_at else stock.wanted - len(kept.idle) - len(kept.making)
    begun = max(0, min(missing, settings.WARM_MADE_AT_ONCE - _made_now()))
    for _ in range(begun):
        make(stock)
    return begun


def kept_of(stock: WarmStock) -> Kept:
    """The stock as it stands; the freshest first."""
    found, wanted, oldest = Kept(), config_hash(stock), clock.now() - timedelta(days=settings.WARM_DAYS)
    rows = WarmDatabase.objects.filter(stock=stock, state=State.KEPT).select_related("database", "stock")
    for row in rows.order_by("-made_at"):
        status = row.database.status
        if row.why or (status not in (Status.READY, Status.UPDATING) and not is_being_made(row.database)):
            found.broken.append(row)
        elif status not in (Status.READY, Status.UPDATING):
            found.making.append(row)
        elif row.config_hash != wanted or row.made_at < oldest:
            found.stale.append(row)
        else:
            found.idle.append(row)
    return found


def discard(row: WarmDatabase, why: str) -> bool:
    """Delete one that nobody has claimed. False: it was claimed meanwhile, or something else works on it."""
    held = (
        WarmDatabase.objects.select_for_update(skip_locked=True, of=("self",))
        .filter(pk=row.pk, state=State.KEPT)
        .first()
    )
    if held is None or active_operation(row.database.key) is not None:
        return False
    held.state, held.why, held.ended_at = State.DISCARDED, why[:300], clock.now()
    held.save(update_fields=["state", "why", "ended_at"])
    database = Database.objects.select_for_update().get(pk=row.pk)
    if database.status != Status.DELETED:  # a making that was cancelled has left nothing
        move(database, Status.DELETING)
        submit("delete_database", target=database.key, actor=ACTOR, priority=Priority.REBALANCING)
    audit.record("warm.discarded", actor=ACTOR, target=database.key, reason=why[:300])
    return True


def _thin_out(stock: WarmStock, kept: Kept) -> None:
    """Stale ones go once others stand in their place, or nobody wants them; then what is too much, the oldest first."""
    replaced = len(kept.idle) >= stock.wanted
    for row in kept.stale if replaced else []:
        discard(row, "It is too old, or was made otherwise than it would be now.")
    for row in kept.idle[stock.wanted :]:
        discard(row, "Fewer are wanted now.")


def _made_now() -> int:
    """Makings of all stocks that go on: so many calls of this class may be needed at once."""
    going = Operation.objects.filter(kind="create_database", actor=ACTOR).exclude(state__in=Operation.TERMINAL)
    return going.count()


def _halt_where_makings_fail(stock: WarmStock) -> None:
    """Several failures within the hour: no more, until an operator lets it go on."""
    if stock.halted_at is not None:
        return
    since = clock.now() - FAILURES_WITHIN
    if stock.resumed_at is not None:
        since = max(since, stock.resumed_at)
    failed = WarmDatabase.objects.filter(
        Q(database__ready_at=None), stock=stock, state=State.DISCARDED, ended_at__gt=since
    )
    if failed.count() < FAILURES_BEFORE_HALT:
        return
    stock.halted_at = clock.now()
    stock.save(update_fields=["halted_at"])
    tell("warm.halted", target=stock.key, facts={"stock": stock.name, "failures": failed.count()})
    audit.record("warm.halted", actor=ACTOR, target=stock.key, after={"failures": failed.count()})
