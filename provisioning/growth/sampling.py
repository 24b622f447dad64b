"""The size of each database, asked of Azure Monitor for fifty at a time; one value a day is kept."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

import structlog
from django.conf import settings
from django.db.models import Max

from cloud import factory
from cloud.azure_metrics import MOST_RESOURCES, UsedBytes
from cloud.errors import CloudError
from inventory.models import Database
from inventory.states import Status
from provisioning.models import SizeSample

log = structlog.get_logger(__name__)


def sample_sizes() -> int:
    """Ask for the size of every ready database and keep the day's largest. Returns how many were measured."""
    measured = 0
    for region, rows in _batches():
        try:
            found = factory.metrics().used_bytes(region, [row.observed_arm_id for row in rows])
        except CloudError as error:
            log.warning("growth.not_measured", region=region, code=error.code)
            continue
        measured += _keep(rows, found)
    forget_old_samples()
    return measured


def forget_old_samples() -> int:
    """Drop what is older than GROWTH_KEPT_DAYS before the newest day."""
    newest = SizeSample.objects.aggregate(day=Max("day"))["day"]
    if newest is None:
        return 0
    deleted, _ = SizeSample.objects.filter(day__lt=newest - timedelta(days=settings.GROWTH_KEPT_DAYS)).delete()
    return deleted


def _batches() -> Iterator[tuple[str, list[Database]]]:
    """Ready databases of one subscription and region, as many as one call takes."""
    ready = Database.objects.filter(status=Status.READY, server__isnull=False).exclude(observed_arm_id="")
    places = ready.order_by("server__subscription_id", "region_id").values_list("server__subscription_id", "region_id")
    for subscription_id, region in list(places.distinct()):
        rows = list(ready.filter(server__subscription_id=subscription_id, region_id=region).order_by("pk"))
        for first in range(0, len(rows), MOST_RESOURCES):
            yield region, rows[first : first + MOST_RESOURCES]


def _keep(rows: list[Database], found: Mapping[str, UsedBytes]) -> int:
    samples = [
        SizeSample(database=row, day=one.at.date(), used_bytes=one.size)
        for row in rows
        if (one := found.get(row.observed_arm_id.lower())) is not None
    ]
    days = {sample.day for sample in samples}
    known = {
        (kept.database_id, kept.day): kept.used_bytes
        for kept in SizeSample.objects.filter(database__in=rows, day__in=days)
    }
    for sample in samples:
        sample.used_bytes = max(sample.used_bytes, known.get((sample.database_id, sample.day), 0))
    SizeSample.objects.bulk_create(
        samples, update_conflicts=True, unique_fields=["database", "day"], update_fields=["used_bytes"]
    )
    return len(samples)
