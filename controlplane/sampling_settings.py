"""How often Azure Monitor is asked, and for how long answers are kept: part of the settings."""

from __future__ import annotations

from controlplane.env import env_float, env_int

SAMPLING_LAG_SECONDS = env_float("SAMPLING_LAG_SECONDS", 180.0)  # Azure Monitor has measured what is so long over
SAMPLING_HOT_PERCENT = env_float(
    "SAMPLING_HOT_PERCENT", 70.0
)  # of a pool's nearest limit: its databases every 5 minutes
SAMPLING_CALM_PERCENT = env_float("SAMPLING_CALM_PERCENT", 50.0)  # below it for an hour: once an hour again
SAMPLES_KEPT_DAYS = env_int("SAMPLES_KEPT_DAYS", 15, minimum=9)  # more than a week is caught up
