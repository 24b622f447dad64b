"""How full pools may become, and how sure that is to be enough: part of the settings."""

from __future__ import annotations

from controlplane.env import env_float

PLACEMENT_HEADROOM_STORAGE = env_float("PLACEMENT_HEADROOM_STORAGE", 0.10)  # share of a pool kept free of placement
PLACEMENT_HEADROOM_VCORES = env_float("PLACEMENT_HEADROOM_VCORES", 0.20)
PLACEMENT_OVERCOMMIT = env_float("PLACEMENT_OVERCOMMIT", 2.0, minimum=1.0)  # times a pool's vCores, where less is used
PLACEMENT_RISK_SIGMAS = env_float("PLACEMENT_RISK_SIGMAS", 2.0)  # above the mean: what a pool is expected to need
PLACEMENT_WORKSPACE_CORRELATION = env_float("PLACEMENT_WORKSPACE_CORRELATION", 0.5)  # of databases of one workspace
