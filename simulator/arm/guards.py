"""What stands before every write, whatever its kind: registration, policies, management locks."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.arm.locks import check_locks
from simulator.arm.policies import check_policies
from simulator.arm.providers import check_registration
from simulator.arm.routing import GROUP


def _check_group_stays(call: Call) -> None:
    """409 for a change of what is in a group that is being deleted."""
    group = call.arm.resources.get(call.id(GROUP)) if "group" in call.names else None
    if group is None or group.properties.get("provisioningState") != "Deleting" or call.request.method == "DELETE":
        return
    message = f"The resource group '{group.name}' is in deprovisioning state and cannot perform this operation."
    raise ArmError(409, "ResourceGroupBeingDeleted", message, gateway=True)


def check_write(call: Call) -> None:
    """409 ResourceGroupBeingDeleted or MissingSubscriptionRegistration, 403 RequestDisallowedByPolicy or 409 ScopeLocked."""
    if call.request.method in ("GET", "HEAD") or "subscription" not in call.names:
        return
    _check_group_stays(call)
    check_registration(call)
    check_policies(call)
    check_locks(call)
