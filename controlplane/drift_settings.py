"""How Azure is kept as we want it, growth watched, and databases kept ready: part of the settings."""

from __future__ import annotations

from controlplane.env import env_float, env_int

# Comparison of all that we own with Azure: five calls a server, and two for each database whose protection is examined.
DRIFT_SECONDS = env_float("DRIFT_SECONDS", 900.0)  # between two comparisons of a server
DRIFT_CONFIRM_SECONDS = env_float("DRIFT_CONFIRM_SECONDS", 90.0)  # until the second look at what was found
DRIFT_SETTLE_SECONDS = env_float("DRIFT_SETTLE_SECONDS", 60.0)  # Azure's listings may lag so long behind our operations
DRIFT_PROTECTIONS = env_int(
    "DRIFT_PROTECTIONS", 10, minimum=1
)  # databases a look whose retention and encryption are read
DRIFT_REPAIRS_AT_ONCE = env_int("DRIFT_REPAIRS_AT_ONCE", 5, minimum=0)  # 0: findings only
DRIFT_REPAIR_ATTEMPTS = env_int("DRIFT_REPAIR_ATTEMPTS", 3, minimum=1)  # then only a human's word repairs it
DRIFT_STOP_SHARE = env_float("DRIFT_STOP_SHARE", 0.1)  # of the fleet that differs: more, and repairs stop
DRIFT_STOP_LEAST = env_int("DRIFT_STOP_LEAST", 5, minimum=0)  # resources that may always differ
# Growth: the size of each database, one value a day; from these, when it will be full.
GROWTH_KEPT_DAYS = env_int("GROWTH_KEPT_DAYS", 400, minimum=30)  # of samples
GROWTH_AHEAD_DAYS = env_float("GROWTH_AHEAD_DAYS", 42.0)  # its owner is told so long before
GROWTH_LASTS_DAYS = env_float("GROWTH_LASTS_DAYS", 365.0)  # so long the proposed size is to last
# Databases that are kept ready before anybody asks.
WARM_PROOF_SECONDS = env_float("WARM_PROOF_SECONDS", 600.0)  # so long a seen sign-in is believed at a claim
WARM_DAYS = env_float("WARM_DAYS", 14.0)  # older ones are replaced
WARM_MADE_AT_ONCE = env_int("WARM_MADE_AT_ONCE", 20, minimum=0)  # of all stocks; 0: none is made
