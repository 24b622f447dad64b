"""Receivers are taken one at a time, by a conditional update and for a while, and given what is due to them, in order."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from uuid import UUID, uuid4

import structlog
from django.conf import settings
from django.db import connection, transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.db.models.functions import Greatest

from notifications import channels
from notifications.backoff import after_failures
from notifications.models import Delivery, Receiver
from notifications.reports import tell_dead_letters, tell_failing, tell_gone
from operations.clock import DatabaseNow, database_now
from operations.failpoints import hit

log = structlog.get_logger(__name__)
SOME = 20
Result = channels.Result

# Receivers that work come first, so that those that do not can only take what time is left.
CLAIM = """
WITH free AS (
    SELECT r.id FROM notifications_receiver r
    WHERE r.state = 'active' AND r.due_at <= operations_now()
      AND (r.lease_until IS NULL OR r.lease_until <= operations_now())
      AND EXISTS (SELECT 1 FROM notifications_delivery d
                  WHERE d.receiver_id = r.id AND d.state = 'pending' AND d.due_at <= operations_now()
                    AND NOT EXISTS (SELECT 1 FROM notifications_delivery e
                                    WHERE e.receiver_id = r.id AND e.state = 'pending' AND e.target = d.target
                                      AND e.number < d.number))
    ORDER BY r.failures > 0, r.due_at LIMIT 1 FOR UPDATE SKIP LOCKED
)
UPDATE notifications_receiver r
SET claim_token = %s, lease_until = operations_now() + %s * interval '1 second'
FROM free WHERE r.id = free.id RETURNING r.id
"""


@dataclass(frozen=True, slots=True)
class Claim:
    """A receiver that is ours alone while `seconds_left`; `token` proves it."""

    receiver: Receiver
    token: UUID
    taken_at: float = field(default_factory=time.monotonic)

    def seconds_left(self) -> float:
        return settings.NOTIFY_LEASE_SECONDS - (time.monotonic() - self.taken_at)


def deliver_due() -> int:
    """Serve receivers to whom something is due, while time allows. Returns how many attempts were made."""
    until, attempts = time.monotonic() + settings.NOTIFY_TASK_SECONDS, 0
    while time.monotonic() < until and (held := claim()) is not None:
        attempts += serve(held)
    return attempts


def claim() -> Claim | None:
    """Take one receiver; None when nobody waits for anything."""
    token = uuid4()
    with connection.cursor() as cursor:
        cursor.execute(CLAIM, [token, settings.NOTIFY_LEASE_SECONDS])
        row = cursor.fetchone()
    if row is None:
        return None
    hit("deliver.claimed")
    return Claim(Receiver.objects.select_related("workspace").get(pk=row[0]), token)


def serve(held: Claim) -> int:
    """Try what is due to a receiver, one after another, until it fails as a whole or the lease nears its end."""
    attempts = 0
    for delivery in _due(held):
        attempts += 1
        hit("deliver.before")
        result = channels.send(delivery, held.receiver)
        hit("deliver.sent")
        if not _record(held, delivery, result) or result.is_of_receiver:
            break
    _give_back(held)
    return attempts


def heads(receiver_id: UUID) -> QuerySet[Delivery]:
    """Of each target, the event that goes first, where its time has come."""
    pending = Delivery.objects.filter(receiver_id=receiver_id, state=Delivery.State.PENDING)
    earlier = pending.filter(target=OuterRef("target"), number__lt=OuterRef("number"))
    due = pending.filter(~Exists(earlier), due_at__lte=DatabaseNow())
    return due.select_related("event").order_by("number")


def _due(held: Claim) -> Iterator[Delivery]:
    while some := list(heads(held.receiver.pk)[:SOME]):
        for delivery in some:
            if held.seconds_left() < settings.NOTIFY_CALL_SECONDS + 5:
                return
            yield delivery


def _record(held: Claim, delivery: Delivery, result: Result) -> bool:
    """Write down what came of an attempt. False: the receiver is no longer ours, and nothing was written."""
    with transaction.atomic():
        receiver = Receiver.objects.select_for_update().filter(pk=held.receiver.pk, claim_token=held.token).first()
        if receiver is None or receiver.state != Receiver.State.ACTIVE:
            log.warning("notification.claim_lost", receiver=str(held.receiver.pk))
            return False
        if result.is_delivered:
            _delivered(receiver, delivery)
        elif result.is_gone:
            _gone(receiver)
        else:
            _failed(receiver, delivery, result)
    hit("deliver.recorded")
    log.info("notification.attempted", receiver=str(receiver.pk), number=delivery.number, outcome=result.outcome)
    return True


def _delivered(receiver: Receiver, delivery: Delivery) -> None:
    now = database_now()
    Delivery.objects.filter(pk=delivery.pk, state=Delivery.State.PENDING).update(
        state=Delivery.State.DELIVERED, attempts=delivery.attempts + 1, ended_at=now, last_error=""
    )
    Receiver.objects.filter(pk=receiver.pk).update(failures=0, failing_since=None, last_success_at=now, last_error="")


def _gone(receiver: Receiver) -> None:
    """It wants nothing any more, and is asked no more until its owner says so."""
    Receiver.objects.filter(pk=receiver.pk).update(
        state=Receiver.State.GONE, last_error="It answered 410.", lease_until=None, claim_token=None
    )
    tell_gone(receiver)


def _failed(receiver: Receiver, delivery: Delivery, result: Result) -> None:
    """Later again, or never: each event is tried until its time is over."""
    now = database_now()
    pending = Delivery.objects.filter(receiver_id=receiver.pk, state=Delivery.State.PENDING)
    wait = timedelta(seconds=result.retry_after or after_failures(delivery.attempts + 1))
    due_at = delivery.due_at if result.is_of_receiver else now + wait
    pending.filter(pk=delivery.pk).update(attempts=delivery.attempts + 1, due_at=due_at, last_error=result.error)
    if result.is_of_receiver:
        _receiver_failed(receiver, result)
    given_up = pending.filter(give_up_at__lte=now)
    if not result.is_of_receiver:
        given_up = given_up.filter(pk=delivery.pk)
    dead = given_up.update(state=Delivery.State.DEAD, ended_at=now)
    if dead:
        tell_dead_letters(receiver, count=dead)


def _receiver_failed(receiver: Receiver, result: Result) -> None:
    """Nothing more to it for a while; told once, when it has failed for some time."""
    now, failures = database_now(), receiver.failures + 1
    wait = timedelta(seconds=result.retry_after or after_failures(failures))
    Receiver.objects.filter(pk=receiver.pk).update(
        failures=failures, failing_since=receiver.failing_since or now, last_error=result.error, due_at=now + wait
    )
    if failures == settings.NOTIFY_TELL_AFTER_FAILURES:
        tell_failing(receiver, error=result.error)


def _give_back(held: Claim) -> None:
    """Those who have waited longer come first: whoever answers slowly, yet answers, is no reason to keep others waiting."""
    mine = Receiver.objects.filter(pk=held.receiver.pk, claim_token=held.token)
    mine.update(lease_until=None, claim_token=None, due_at=Greatest("due_at", DatabaseNow()))
