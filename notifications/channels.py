"""How an event reaches a receiver: a signed CloudEvent by https, or an e-mail. What stands in the inbox needs no sending."""

from __future__ import annotations

import json
import smtplib
import time
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.core.mail import EmailMessage
from django.template.loader import render_to_string

from notifications import addresses, lookups, signing
from notifications.addresses import AddressRefused
from notifications.kinds import kind_of, text_of, title_of
from notifications.models import Delivery, Receiver
from notifications.outbound import NotReached, post
from operations.models import OutboxEvent

CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
GONE = 410
BUSY = (408, 425, 429)


@dataclass(frozen=True, slots=True)
class Result:
    """What came of an attempt. `is_of_receiver`: nothing else would reach it now either, so the rest waits with this one."""

    outcome: str
    error: str = ""
    is_of_receiver: bool = False
    retry_after: float | None = None

    @property
    def is_delivered(self) -> bool:
        return self.outcome == "delivered"

    @property
    def is_gone(self) -> bool:
        return self.outcome == "gone"


DELIVERED = Result("delivered")


def send(delivery: Delivery, receiver: Receiver) -> Result:
    """One attempt, bounded in time; no transaction is open. It may have arrived even where the result says that it failed."""
    if receiver.channel == Receiver.Channel.EMAIL:
        return _mail(delivery, receiver)
    return _call(delivery, receiver)


def cloud_event(delivery: Delivery, receiver: Receiver) -> dict[str, Any]:
    """CloudEvents 1.0, structured JSON. `sequence` counts the receiver's events without gaps (the extension of that name)."""
    event = delivery.event
    place = f"/workspaces/{event.workspace}" if event.workspace else "/fleet"
    return {
        "specversion": "1.0",
        "id": str(event.pk),
        "source": f"/{settings.DEPLOYMENT}{place}",
        "type": f"{settings.NOTIFY_TYPE_PREFIX}.{event.kind}",
        "subject": event.target,
        "time": event.created_at.isoformat().replace("+00:00", "Z"),
        "datacontenttype": "application/json",
        "sequence": f"{delivery.number:012d}",
        "severity": str(kind_of(event.kind).severity),
        "data": {"title": title_of(event.kind, event.data), **event.data},
    }


def _call(delivery: Delivery, receiver: Receiver) -> Result:
    try:
        address = addresses.parse(receiver.address, ports=settings.NOTIFY_PORTS, local=settings.NOTIFY_ALLOWED_LOOPBACK)
        ends = time.monotonic() + settings.NOTIFY_CALL_SECONDS
        ip = addresses.pin(address, partial(lookups.resolve, seconds=settings.NOTIFY_CALL_SECONDS / 2))
        body = json.dumps(cloud_event(delivery, receiver), ensure_ascii=False).encode()
        signed = signing.headers(str(delivery.event_id), body, signing.keys_of(receiver), at=int(time.time()))
        said = {**signed, "Content-Type": CONTENT_TYPE, "User-Agent": "sql-persistence-notifications/1"}
        answer = post(address, ip, body, said, seconds=max(ends - time.monotonic(), 0.1))
    except AddressRefused as error:
        return Result("refused", f"{error.code}: {error}", is_of_receiver=True)
    except signing.SecretNotThere as error:
        return Result("unsigned", f"SigningSecretNotThere: {error}", is_of_receiver=True)
    except (NotReached, OSError) as error:
        return Result("unreached", f"NotReached: {error}", is_of_receiver=True)
    return _understood(answer.status, answer.excerpt, answer.retry_after)


def _understood(status: int, excerpt: str, retry_after: float | None) -> Result:
    """2xx: taken. 410: never again. 5xx and 'too busy': the receiver as a whole. Anything else: this one event."""
    if 200 <= status < 300:
        return DELIVERED
    if status == GONE:
        return Result("gone")
    error = f"It answered {status}: {excerpt}" if excerpt else f"It answered {status}."
    whole = status >= 500 or status in BUSY
    return Result("rejected", error, is_of_receiver=whole, retry_after=retry_after if whole else None)


def _mail(delivery: Delivery, receiver: Receiver) -> Result:
    """The same Message-ID at every attempt, so that mail systems may drop what came twice."""
    event = delivery.event
    message = EmailMessage(
        subject=" ".join(f"[{event.workspace or 'fleet'}] {title_of(event.kind, event.data)}".split()),
        body=render_to_string("notifications/mail.txt", _facts(event)),
        from_email=settings.DEFAULT_FROM_EMAIL,
        to=[receiver.address],
        headers={"Message-ID": f"<{event.pk}.{receiver.pk}@{settings.NOTIFY_MAIL_DOMAIN}>"},
    )
    try:
        message.send()
    except smtplib.SMTPRecipientsRefused:
        return Result("rejected", "The mail server does not take this address.")
    except (smtplib.SMTPException, OSError) as error:
        return Result("unreached", f"The mail server failed ({type(error).__name__}).", is_of_receiver=True)
    return DELIVERED


def _facts(event: OutboxEvent) -> dict[str, Any]:
    return {
        "event": event,
        "title": title_of(event.kind, event.data),
        "text": text_of(event.kind, event.data),
        "severity": kind_of(event.kind).severity,
        "facts": sorted(event.data.items()),
    }
