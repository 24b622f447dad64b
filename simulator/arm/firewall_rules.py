"""Firewall rules of a server: written and gone at once."""

from __future__ import annotations

from ipaddress import AddressValueError, IPv4Address
from typing import Any

from simulator.arm.answers import page
from simulator.arm.call import Call, properties_of
from simulator.arm.errors import invalid, not_found
from simulator.arm.names import check_child_name
from simulator.arm.resources import Resource
from simulator.arm.routing import SERVER, route
from simulator.http import Response, answer

TYPE = "Microsoft.Sql/servers/firewallRules"
LONGEST_NAME = 128
RULE = SERVER + "/firewallRules/{rule}"


@route("PUT", RULE)
def put_rule(call: Call) -> Response:
    """201 for a new rule, 200 for a changed one."""
    server, name = call.server(), call.names["rule"]
    if len(name) > LONGEST_NAME:
        message = f"The firewall rule name cannot be longer than {LONGEST_NAME} characters."
        raise invalid("FirewallRuleNameTooLong", message)
    check_child_name(name)
    properties = properties_of(call.body())
    first, last = _address(properties, "startIpAddress"), _address(properties, "endIpAddress")
    if first > last:
        raise invalid("FirewallRuleInvalidRange", f"The specified firewall rule range {first} to {last} is invalid.")
    id_ = f"{server.id}/firewallRules/{name}"
    shown = {"startIpAddress": str(first), "endIpAddress": str(last)}
    is_new = call.arm.resources.get(id_) is None
    rule = Resource(id_, "firewallRules", (server.key,), {"properties": shown, "id": id_, "name": name, "type": TYPE})
    call.arm.resources.put(rule)
    call.record("UpsertFirewallRule", rule.id)
    return answer(201 if is_new else 200, rule.body)


def _address(properties: dict[str, Any], name: str) -> IPv4Address:
    try:
        return IPv4Address(properties.get(name) or "")
    except AddressValueError as error:
        message = f"The server firewall rule resource parameter '{name}' is not an IPv4 address."
        raise invalid("InvalidServerFirewallRuleResourceParameters", message) from error


@route("GET", RULE)
def get_rule(call: Call) -> Response:
    call.server()
    rule = call.arm.resources.seen(call.id(RULE))
    if rule is None:
        raise not_found(TYPE, call.names["rule"])
    return answer(200, rule.body)


@route("GET", SERVER + "/firewallRules")
def list_rules(call: Call) -> Response:
    return page(call, call.arm.resources.seen_children(call.server().key, "firewallRules"))


@route("DELETE", RULE)
def delete_rule(call: Call) -> Response:
    """200, or 204 when there is none; both without a body."""
    call.server()
    rule = call.arm.resources.get(call.id(RULE))
    if rule is None:
        return Response(204)
    call.arm.resources.delete(rule.key)
    call.record("DropFirewallRule", rule.id)
    return Response(200)
