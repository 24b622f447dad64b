"""/workspaces/{w}/services/{s}/encryption, and :enable-cmk, :change-cmk-key, :disable-cmk: under whose key its database is."""

from __future__ import annotations

from collections.abc import Callable
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
from controlplane.api.shapes import Flag, Text
from controlplane.api.view import ApiView, TaggedView
from inventory.models import Database, WorkspaceIdentity
from inventory.states import Status
from operations.models import Operation
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Plan
from provisioning.keys.plans import disable, enable, plan_key, plan_own_key
from provisioning.keys.using import needed_keys
from provisioning.keys.watching import cut_off_at
from provisioning.keys.wish import KeyWish
from provisioning.models import KeyWatch

LONGEST_URI = 500


class KeyBody(ConsentBody):
    """The key, by the URI of one version in a vault of the customer's."""

    keyUri = Text(max_length=LONGEST_URI, help_text="https://VAULT.vault.azure.net/keys/NAME/VERSION")
    followNewVersions = Flag(
        required=False, default=False, help_text="Azure goes over to new versions of the key within 24 hours."
    )


class KeyIdentityDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    principalId = serializers.CharField(allow_null=True, help_text="What the customer grants rights on the key to.")
    clientId = serializers.CharField(allow_null=True)


class WatchDocument(serializers.Serializer[Any]):
    state = serializers.ChoiceField(KeyWatch.State.values, help_text="unsure: what we can see does not tell.")
    posture = serializers.ChoiceField(
        KeyWatch.Posture.values,
        help_text="How we look: as the identity, with our own rights, or at the database alone.",
    )
    reason = serializers.CharField(allow_null=True)
    lookedAt = serializers.DateTimeField(allow_null=True)
    lostAt = serializers.DateTimeField(allow_null=True)
    cutOffAt = serializers.DateTimeField(
        allow_null=True, help_text="When Azure cuts the database off, unless it is back."
    )
    expiresAt = serializers.DateTimeField(allow_null=True)


class NeededKeyDocument(serializers.Serializer[Any]):
    keyUri = serializers.CharField()
    until = serializers.DateTimeField(allow_null=True, help_text="Null: it is the present one.")


class EncryptionState(serializers.Serializer[Any]):
    keyUri = serializers.CharField(allow_null=True, help_text="As wished; null: the service's own key protects it.")
    observedKeyUri = serializers.CharField(allow_null=True, help_text="As Azure showed last.")
    followNewVersions = serializers.BooleanField()
    identity = KeyIdentityDocument(allow_null=True, help_text="Of the workspace; null until the first wish for a key.")
    watch = WatchDocument(allow_null=True)
    keysToKeep = NeededKeyDocument(many=True, help_text="What must stay in its vault, and until when.")


class EncryptionDocument(serializers.Serializer[Any]):
    type = serializers.ChoiceField(["workspaces/services/encryption"])
    properties = EncryptionState()


class ServiceEncryptionView(TaggedView):
    """Under whose key a service's database is."""

    @documented("services_encryption", answers={200: EncryptionDocument, 304: None}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        row = service_of(self, workspace, service)
        database = Database.objects.filter(service=row).exclude(status=Status.DELETED).first()
        if database is None:
            raise not_found("Service")
        identity = WorkspaceIdentity.objects.filter(workspace=row.workspace_id).first()
        watch = KeyWatch.objects.filter(database=database).first()
        return Response({"type": "workspaces/services/encryption", "properties": _state(database, identity, watch)})


class _KeyView(ApiView):
    """What the three changes have in common."""

    queries: ClassVar = {"POST": DryRunQuery}

    def answer(self, request: Request, plan: Callable[[], Plan], begin: Callable[[Consent], Operation]) -> Response:
        try:
            if self.query()["dryRun"] == "true":
                return Response(plan_document(plan(), self.viewer()))
            operation = begin(consent_in(self.body()))
        except Database.DoesNotExist as error:
            raise not_found("Service") from error
        location = request.build_absolute_uri(service_path(self.kwargs["workspace"], self.kwargs["service"]))
        return accepted(request, operation, operation_document(operation, self.viewer()), location=location)

    def under_key(self, request: Request, *, changes: bool) -> Response:
        row, asked = service_of(self, self.kwargs["workspace"], self.kwargs["service"]), self.body()
        wish, actor = KeyWish(asked["keyUri"], asked["followNewVersions"]), self.actor()
        return self.answer(
            request,
            lambda: plan_key(row, wish, changes=changes, actor=actor),
            lambda consent: enable(row, wish, changes=changes, actor=actor, consent=consent),
        )


class ServiceEnableKeyView(_KeyView):
    """Puts a service's database under its customer's key."""

    bodies: ClassVar = {"POST": KeyBody}

    @documented(
        "services_enable_cmk",
        answers={200: PlanDocument, 202: OperationDocument},
        body=KeyBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Nobody who is connected notices. The plan says what the customer has to grant."""
        return self.under_key(request, changes=False)


class ServiceChangeKeyView(_KeyView):
    """Puts it under another key, or another version."""

    bodies: ClassVar = {"POST": KeyBody}

    @documented(
        "services_change_cmk_key",
        answers={200: PlanDocument, 202: OperationDocument},
        body=KeyBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Nobody who is connected notices. Backups still need the key before."""
        return self.under_key(request, changes=True)


class ServiceDisableKeyView(_KeyView):
    """Puts it back under the service's own key."""

    bodies: ClassVar = {"POST": ConsentBody}

    @documented(
        "services_disable_cmk",
        answers={200: PlanDocument, 202: OperationDocument},
        body=ConsentBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Nobody who is connected notices. Backups still need the customer's key."""
        row, actor = service_of(self, workspace, service), self.actor()
        return self.answer(
            request,
            lambda: plan_own_key(row, actor=actor),
            lambda consent: disable(row, actor=actor, consent=consent),
        )


def _state(database: Database, identity: WorkspaceIdentity | None, watch: KeyWatch | None) -> dict[str, Any]:
    return {
        "keyUri": database.key_uri or None,
        "observedKeyUri": database.observed_key_uri or None,
        "followNewVersions": database.key_follows,
        "identity": _identity(identity) if identity else None,
        "watch": _watch(watch) if watch else None,
        "keysToKeep": [{"keyUri": one.uri, "until": one.until} for one in needed_keys(database)],
    }


def _identity(identity: WorkspaceIdentity) -> dict[str, Any]:
    ids = {"principalId": identity.principal_id or None, "clientId": identity.client_id or None}
    return {"name": identity.azure_name, **ids}


def _watch(watch: KeyWatch) -> dict[str, Any]:
    return {
        "state": watch.state,
        "posture": watch.posture,
        "reason": watch.trouble or None,
        "lookedAt": watch.looked_at,
        "lostAt": watch.lost_at,
        "cutOffAt": cut_off_at(watch),
        "expiresAt": watch.expires_at,
    }
