"""Thin: beat sends these; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from provisioning import forgetting, observe


@shared_task(ignore_result=True)
def observe_servers() -> None:
    """Look at every server whose time has come."""
    observe.observe_due()


@shared_task(ignore_result=True)
def forget_deleted() -> None:
    """Forget the secrets of services whose grace time is over."""
    forgetting.request_due()
