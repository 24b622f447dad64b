"""What vCores and storage cost. Prices are configuration, each region's with their date and source; one that is not there is
unknown, and never zero."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from django.conf import settings

from provisioning.changes.plan import Cost

GIB = 2**30


@dataclass(frozen=True, slots=True)
class Priced:
    """Something that Azure bills: compute, and storage that is allocated or provisioned."""

    tier: str
    vcores: float
    storage_bytes: int
    family: str = "Gen5"
    zone_redundant: bool = False


def monthly_cost(region: str, before: list[Priced], after: list[Priced]) -> Cost:
    """What those resources cost a month, before and after; None where the price of one of them is unknown in the region."""
    book = price_book(settings.PRICES_FILE)
    prices = book["regions"].get(region)
    if prices is None:
        known = ", ".join(sorted(book["regions"]))
        return Cost(book["currency"], None, None, f"No prices of {region} are configured; known are those of {known}.")
    sums = [_sum(prices, book["hours_a_month"], one) for one in (before, after)]
    if None in sums:
        return Cost(book["currency"], None, None, "The price of one of the sizes is not configured.")
    return Cost(book["currency"], sums[0], sums[1], f"Prices noted on {prices['noted_on']}. {prices['source']}")


@cache
def price_book(path: str) -> dict[str, Any]:
    """The price file, read once a process."""
    book: dict[str, Any] = json.loads(Path(path).read_text("utf-8"))
    return book


def _sum(prices: dict[str, Any], hours: float, resources: list[Priced]) -> float | None:
    total = 0.0
    for one in resources:
        zone = "/zone" if one.zone_redundant else ""
        vcore = prices["vcore_hour"].get(f"{one.tier}/{one.family}{zone}")
        gigabyte = prices["storage_gb_month"].get(f"{one.tier}{zone}")
        if vcore is None or gigabyte is None:
            return None
        total += vcore * hours * one.vcores + gigabyte * one.storage_bytes / GIB
    return round(total, 2)
