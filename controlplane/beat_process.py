"""How beat ends. It is loaded before Django is set up, so that it knows nothing of the schedule."""

from __future__ import annotations

from types import FrameType
from typing import Any

from celery import platforms
from celery.apps import beat


class Beat(beat.Beat):
    """The process. Told to end, it finishes the tick at hand, saves what was sent and lets another lead."""

    def install_sync_handler(self, service: Any) -> None:
        """Only take note of the signal.

        Celery's own handler saves the schedule from within it: when the signal comes in the middle of a statement, that
        waits for the connection which the interrupted statement holds, for ever.
        """

        def note(number: int, frame: FrameType | None) -> None:
            service._is_shutdown.set()  # not stop(), which logs: a handler must not

        platforms.signals.update(SIGTERM=note, SIGINT=note)
