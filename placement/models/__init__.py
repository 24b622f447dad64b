"""What placement keeps: meters and samples, profiles of the week, loads of pools, and plans that spread load."""

from placement.models.loads import LoadClass, LoadForecast, PoolLoad
from placement.models.rebalancing import PlannedMove, PlannedPool, RebalancePlan, RebalancingRules
from placement.models.sampling import (
    HOURLY,
    OFTEN,
    FoldMark,
    LateSample,
    Meter,
    Profile,
    Sample,
    SamplingTurn,
)

__all__ = [
    "HOURLY",
    "OFTEN",
    "FoldMark",
    "LateSample",
    "LoadClass",
    "LoadForecast",
    "Meter",
    "PlannedMove",
    "PlannedPool",
    "PoolLoad",
    "Profile",
    "RebalancePlan",
    "RebalancingRules",
    "Sample",
    "SamplingTurn",
]
