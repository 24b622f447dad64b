"""Plans: the answer to a PUT, DELETE or restore with `dryRun=true`."""

from __future__ import annotations

from typing import Any

from rest_framework import serializers

from controlplane.api.shapes import Shape
from inventory.selectors import Viewer
from provisioning.plans import Plan


class DryRunQuery(Shape):
    """`dryRun=true` answers with the plan and changes nothing."""

    dryRun = serializers.ChoiceField(["true", "false"], required=False, default="false")


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


class PlanProperties(serializers.Serializer[Any]):
    action = serializers.ChoiceField(["none", "wait", "create", "delete", "restore", "refuse"])
    operations = PlannedOperationDocument(many=True)
    placement = PlacementDocument(allow_null=True)
    expectedSeconds = serializers.FloatField()
    refusals = PlanRefusalDocument(many=True)
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
            "refusals": [{"code": reason.code, "message": reason.message} for reason in plan.refusals],
            "planHash": plan.hash,
        },
    }


def _placement(plan: Plan, viewer: Viewer) -> dict[str, Any] | None:
    """Owners learn whether a pool is made, not which pools there are: they share them with others."""
    place = plan.placement
    if place is None:
        return None
    shown = {"where": place.where, "isNew": place.is_new, "reason": place.reason}
    return {**shown, "decision": place.decision} if viewer.sees_everything else shown
