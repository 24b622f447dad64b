"""Thin: beat sends these; each is harmless if lost or doubled."""

from __future__ import annotations

from celery import shared_task

from placement import load_forecasts, pool_loads
from placement.sampling import collect, partitions, profiles


@shared_task(ignore_result=True)
def sample_usage() -> None:
    """Ask Azure Monitor about the pools and databases that are due."""
    collect.sample()


@shared_task(ignore_result=True)
def fold_profiles() -> None:
    """Fold the hours that are closed into the profiles of the week, make the pools' loads anew, drop the days that are old."""
    profiles.fold_closed_hours()
    pool_loads.refresh_all()
    load_forecasts.keep()
    partitions.drop_old()
