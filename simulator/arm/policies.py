"""Policies that deny: rules told by `/_sim/policies`, held against what a write would make of a resource."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import orjson

from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.arm.resources import Body
from simulator.store import Document, Store

KIND = "policies"
CONDITIONS = ("exists", "equals", "notEquals", "in", "notIn")
ASSIGNMENTS = "/providers/Microsoft.Authorization/policyAssignments"
DEFINITIONS = "/providers/Microsoft.Authorization/policyDefinitions"


class BadPolicy(ValueError):
    """The rule's document cannot be understood; the text says why."""


def policy_of(document: Mapping[str, Any]) -> Document:
    """A rule from its JSON: `name`, `type` (of resources), `field` and one condition, perhaps `scope`."""
    if not isinstance(document, Mapping):
        raise BadPolicy("A rule is an object.")
    allowed = {"name", "display_name", "type", "field", "scope", *CONDITIONS}
    if unknown := set(document) - allowed:
        raise BadPolicy(f"Unknown fields: {sorted(unknown)}. Known: {sorted(allowed)}.")
    if missing := {"name", "type", "field"} - set(document):
        raise BadPolicy(f"Missing fields: {sorted(missing)}.")
    if sum(word in document for word in CONDITIONS) != 1:
        raise BadPolicy(f"Exactly one of {', '.join(CONDITIONS)} is needed.")
    if not all(isinstance(document.get(name, ""), str) for name in ("name", "display_name", "type", "field", "scope")):
        raise BadPolicy("name, display_name, type, field and scope are texts.")
    return dict(document)


def check_policies(call: Call) -> None:
    """403 with Azure's account of the violation where a rule's condition is true of what the request asks for."""
    store: Store = call.arm.store
    rules = store.table(KIND)
    if not rules or call.request.method not in ("PUT", "PATCH"):
        return
    type_ = resource_type(call.request.path)
    for rule in rules.values():
        scope = str(rule.get("scope") or "").lower()
        if rule["type"].lower() == type_.lower() and call.request.path.lower().startswith(scope):
            _check(call, rule)


def resource_type(path: str) -> str:
    """The type that a path names, e.g. Microsoft.Sql/servers/databases."""
    if "/providers/" not in path.lower():
        return "Microsoft.Resources/subscriptions/resourceGroups"
    after = re.split("(?i)/providers/", path)[-1].split("/")
    return "/".join([after[0], *after[1::2]])


def _check(call: Call, rule: Document) -> None:
    value = _value(_wished(call), rule["field"])
    word = next(word for word in CONDITIONS if word in rule)
    if _is_true(word, rule[word], value):
        raise _denied(call, rule, word, value)


def _wished(call: Call) -> Body:
    """The resource as it would be: the request over what is there."""
    try:
        asked = orjson.loads(call.request.body or b"{}")
    except orjson.JSONDecodeError:
        return {}  # the handler refuses it
    if not isinstance(asked, dict) or not isinstance(asked.get("properties") or {}, dict):
        return {}
    before = call.arm.resources.get(call.request.path)
    if before is None:
        return asked
    properties = {**before.properties, **(asked.get("properties") or {})}
    return {**before.body, **asked, "properties": properties}


def _value(document: Any, field: str) -> Any:
    for name in field.split("."):
        if not isinstance(document, dict):
            return None
        document = next((value for key, value in document.items() if key.lower() == name.lower()), None)
    return document


def _is_true(word: str, wanted: Any, value: Any) -> bool:
    text = str(value).replace(" ", "").lower()
    if word == "exists":
        return (value is not None) == bool(wanted)
    options = [str(one).replace(" ", "").lower() for one in (wanted if isinstance(wanted, list) else [wanted])]
    return (text in options) == (word in ("equals", "in"))


def _denied(call: Call, rule: Document, word: str, value: Any) -> ArmError:
    """Azure's 403, which names the assignment and the value that it refused."""
    name, shown = rule["name"], rule.get("display_name") or rule["name"]
    target = call.request.path.rsplit("/", 1)[1]
    scope = "/".join(call.request.path.split("/")[:3])
    assignment, definition = f"{scope}{ASSIGNMENTS}/{name}", f"{scope}{DEFINITIONS}/{name}"
    identifiers = [
        {
            "policyAssignment": {"name": shown, "id": assignment},
            "policyDefinition": {"name": shown, "id": definition, "version": "1.0.0"},
        }
    ]
    message = (
        f"Resource '{target}' was disallowed by policy. Policy identifiers: '{orjson.dumps(identifiers).decode()}'."
    )
    info = {
        "evaluationDetails": {"evaluatedExpressions": [_evaluated(rule, word, value)]},
        "policyDefinitionId": definition,
        "policyDefinitionName": name,
        "policyDefinitionDisplayName": shown,
        "policyDefinitionVersion": "1.0.0",
        "policyDefinitionEffect": "deny",
        "policyAssignmentId": assignment,
        "policyAssignmentName": name,
        "policyAssignmentDisplayName": shown,
        "policyAssignmentScope": scope,
        "policyAssignmentParameters": {},
        "policyExemptionIds": [],
    }
    more = {"target": target, "additionalInfo": [{"type": "PolicyViolation", "info": info}]}
    return ArmError(403, "RequestDisallowedByPolicy", message, gateway=True, more=more)


def _evaluated(rule: Document, word: str, value: Any) -> Document:
    """The condition that was true, with what it compared."""
    return {
        "result": "True",
        "expressionKind": "Field",
        "expression": rule["field"],
        "path": rule["field"],
        "expressionValue": value,
        "targetValue": str(rule[word]).lower() if isinstance(rule[word], bool) else rule[word],
        "operator": word[:1].upper() + word[1:],
    }
