"""What would be if: databases that arrive, a region that is gone, other prices, another headroom. Nothing is touched."""

from __future__ import annotations

import json
import re
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from controlplane.api.what_if import region_document
from provisioning.what_if.answer import Answer, RegionAnswer
from provisioning.what_if.answering import answer
from provisioning.what_if.question import Arrivals, Loss, Question, QuestionRefused

GIB = 2**30
UNITS = {"GB": GIB, "TB": 1024 * GIB}
ROW = "{:24} {:>14} {:>14}"


class Command(BaseCommand):
    """Prints the fleet now and then, region by region: pools, risk, moves, cost; the last line is JSON."""

    help = __doc__

    def add_arguments(self, parser: CommandParser) -> None:
        parser.add_argument(
            "--arrive",
            metavar="COUNTxSIZE:KIND@REGION",
            type=arrivals_in,
            action="append",
            default=[],
            help="e.g. 300x200GB:fhir@westus3; may be repeated",
        )
        parser.add_argument("--lose", metavar="REGION:TO", type=_loss_in, help="what REGION holds is to be in TO")
        parser.add_argument("--prices", metavar="PERCENT", type=float, default=0.0, help="by how much they rise")
        parser.add_argument("--headroom-vcores", metavar="PERCENT", type=_share, help="of each pool, kept free")
        parser.add_argument("--headroom-storage", metavar="PERCENT", type=_share)

    def handle(self, *args: Any, **options: Any) -> None:
        question = Question(
            arrivals=tuple(options["arrive"]),
            loss=options["lose"],
            price_percent=options["prices"],
            headroom_vcores=options["headroom_vcores"],
            headroom_storage=options["headroom_storage"],
        )
        try:
            found = answer(question)
        except QuestionRefused as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stdout.write(told(found))


def told(found: Answer) -> str:
    """The answer for people, then the same as one line of JSON."""
    tables = [line for one in found.regions for line in _lines(one)]
    document = json.dumps({"what_if": [region_document(one) for one in found.regions]})
    return "\n".join([*(tables or ["There are no pools."]), document])


def arrivals_in(text: str) -> Arrivals:
    """Raises ArgumentTypeError for what is not like 300x200GB:fhir@westus3, with /zone at its end for zone redundancy."""
    found = re.fullmatch(r"(\d{1,6})x(\d{1,6})(GB|TB):([a-z]{1,20})@([a-z0-9]{1,40})(/zone)?", text)
    if not found:
        raise ArgumentTypeError(f"{text} is not like 300x200GB:fhir@westus3")
    count, size, unit, kind, region, zone = found.groups()
    return Arrivals(region, kind, int(size) * UNITS[unit], int(count), zone_redundant=bool(zone))


def _loss_in(text: str) -> Loss:
    lost, _, to = text.partition(":")
    if not (lost and to):
        raise ArgumentTypeError(f"{text} is not like westus3:eastus")
    return Loss(lost, to)


def _share(text: str) -> float:
    if not re.fullmatch(r"\d{1,2}", text):
        raise ArgumentTypeError(f"{text} is no whole percentage below 100")
    return int(text) / 100


def _lines(one: RegionAnswer) -> list[str]:
    now, then, moves, cost = one.now, one.then, one.moves, one.cost
    return [
        ROW.format(one.region, "now", "then"),
        ROW.format("  databases", now.databases, then.databases),
        ROW.format("  pools", now.pools, then.pools),
        ROW.format("  vCores", f"{now.vcores:,.0f}", f"{then.vcores:,.0f}"),
        ROW.format("  pools above level", now.pools_above, then.pools_above),
        ROW.format("  hours above, a week", f"{now.hours_above:,.1f}", f"{then.hours_above:,.1f}"),
        ROW.format(f"  {cost.currency} a month", _money(cost.before), _money(cost.after)),
        *(f"  to make: {made.count} × {made.shape.sku_name} of {made.shape.vcores} vCores" for made in one.new_pools),
        *(f"  no place for {group.count}: {group.reason}" for group in one.unplaced),
        f"  to move then: {moves.count}, {moves.copied_gb:,.0f} GB; above levels {moves.overage_before:.2f} → "
        f"{moves.overage_after:.2f} vCores (proven bound {moves.bound:.2f})",
    ]


def _money(amount: float | None) -> str:
    return "unknown" if amount is None else f"{amount:,.0f}"
