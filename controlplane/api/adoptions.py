"""/adoptions: servers, pools and databases that exist already become ours. Only tags change in Azure, and only on demand."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cloud.errors import CloudError
from controlplane.api.openapi import documented
from controlplane.api.plans import DryRunQuery
from controlplane.api.problems import Problem
from controlplane.api.shapes import Guid, Shape, Text
from controlplane.api.view import ApiView
from inventory.models import ServiceInstance
from inventory.models.workspace import NAME_PATTERN
from provisioning.adoption.importing import adopt
from provisioning.adoption.preview import AdoptionWish, Entry, Verdict, preview
from provisioning.adoption.rules import Claim

MOST_CLAIMS = 1000
GROUP = r"^[A-Za-z0-9._()-]{1,90}$"


class AssignmentShape(Shape):
    """Whose an existing database is to be."""

    database = Text(max_length=128, help_text="Its name in Azure.")
    workspace = Text(pattern=NAME_PATTERN)
    service = Text(pattern=NAME_PATTERN)
    kind = serializers.ChoiceField(ServiceInstance.Kind.choices)


class AdoptionShape(Shape):
    """What to look at, whose the databases are to be, and why."""

    subscriptionId = Guid()
    resourceGroup = Text(pattern=GROUP)
    servers = serializers.ListField(child=Text(max_length=63), required=False, default=list, max_length=MOST_CLAIMS)
    assignments = serializers.ListField(child=AssignmentShape(), required=False, default=list, max_length=MOST_CLAIMS)
    tag = serializers.BooleanField(required=False, default=False, help_text="Put our tags on what is imported.")
    reason = Text(max_length=500, pattern=r"[\s\S]*\S[\s\S]*")


class EntryDocument(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["server", "pool", "database"])
    server = serializers.CharField()
    name = serializers.CharField()
    verdict = serializers.ChoiceField([verdict.value for verdict in Verdict])
    code = serializers.CharField(source="refusal.code", default="", help_text="Why it is refused.")
    reason = serializers.CharField(source="refusal.reason", default="")


class AdoptionDocument(serializers.Serializer[Any]):
    imported = serializers.BooleanField(help_text="False: this is a preview.")
    value = EntryDocument(many=True)


class AdoptionsView(ApiView):
    """What exists already, and its import."""

    bodies: ClassVar = {"POST": AdoptionShape}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "adoptions_post",
        answers={200: AdoptionDocument},
        body=AdoptionShape,
        query=DryRunQuery,
        errors=(409,),
        writes=True,
    )
    def post(self, request: Request) -> Response:
        """Import what can be imported. With dryRun=true: say what would be, what not, and why."""
        body, dry = self.body(), self.query()["dryRun"] == "true"
        wish = _wish(body)
        try:
            entries = preview(wish) if dry else self._import(wish, body)
        except CloudError as error:
            headers = {"Retry-After": str(int(error.retry_after or settings.API_RETRY_AFTER_SECONDS))}
            raise Problem(503, "AzureNotRead", f"Azure could not be read: {error.code}.", headers=headers) from error
        return Response(_document(entries, imported=not dry))

    def _import(self, wish: AdoptionWish, body: dict[str, Any]) -> list[Entry]:
        return adopt(wish, actor=self.actor(), reason=body["reason"], tag=body["tag"])


def _wish(body: dict[str, Any]) -> AdoptionWish:
    """Raises Problem 400 for a database that is assigned twice."""
    given = body["assignments"]
    claims = {one["database"].lower(): Claim(one["workspace"], one["service"], one["kind"]) for one in given}
    if len(claims) < len(given):
        raise Problem(400, "InvalidRequestBody", "A database is assigned twice.", target="assignments")
    servers = frozenset(name.lower() for name in body["servers"])
    return AdoptionWish(body["subscriptionId"], body["resourceGroup"], servers, claims)


def _document(entries: list[Entry], *, imported: bool) -> dict[str, Any]:
    return {"imported": imported, "value": EntryDocument(entries, many=True).data}
