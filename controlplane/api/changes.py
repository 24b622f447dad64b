"""/workspaces/{w}/services/{s}:change: a service's database to another tier, place, zone redundancy or backup storage."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.conversions import service_of
from controlplane.api.links import service_path
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import not_found
from controlplane.api.shapes import Flag
from controlplane.api.view import ApiView
from inventory.models import Database
from inventory.transitions import Backup, Home, Tier
from provisioning.changes.ways import Wish, plan_way, request_way


class ChangeBody(ConsentBody):
    """What the database shall be; what is left out stays, as far as it can."""

    tier = serializers.ChoiceField(Database.Tier.values, required=False)
    home = serializers.ChoiceField(
        [Home.POOL.value, Home.SINGLE.value], required=False, help_text="Single: on its own."
    )
    zoneRedundant = Flag(required=False)
    backupRedundancy = serializers.ChoiceField([one.value for one in Backup], required=False)


class ServiceChangeView(ApiView):
    """Makes a service's database what several changes in a row can make of it."""

    bodies: ClassVar = {"POST": ChangeBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "services_change",
        answers={200: PlanDocument, 202: OperationDocument, 204: None},
        body=ChangeBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """By the shortest lawful way, one operation a hop under one parent. Its name, server and credential stay. 204: it is
        so already."""
        row, asked = service_of(self, workspace, service), self.body()
        wish = _wish(asked)
        try:
            if self.query()["dryRun"] == "true":
                return Response(plan_document(plan_way(row, wish, actor=self.actor()), self.viewer()))
            operation = request_way(row, wish, actor=self.actor(), consent=consent_in(asked))
        except Database.DoesNotExist as error:
            raise not_found("Service") from error
        if operation is None:
            return Response(status=204)
        location = request.build_absolute_uri(service_path(workspace, service))
        return accepted(request, operation, operation_document(operation, self.viewer()), location=location)


def _wish(asked: Mapping[str, Any]) -> Wish:
    return Wish(
        tier=Tier(asked["tier"]) if "tier" in asked else None,
        home=Home(asked["home"]) if "home" in asked else None,
        zone_redundant=asked.get("zoneRedundant"),
        backup=Backup(asked["backupRedundancy"]) if "backupRedundancy" in asked else None,
    )
