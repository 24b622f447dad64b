"""Thin: beat sends these; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from rotation import administrators, due, expiry, signing_secrets, vault_events


@shared_task(ignore_result=True)
def request_due_rotations() -> None:
    """Begin the rotations whose time has come."""
    due.request_due()
    administrators.request_due_servers(due.SCHEDULER)
    signing_secrets.request_due_signing(due.SCHEDULER)


@shared_task(ignore_result=True)
def alert_expiring_credentials() -> None:
    """Tell who must know of credentials that near their end, and have them rotated."""
    expiry.alert_expiring()
    expiry.alert_administrators()
    expiry.alert_own_secret()
    vault_events.forget_old_events()
