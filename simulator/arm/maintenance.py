"""The maintenance window of a database or pool: Azure SQL's public configurations of its region."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.capability_values import window_names
from simulator.arm.errors import invalid
from simulator.arm.resources import Body
from simulator.arm.routing import SUBSCRIPTION
from simulator.regions import REGIONS

CONFIGURATIONS = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/"
NAME = "maintenanceConfigurationId"


def maintenance_id(call: Call, asked: Body, *, location: str, now: str | None = None) -> str:
    """The window asked for, else the present one, else SQL_Default; 400 for one that is not of this region."""
    given = asked.get(NAME)
    if given is None:
        return now or default_id(call.id(SUBSCRIPTION))
    known = {name.lower(): name for name in ("SQL_Default", *window_names(REGIONS[location]))}
    head, _, name = str(given).rpartition("/")
    if name.lower() not in known or not f"{head}/".lower().endswith(CONFIGURATIONS.lower()):
        message = f"The maintenance configuration '{given}' is malformed or not of the region '{location}'."
        raise invalid("InvalidPublicMaintenanceConfiguration", message)
    return call.id(SUBSCRIPTION) + CONFIGURATIONS + known[name.lower()]


def default_id(subscription_root: str) -> str:
    return subscription_root + CONFIGURATIONS + "SQL_Default"
