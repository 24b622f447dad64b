"""Buttons that hold a receiver's events back, let them go on, and send again what was given up."""

from __future__ import annotations

from controlplane.console.buttons import Button
from notifications.models import Delivery, Receiver
from notifications.receivers import pause, replay, resume

PERMISSION = "notifications.change_receiver"


def _pause(row: Receiver, *, actor: str, reason: str) -> str:
    return "Nothing is sent until it is resumed." if pause(row, actor=actor) else "It was not active."


def _resume(row: Receiver, *, actor: str, reason: str) -> str:
    return "It goes on from where it stopped." if resume(row, actor=actor) else "It was active already."


def _replay(row: Receiver, *, actor: str, reason: str) -> str:
    return f"{replay(row, actor=actor, reason=reason)} events are sent again, under their old ids."


def _replay_one(row: Delivery, *, actor: str, reason: str) -> str:
    replay(row.receiver, actor=actor, reason=reason, number=row.number)
    return "It is sent again, under its old id."


PAUSE = Button(
    name="pause",
    title="Pause",
    permission=PERMISSION,
    applies=lambda row: row.state == Receiver.State.ACTIVE,
    act=_pause,
    warns="Its events wait until it is resumed; nothing is lost.",
    icon="pause",
)
RESUME = Button(
    name="resume",
    title="Resume",
    permission=PERMISSION,
    applies=lambda row: row.state in (Receiver.State.PAUSED, Receiver.State.GONE),
    act=_resume,
    warns="It is sent what has waited, at once.",
    icon="play_arrow",
)
REPLAY = Button(
    name="replay",
    title="Send dead letters again",
    permission=PERMISSION,
    applies=lambda row: row.deliveries.filter(state=Delivery.State.DEAD).exists(),
    act=_replay,
    warns="All that was given up is tried again, oldest first, under the same ids.",
    icon="replay",
)
REPLAY_ONE = Button(
    name="replay",
    title="Send again",
    permission=PERMISSION,
    applies=lambda row: row.state == Delivery.State.DEAD,
    act=_replay_one,
    warns="It is tried again, under the same id.",
    icon="replay",
)
