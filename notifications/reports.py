"""What is told about receivers themselves; never to the receiver in question."""

from __future__ import annotations

from django.conf import settings

from notifications.models import Receiver
from notifications.services import tell
from operations.clock import database_now


def tell_failing(receiver: Receiver, *, error: str) -> None:
    since = receiver.failing_since or database_now()
    facts = {"since": since.isoformat(), "error": error, "hours": settings.NOTIFY_GIVE_UP_HOURS}
    _tell("receiver.failing", receiver, facts)


def tell_gone(receiver: Receiver) -> None:
    _tell("receiver.gone", receiver, {})


def tell_dead_letters(receiver: Receiver, *, count: int) -> None:
    _tell("receiver.dead_letters", receiver, {"count": count})


def _tell(kind: str, receiver: Receiver, facts: dict[str, object]) -> None:
    place = receiver.workspace.name if receiver.workspace else ""
    tell(kind, target=receiver.key, workspace=place, facts={"address": receiver.address, **facts})
