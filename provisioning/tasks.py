"""Thin: beat sends these; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from provisioning import forgetting, observe, returns


@shared_task(ignore_result=True)
def observe_servers() -> None:
    """Look at every server whose time has come."""
    observe.observe_due()


@shared_task(ignore_result=True)
def forget_deleted() -> None:
    """Forget the secrets of services whose grace time is over."""
    forgetting.request_due()


@shared_task(ignore_result=True)
def alert_ending_returns() -> None:
    """Tell owners whose way back from Hyperscale ends soon."""
    returns.alert_ending()
