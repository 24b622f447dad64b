"""What provisioning remembers besides the inventory."""

from provisioning.models.finding import Finding, Pause, Review
from provisioning.models.growth import GrowthProposal, SizeSample
from provisioning.models.keys import KeyUse, KeyWatch
from provisioning.models.pool_size import PoolProposal
from provisioning.models.warm import WarmDatabase, WarmStock

__all__ = [
    "Finding",
    "GrowthProposal",
    "KeyUse",
    "KeyWatch",
    "Pause",
    "PoolProposal",
    "Review",
    "SizeSample",
    "WarmDatabase",
    "WarmStock",
]
