"""Plans: the answer to a PUT, DELETE or restore with `dryRun=true`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rest_framework import serializers

from controlplane.api.shapes import Flag, Shape, Text
from inventory.selectors import Viewer
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Change, Plan, Reason


class DryRunQuery(Shape):
    """`dryRun=true` answers with the plan and changes nothing."""

    dryRun = serializers.ChoiceField(["true", "false"], required=False, default="false")


class ConsentBody(Shape):
    """What a change that disturbs has to bring along."""

    planHash = Text(required=False, pattern=r"^[0-9a-f]{64}$", help_text="Of the plan that was seen.")
    acceptDisruption = Flag(required=False, default=False, help_text="Whatever the plan says: do it.")


def consent_in(body: Mapping[str, Any]) -> Consent:
    """The consent that a request's body brings."""
    return Consent(body.get("planHash", ""), bool(body.get("acceptDisruption")))


class PlannedOperationDocument(serializers.Serializer[Any]):
    kind = serializers.CharField()
    steps = serializers.ListField(child=serializers.CharField())
    expectedSeconds = serializers.FloatField()


class PlacementDocument(serializers.Serializer[Any]):
    where = serializers.ChoiceField(["pool", "server"])
    isNew = serializers.BooleanField(help_text="It has to be made first.")
    reason = serializers.CharField()
    decision = serializers.JSONField(required=False, help_text="Operators and auditors only.")


class PlanRefusalDocument(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()
    page = serializers.CharField(required=False, help_text="Microsoft's page that says so, where it is Azure's law.")


class DisruptionDocument(serializers.Serializer[Any]):
    connectionsDrop = serializers.IntegerField(help_text="How often; 0: nobody notices.")
    secondsEach = serializers.IntegerField(help_text="At most, each time.")
    databases = serializers.IntegerField(help_text="How many databases lose theirs.")
    when = serializers.CharField(allow_blank=True, help_text="The moment as it looks now; no part of the hash.")
    timing = serializers.CharField(
        allow_blank=True,
        help_text="What decides on it, part of the hash: `atOnce`, `window`, `consent`, or `never`: no window is long enough.",
    )


class CostDocument(serializers.Serializer[Any]):
    currency = serializers.CharField()
    monthlyBefore = serializers.FloatField(allow_null=True, help_text="Of the resources that change; null: unknown.")
    monthlyAfter = serializers.FloatField(allow_null=True)
    note = serializers.CharField(help_text="Date and source of the prices, or what is not known.")


class WayBackDocument(serializers.Serializer[Any]):
    steps = serializers.ListField(child=serializers.CharField())
    days = serializers.IntegerField(allow_null=True, help_text="How long the way back is open; null: for good.")
    note = serializers.CharField()


class ChangeDocument(serializers.Serializer[Any]):
    way = serializers.CharField(help_text="E.g. in_place, move, scale, convert, resize, drain.")
    steps = serializers.ListField(child=serializers.CharField(), help_text="Single lawful changes, in order.")
    disruption = DisruptionDocument()
    cost = CostDocument()
    wayBack = WayBackDocument()
    irreversible = serializers.ListField(child=serializers.CharField())
    notices = serializers.ListField(child=serializers.CharField(), help_text="What its consumers have to do.")


class PlanProperties(serializers.Serializer[Any]):
    action = serializers.ChoiceField(["none", "wait", "create", "delete", "restore", "change", "refuse"])
    operations = PlannedOperationDocument(many=True)
    placement = PlacementDocument(allow_null=True)
    expectedSeconds = serializers.FloatField()
    refusals = PlanRefusalDocument(many=True)
    change = ChangeDocument(allow_null=True, help_text="What a change of something that stands does to its users.")
    planHash = serializers.CharField(help_text="The same for plans that would do the same.")


class PlanDocument(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["plans"])
    properties = PlanProperties()


def plan_document(plan: Plan, viewer: Viewer) -> dict[str, Any]:
    operations = [
        {"kind": one.kind, "steps": list(one.steps), "expectedSeconds": one.expected_seconds} for one in plan.operations
    ]
    return {
        "type": "plans",
        "properties": {
            "action": plan.action,
            "operations": operations,
            "placement": _placement(plan, viewer),
            "expectedSeconds": round(plan.expected_seconds, 1),
            "refusals": [_refusal(reason) for reason in plan.refusals],
            "change": _change(plan.change) if plan.change else None,
            "planHash": plan.hash,
        },
    }


def _refusal(reason: Reason) -> dict[str, str]:
    told = {"code": reason.code, "message": reason.message}
    return {**told, "page": reason.source} if reason.source else told


def _change(change: Change) -> dict[str, Any]:
    drop, cost, back = change.disruption, change.cost, change.way_back
    return {
        "way": change.way,
        "steps": list(change.changes),
        "disruption": {
            "connectionsDrop": drop.drops,
            "secondsEach": drop.seconds_each,
            "databases": drop.databases,
            "when": drop.when,
            "timing": drop.timing,
        },
        "cost": {
            "currency": cost.currency,
            "monthlyBefore": cost.before,
            "monthlyAfter": cost.after,
            "note": cost.note,
        },
        "wayBack": {"steps": list(back.steps), "days": back.days, "note": back.note},
        "irreversible": list(change.irreversible),
        "notices": list(change.notices),
    }


def _placement(plan: Plan, viewer: Viewer) -> dict[str, Any] | None:
    """Owners learn whether a pool is made, not which pools there are: they share them with others."""
    place = plan.placement
    if place is None:
        return None
    shown = {"where": place.where, "isNew": place.is_new, "reason": place.reason}
    return {**shown, "decision": place.decision} if viewer.sees_everything else shown
