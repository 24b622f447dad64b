"""The regions of this cloud."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Region:
    name: str
    display_name: str
    paired: str


def _load() -> dict[str, Region]:
    document = json.loads((Path(__file__).parent / "data" / "locations.json").read_text())
    return {row["name"]: Region(row["name"], row["displayName"], row["paired"]) for row in document["locations"]}


REGIONS = _load()


def normalised(location: str) -> str:
    """ "West Europe" and "westeurope" are one region."""
    return location.replace(" ", "").lower()
