"""What stands before every write, whatever its kind: registration, policies, management locks."""

from __future__ import annotations

from simulator.arm.call import Call
from simulator.arm.locks import check_locks
from simulator.arm.policies import check_policies
from simulator.arm.providers import check_registration


def check_write(call: Call) -> None:
    """409 MissingSubscriptionRegistration, 403 RequestDisallowedByPolicy or 409 ScopeLocked."""
    if call.request.method in ("GET", "HEAD") or "subscription" not in call.names:
        return
    check_registration(call)
    check_policies(call)
    check_locks(call)
