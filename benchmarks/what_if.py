"""Suppositions about a fleet made up for it, and how long their answers take.

Run `make bench-what-if`. A region of so many pools with fifty measured databases each, and a second one that is empty. Asked
are three hundred arrivals, the region gone, prices a tenth higher, most of every pool kept free; or what the arguments say,
in the words of `manage.py what_if`. Answers first, one JSON line last.
"""

from __future__ import annotations

import argparse
import sys
from io import StringIO
from time import perf_counter

from benchmarks.harness import Spent, database, report

REGION, OTHER = "westus3", "eastus"
QUESTIONS = {
    "arrivals": ["--arrive", f"300x200GB:fhir@{REGION}"],
    "region gone": ["--lose", f"{REGION}:{OTHER}"],
    "prices": ["--prices", "10"],
    "headroom": ["--headroom-vcores", "85"],
}


def main() -> None:
    """Print answers, then seconds."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pools", type=int, default=60, help="in the region")
    arguments, question = parser.parse_known_args()
    print(f"A fleet made up for this: {arguments.pools} pools in {REGION}, none in {OTHER}.", file=sys.stderr)
    with database():
        figures = _asked({"asked": question} if question else QUESTIONS, pools=arguments.pools)
    report("what_if", pools=arguments.pools, seconds=figures)


def _asked(questions: dict[str, list[str]], *, pools: int) -> dict[str, dict[str, float]]:
    """Seconds of CPU and of the clock, by question."""
    from benchmarks.sampled_fleet import a_measured_fleet
    from inventory.models import Region
    from placement import pool_loads

    a_measured_fleet(pools=pools, region_name=REGION)
    Region.objects.get_or_create(name=OTHER, defaults={"display_name": OTHER, "geography": "United States"})
    pool_loads.refresh_all()
    return {name: _answered(name, words) for name, words in questions.items()}


def _answered(name: str, words: list[str]) -> dict[str, float]:
    from django.core.management import call_command

    out, spent, began = StringIO(), Spent(), perf_counter()
    with spent.counted():
        call_command("what_if", *words, stdout=out)
    table = out.getvalue().splitlines()[:-1]
    print(f"\n{name}: what_if {' '.join(words)}", *table, sep="\n")
    return {"cpu": round(spent.total / 1e6, 2), "clock": round(perf_counter() - began, 2)}


if __name__ == "__main__":
    main()
