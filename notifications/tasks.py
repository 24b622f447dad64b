"""Thin: beat sends these, and whoever wrote an event; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from notifications import delivery, dispatch, keeping


@shared_task(ignore_result=True)
def deliver_due(receiver_id: str = "") -> None:
    """Hand out what stands in the outbox, then serve receivers. The id is for whoever reads the broker."""
    if not receiver_id:
        dispatch.dispatch()
    delivery.deliver_due()


@shared_task(ignore_result=True)
def forget_old_notices() -> None:
    """Remove what has been told long ago."""
    keeping.forget_old()
