"""What azure-mgmt-sql may ask of Microsoft.Sql and the simulator does not serve, read from the SDK's own addresses."""

from __future__ import annotations

import re
from pathlib import Path

from azure.mgmt.sql import operations

from simulator.arm.routing import routes

PROVIDER = "/providers/Microsoft.Sql/"
OTHER_PRODUCTS = ("managedInstances", "instancePools", "virtualClusters")
ADDRESS = re.compile(r'"(/subscriptions/[^"\n]*)"')
NAME = re.compile(r"\{[^}]*\}")


def unserved() -> tuple[str, ...]:
    """Types and actions none of whose addresses is served, e.g. servers/dnsAliases; not those below one of them."""
    served = {_flat(one.template) for one in routes()}
    kinds: dict[str, bool] = {}
    for address in _addresses():
        kind = re.sub(r"/\{[^}]*\}", "", address.split(PROVIDER, 1)[1])
        kinds[kind] = kinds.get(kind, False) or _flat(address) in served
    absent = {kind for kind, is_served in kinds.items() if not is_served and not kind.startswith(OTHER_PRODUCTS)}
    return tuple(sorted(kind for kind in absent if not any(kind.startswith(f"{one}/") for one in absent)))


def _addresses() -> set[str]:
    source = (Path(operations.__file__).parent / "_operations.py").read_text()
    return {address for address in ADDRESS.findall(source) if PROVIDER in address}


def _flat(address: str) -> str:
    return NAME.sub("{}", address).lower().rstrip("/")
