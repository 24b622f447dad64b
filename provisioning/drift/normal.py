"""Pure: Azure's words as we write them, so that a difference in spelling is no difference.

Azure reads sizes back under other names than it was asked for: a single database of HS_Gen5_8 as HS_Gen5 with capacity 8, a
pooled one as ElasticPool; a pool may be asked for as GP_Gen5_4 (both spellings stand in the recorded contract examples).
"""

from __future__ import annotations

import re

from cloud.protocols import Sku

TIERS = {"GP": "GeneralPurpose", "BC": "BusinessCritical", "HS": "Hyperscale"}
SIZED = re.compile(r"^(?P<name>(?:GP|BC|HS)(?:_S)?_[A-Za-z]+\d*)_(?P<capacity>\d+)$")
POOLED = "elasticpool"


def sku_of(sku: Sku) -> Sku:
    """The same size with name, tier, family and capacity apart; a pooled database's has none of its own."""
    if sku.name.lower() == POOLED:
        return Sku("ElasticPool", "", None, None)
    name, capacity = sku.name, sku.capacity
    if found := SIZED.match(sku.name):
        name, capacity = found["name"], capacity or int(found["capacity"])
    prefix, _, rest = name.partition("_")
    return Sku(name, sku.tier or TIERS.get(prefix, ""), sku.family or rest or None, capacity)


def same_sku(one: Sku, other: Sku) -> bool:
    first, second = sku_of(one), sku_of(other)
    return (first.name.lower(), first.capacity) == (second.name.lower(), second.capacity)


def size_text(sku: Sku) -> str:
    """One word for people and for comparison, e.g. GP_Gen5_8."""
    known = sku_of(sku)
    return f"{known.name}_{known.capacity}" if known.capacity else known.name


def is_weaker_tls(observed: str | None, floor: str) -> bool:
    """True where older protocol versions get in; Azure writes "None" where it has no floor."""
    try:
        return tuple(map(int, (observed or "").split("."))) < tuple(map(int, floor.split(".")))
    except ValueError:
        return True
