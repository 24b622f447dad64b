"""/workspaces/{w}/services/{s}/credentials: where the credential is kept and who it names; never what it is."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.problems import not_found
from controlplane.api.shapes import Shape, Text
from controlplane.api.view import ApiView, named
from inventory.models import Database, ServiceInstance
from inventory.selectors import services_for
from inventory.states import Status
from rotation.acknowledgement import acknowledge
from rotation.models import Credential
from rotation.names import Purpose, purpose_of
from rotation.services import request_first_credential

SIGN_IN = ["secret", "entra"]
SHOWN = (Credential.Status.ACTIVE, Credential.Status.OVERLAPPING)


def sign_in_by(secret: str | None) -> str:
    """What proves who signs in: what the secret says, or where there is none, a token of Entra."""
    return "secret" if secret else "entra"


class UserDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    state = serializers.ChoiceField(
        ["Active", "Overlapping"], help_text="Overlapping: replaced; works until it is retired."
    )
    promotedAt = serializers.DateTimeField(allow_null=True)
    worksUntil = serializers.DateTimeField(
        allow_null=True,
        help_text="Active: when it will have been replaced. Overlapping: when it is retired at the latest.",
    )
    acknowledgedAt = serializers.DateTimeField(
        allow_null=True, help_text="Active: when the service said that it uses it."
    )
    checkedAt = serializers.DateTimeField(
        allow_null=True, help_text="Of a user of Entra: when it was last seen to work."
    )


class CredentialReferences(serializers.Serializer[Any]):
    signIn = serializers.ChoiceField(
        SIGN_IN,
        help_text="secret: with what it says. entra: by a token of the user's identity; nothing is kept.",
    )
    endpoint = serializers.CharField(help_text="Where to sign in now; a restore or a move changes it.")
    database = serializers.CharField(help_text="Its present name in Azure; a restore changes it.")
    vaultUri = serializers.URLField(allow_null=True)
    secretName = serializers.CharField(allow_null=True, help_text="Read its newest version; the name never changes.")
    secretVersion = serializers.CharField(allow_null=True, help_text="The newest version at this moment.")
    validUntil = serializers.DateTimeField(allow_null=True)
    users = UserDocument(many=True)


class ServiceCredentials(CredentialReferences):
    """The service's own, and beside it that of DICOM Cast."""

    cast = CredentialReferences(allow_null=True, help_text="Null where DICOM Cast has none.")


class CredentialsView(ApiView):
    """References to a service's credential."""

    @documented("credentials_get", answers={200: ServiceCredentials}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        """References only: whoever may read the vault finds the value there."""
        return Response(_of_both(service_named(self, workspace, service)))


class AcknowledgementShape(Shape):
    """Which version the service uses."""

    secretVersion = Text(max_length=64, pattern=r"[A-Za-z0-9-]+", help_text="The version that was read from the vault.")


class AcknowledgementView(ApiView):
    """A service's word that it uses the new version."""

    bodies: ClassVar = {"POST": AcknowledgementShape}

    @documented(
        "credentials_acknowledge",
        answers={200: ServiceCredentials},
        body=AcknowledgementShape,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """All of the service uses this version: the old user is retired once it has no sessions left. Nobody has to say so."""
        found = service_named(self, workspace, service)
        acknowledge(found, self.body()["secretVersion"], actor=self.actor())
        return Response(_of_both(found))


def service_named(view: ApiView, workspace: str, service: str) -> ServiceInstance:
    """The service, where the caller may know of it. Raises Problem 400, 404."""
    place = view.workspace(workspace)
    found = services_for(view.viewer()).filter(workspace=place, name=named(service, "service")).first()
    if found is None:
        raise not_found("Service")
    return found


def _of_both(service: ServiceInstance) -> dict[str, Any]:
    """Raises Problem 404 before the service's own was issued."""
    found = Credential.objects.filter(database__service=service, status__in=SHOWN).select_related("database__server")
    rows = list(found.order_by("status", "slot"))
    own = _references([row for row in rows if purpose_of(row.slot) is Purpose.SERVICE])
    if own is None:
        raise not_found("Credential")
    return {**own, "cast": _references([row for row in rows if purpose_of(row.slot) is Purpose.CAST])}


def _references(rows: list[Credential]) -> dict[str, Any] | None:
    """Of the users of one purpose; None before one is active."""
    active = next((row for row in rows if row.status == Credential.Status.ACTIVE), None)
    return None if active is None else _document(active, rows)


def _document(active: Credential, rows: list[Credential]) -> dict[str, Any]:
    secret, database = active.stable_secret or None, active.database
    return {
        "signIn": sign_in_by(secret),
        "endpoint": database.server.observed_endpoint if database.server else "",
        "database": database.azure_name,
        "vaultUri": settings.AZURE_VAULT_URL if secret else None,
        "secretName": secret,
        "secretVersion": active.stable_version or None,
        "validUntil": active.valid_until,
        "users": [_user(row) for row in rows],
    }


def _user(row: Credential) -> dict[str, Any]:
    active = row.status == Credential.Status.ACTIVE
    return {
        "name": row.user_name,
        "state": "Active" if active else "Overlapping",
        "promotedAt": row.promoted_at,
        "worksUntil": row.valid_until if active else row.retire_by,
        "acknowledgedAt": row.acknowledged_at if active else None,
        "checkedAt": row.checked_at,
    }


class CredentialIssueView(ApiView):
    """The first credential of a service whose database was adopted."""

    bodies: ClassVar = {"POST": Reason}

    @documented(
        "services_credentials_issue", answers={202: OperationDocument}, body=Reason, errors=(404, 409), writes=True
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Make its user, prove it and publish its secret; its server's administrator must have been rotated before."""
        found, reason = service_named(self, workspace, service), self.body()["reason"]
        rows = Database.objects.select_related("server", "service__workspace")
        database = rows.filter(service=found, status=Status.READY).first()
        if database is None:
            raise not_found("Database")
        operation = request_first_credential(database, actor=self.actor(), reason=reason)
        return accepted(request, operation, operation_document(operation, self.viewer()))
