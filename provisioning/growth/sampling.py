"""The size of each database, from the samples or, where there are none, asked of Azure Monitor; one value a day is kept."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import timedelta
from uuid import UUID

import structlog
from django.conf import settings
from django.db.models import Max

from cloud import factory
from cloud.azure_metrics import MOST_RESOURCES, UsedBytes
from cloud.errors import CloudError
from inventory.models import Database
from inventory.states import Status
from placement.sampling.sizes import recent_sizes
from provisioning.models import SizeSample

log = structlog.get_logger(__name__)

KEPT_AT_ONCE = 5000
SERVED = (Status.READY, Status.UPDATING)
"""What is being changed fills up all the same."""


def sample_sizes() -> int:
    """Keep the day's largest size of every ready database. Returns how many were measured."""
    sizes = {key: UsedBytes(one.at, one.size) for key, one in recent_sizes().items()}
    keys = list(sizes)
    parts = [keys[first : first + KEPT_AT_ONCE] for first in range(0, len(keys), KEPT_AT_ONCE)]
    measured = sum(_keep({key: sizes[key] for key in part}) for part in parts)
    for region, rows in _batches(without=sizes.keys()):
        try:
            found = factory.metrics().used_bytes(region, [row.observed_arm_id for row in rows])
        except CloudError as error:
            log.warning("growth.not_measured", region=region, code=error.code)
            continue
        by_arm_id = {row.observed_arm_id.lower(): row.pk for row in rows}
        measured += _keep({by_arm_id[arm_id]: one for arm_id, one in found.items()})
    forget_old_samples()
    return measured


def forget_old_samples() -> int:
    """Drop what is older than GROWTH_KEPT_DAYS before the newest day."""
    newest = SizeSample.objects.aggregate(day=Max("day"))["day"]
    if newest is None:
        return 0
    deleted, _ = SizeSample.objects.filter(day__lt=newest - timedelta(days=settings.GROWTH_KEPT_DAYS)).delete()
    return deleted


def _batches(without: Collection[UUID]) -> Iterator[tuple[str, list[Database]]]:
    """Ready databases of one subscription and region, as many as one call takes."""
    ready = Database.objects.filter(status__in=SERVED, server__isnull=False).exclude(observed_arm_id="")
    places = ready.order_by("server__subscription_id", "region_id").values_list("server__subscription_id", "region_id")
    for subscription_id, region in list(places.distinct()):
        there = ready.filter(server__subscription_id=subscription_id, region_id=region).order_by("pk")
        rows = [row for row in there if row.pk not in without]
        for first in range(0, len(rows), MOST_RESOURCES):
            yield region, rows[first : first + MOST_RESOURCES]


def _keep(found: Mapping[UUID, UsedBytes]) -> int:
    """The larger of what is found and what the day has already, of databases that are ready."""
    ready = set(Database.objects.filter(pk__in=found, status__in=SERVED).values_list("pk", flat=True))
    samples = [
        SizeSample(database_id=key, day=one.at.date(), used_bytes=one.size)
        for key, one in found.items()
        if key in ready
    ]
    kept = SizeSample.objects.filter(database__in=ready, day__in={sample.day for sample in samples})
    known = {(one.database_id, one.day): one.used_bytes for one in kept}
    for sample in samples:
        sample.used_bytes = max(sample.used_bytes, known.get((sample.database_id, sample.day), 0))
    SizeSample.objects.bulk_create(
        samples, update_conflicts=True, unique_fields=["database", "day"], update_fields=["used_bytes"]
    )
    return len(samples)
