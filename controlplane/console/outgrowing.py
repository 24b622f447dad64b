"""What will be full within days, on the first page."""

from __future__ import annotations

from collections.abc import Sequence

from django.utils.safestring import SafeString

from controlplane.console.display import BAD, WARNING, label
from controlplane.console.tables import Notice
from provisioning.growth.proposals import URGENT_DAYS
from provisioning.models import GrowthProposal

GIB = 2**30


def outgrowing_banners() -> Sequence[Notice]:
    """One banner while anything is full within days, whatever its owner has decided."""
    rows = GrowthProposal.objects.filter(days_left__lte=URGENT_DAYS).exclude(state__in=GrowthProposal.OVER)
    found = list(rows.order_by("days_left")[:100])
    if not found:
        return []
    first = found[0]
    whose = f"{first.workspace}/{first.service}" if first.service else f"pool {first.name}"
    text = f"First {whose}, in {max(first.days_left, 0):.0f} days at {first.bytes_per_day / GIB:.1f} GiB a day."
    many = "1 database or pool" if len(found) == 1 else f"{len(found)} databases or pools"
    return [Notice(BAD, f"{many} will be full within {URGENT_DAYS} days", text)]


def days_left(row: GrowthProposal) -> SafeString:
    days = max(row.days_left, 0.0)
    return label(f"{days:.0f} days", BAD if days <= URGENT_DAYS else WARNING)
