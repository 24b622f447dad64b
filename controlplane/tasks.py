"""Thin: what workers do for their own supervision."""

from __future__ import annotations

from celery import shared_task

from controlplane import call_rates, heartbeats
from operations import counting


@shared_task(ignore_result=True)
def finish_canary(hostname: str, queues: list[str]) -> None:
    """The worker of that name has just finished a task."""
    heartbeats.note_worker(hostname, queues)
    counting.bring_in()


@shared_task(ignore_result=True)
def forget_gone_workers() -> None:
    """Drop heartbeats of workers that were replaced."""
    heartbeats.forget_gone()


@shared_task(ignore_result=True)
def forget_call_rates() -> None:
    """Drop counts of calls whose period is over."""
    call_rates.forget_over()
