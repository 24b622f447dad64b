"""The managed identity of a server: its own (SystemAssigned), given ones (UserAssigned), or both."""

from __future__ import annotations

from typing import Any

from simulator.arm.call import Call
from simulator.arm.errors import invalid
from simulator.arm.resources import Body

TYPES = ("None", "SystemAssigned", "UserAssigned", "SystemAssigned,UserAssigned")


def identity_of(call: Call, asked: Body | None, before: Body | None) -> Body | None:
    """What a server shows after the request; `principalId` of its own identity stays for as long as it has one."""
    if asked is None:
        return before
    type_ = str(asked.get("type") or "None").replace(" ", "")
    if type_ not in TYPES:
        raise invalid(
            "InvalidParameterValue", "Invalid value given for parameter identity. Specify a valid parameter value."
        )
    if type_ == "None":
        return None
    shown: Body = {"type": type_}
    if "SystemAssigned" in type_:
        known = (before or {}).get("principalId")
        shown = {"principalId": known or call.arm.new_id(), "type": type_, "tenantId": call.arm.entra.tenant}
    if "UserAssigned" in type_:
        shown["userAssignedIdentities"] = _given(call, asked.get("userAssignedIdentities"), before)
    return shown


def _given(call: Call, asked: Any, before: Body | None) -> Body:
    names = list(asked) if isinstance(asked, dict) else list((before or {}).get("userAssignedIdentities", ()))
    if not names:
        raise invalid(
            "InvalidNumberOfIdentities", "A user assigned identity is named by no entry of userAssignedIdentities."
        )
    found = {name: call.arm.resources.get(name) for name in names}
    for name, identity in found.items():
        if identity is None or identity.type != "userAssignedIdentities":
            raise invalid("InvalidIdentityId", f"The user assigned identity '{name}' does not exist.")
    return {
        name: {"principalId": one.properties["principalId"], "clientId": one.properties["clientId"]}
        for name, one in found.items()
        if one is not None
    }
