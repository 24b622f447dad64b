"""/workspaces/{w}/services: FHIR and DICOM services, each with a database of its own."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from drf_spectacular.utils import PolymorphicProxySerializer
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from cloud.identities import EntraPrincipal
from controlplane.api.accepted import accepted
from controlplane.api.credentials import SIGN_IN, sign_in_by
from controlplane.api.links import service_path
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.paging import PageQuery, continued_after, page_document
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import not_found
from controlplane.api.service_rows import service_row, service_rows
from controlplane.api.shapes import Guid, Shape, Text, Truth, WholeNumber
from controlplane.api.view import ApiView, ConditionalView, named
from inventory.models import Database, ServiceInstance
from inventory.selectors import Viewer, services_for
from inventory.states import Status
from provisioning.keys.wish import KeyWish
from provisioning.plans import plan_deletion, plan_service
from provisioning.services import ServiceWish, hold_ways, request_deletion, request_service

BYTES_PER_GB = 2**30
LONGEST_URI = 500
PROVISIONING_STATES = {
    Status.CREATING: "Creating",
    Status.READY: "Succeeded",
    Status.UPDATING: "Updating",
    Status.DELETING: "Deleting",
    Status.FAILED: "Failed",
}


class IdentityShape(Shape):
    """An application or managed identity of the customer's directory, by its name and both its ids there."""

    name = Text(pattern=r"[^\x00-\x1f\x7f]+", max_length=128, help_text="Its display name.")
    objectId = Guid(help_text="Of its service principal; a managed identity's principal id.")
    clientId = Guid(help_text="Its application (client) id.")


class ServiceProperties(Shape):
    """What a service is to be."""

    kind = Text(pattern=r"^[a-z][a-z0-9-]{0,39}$", help_text="fhir or dicom; others keep no data in Azure SQL.")
    sizeGb = WholeNumber(min_value=1, help_text="Planned capacity in GiB.")
    identity = IdentityShape(
        required=False, allow_null=True, default=None, help_text="As whom it signs in, where only Entra may; else null."
    )
    cast = Truth(
        required=False,
        default=False,
        help_text="DICOM Cast: a credential of its own; DICOM services only, not where only Entra may sign in.",
    )


class KeyShape(Shape):
    """A key of the customer's, by the URI of one version."""

    keyUri = Text(max_length=LONGEST_URI, help_text="https://VAULT.vault.azure.net/keys/NAME/VERSION")
    followNewVersions = Truth(required=False, default=False, help_text="Azure goes over to new versions of it.")


class ServiceWishProperties(ServiceProperties):
    """What a service is to be, and the key that its database is made under."""

    encryption = KeyShape(
        required=False,
        allow_null=True,
        default=None,
        help_text="The database is made under this key; of one that stands it may only be repeated. Null: nothing is asked.",
    )


class ServiceBody(ConsentBody):
    """The wish for a service; of one that stands, the size may be another."""

    properties = ServiceWishProperties()


class DatabaseDocument(serializers.Serializer[Any]):
    name = serializers.CharField()
    tier = serializers.ChoiceField(Database.Tier.values)
    endpoint = serializers.CharField(allow_null=True, help_text="Null until its server is known.")
    server = serializers.CharField(allow_null=True)
    pool = serializers.CharField(required=False, allow_null=True, help_text="Operators and auditors only.")


class CredentialsDocument(serializers.Serializer[Any]):
    signIn = serializers.ChoiceField(SIGN_IN, help_text="entra: by a token of the service's identity; nothing is kept.")
    vaultUri = serializers.URLField(allow_null=True)
    secretName = serializers.CharField(
        allow_null=True, help_text="Read its newest version from the vault; its value is never shown here."
    )
    userName = serializers.CharField()
    validUntil = serializers.DateTimeField(allow_null=True)


class FaultDocument(serializers.Serializer[Any]):
    code = serializers.CharField()
    message = serializers.CharField()


class ServiceState(ServiceProperties):
    """What a service is."""

    provisioningState = serializers.ChoiceField(list(PROVISIONING_STATES.values()))
    createdAt = serializers.DateTimeField()
    database = DatabaseDocument()
    credentials = CredentialsDocument(allow_null=True, help_text="Null until the database is ready.")
    castCredentials = CredentialsDocument(allow_null=True, help_text="Those of DICOM Cast, once it is switched on.")
    error = FaultDocument(allow_null=True)


class ServiceDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    name = serializers.CharField()
    type = serializers.ChoiceField(["workspaces/services"])
    properties = ServiceState()


class ServicePage(serializers.Serializer[Any]):
    value = ServiceDocument(many=True)
    nextLink = serializers.URLField(required=False)


SERVICE_OR_PLAN = PolymorphicProxySerializer("ServiceOrPlan", [ServiceDocument, PlanDocument], None)


class ServicesView(ApiView):
    """The services of a workspace, by name."""

    queries: ClassVar = {"GET": PageQuery}

    @documented("services_list", answers={200: ServicePage}, query=PageQuery, errors=(404,))
    def get(self, request: Request, workspace: str) -> Response:
        query, place, viewer = self.query(), named(workspace, "workspace"), self.viewer()
        after = continued_after(query, parts=1)
        found = service_rows(viewer, place, after=after[0] if after else "", most=query["maxpagesize"] + 1)
        if not found:
            self.workspace(place)  # is it empty, or not there?
        page = found[: query["maxpagesize"]]
        last = [page[-1]["service__name"]] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row, viewer) for row in page], last))


class ServiceView(ConditionalView):
    """One service and its database."""

    bodies: ClassVar = {"PUT": ServiceBody}
    queries: ClassVar = {"PUT": DryRunQuery, "DELETE": DryRunQuery}

    def hold(self) -> None:
        """The ways of what may be removed first, as the engine does."""
        if self.request.method == "DELETE":
            place, name = self.kwargs["workspace"], self.kwargs["service"]
            hold_ways(ServiceInstance.objects.filter(workspace__name=place, name=name, deleted_at=None))
        super().hold()

    @documented("services_get", answers={200: ServiceDocument, 304: None}, errors=(404,))
    def get(self, request: Request, workspace: str, service: str) -> Response:
        return Response(self._found(workspace, service))

    @documented(
        "services_put",
        answers={200: SERVICE_OR_PLAN, 202: ServiceDocument},
        body=ServiceBody,
        query=DryRunQuery,
        errors=(404, 409, 412),
        writes=True,
    )
    def put(self, request: Request, workspace: str, service: str) -> Response:
        """Ask for a service. 202 while an operation works on it, also when this is a repetition; 200 once it stands."""
        place = self.workspace(workspace)
        body = self.body()
        wish = _wish(named(service, "service"), body["properties"])
        if self._is_dry_run():
            return Response(plan_document(plan_service(place, wish, actor=self.actor()), self.viewer()))
        granted = request_service(place, wish, actor=self.actor(), consent=consent_in(body))
        document = self._found(workspace, service)
        if granted.operation is None:
            return Response(document)
        return accepted(request, granted.operation, document, location=request.build_absolute_uri(document["id"]))

    @documented(
        "services_delete",
        answers={200: PlanDocument, 202: OperationDocument, 204: None},
        query=DryRunQuery,
        errors=(404, 409, 412),
        writes=True,
    )
    def delete(self, request: Request, workspace: str, service: str) -> Response:
        """Ask for a service's removal. Always accepted: what runs is asked to stop, and the removal runs next."""
        place = self.workspace(workspace)
        row = services_for(self.viewer()).filter(workspace=place, name=named(service, "service")).first()
        if row is None:
            return Response(status=204)
        if self._is_dry_run():
            return Response(plan_document(plan_deletion(row, actor=self.actor()), self.viewer()))
        try:
            operation = request_deletion(row, actor=self.actor())
        except Database.DoesNotExist:  # it went between our two looks
            return Response(status=204)
        document = operation_document(operation, self.viewer())
        return accepted(request, operation, document)

    def _is_dry_run(self) -> bool:
        return bool(self.query()["dryRun"] == "true")

    def present(self) -> dict[str, Any] | None:
        place, service = named(self.kwargs["workspace"], "workspace"), named(self.kwargs["service"], "service")
        row = service_row(self.viewer(), place, service)
        if row is None:
            self.workspace(place)
        return _document(row, self.viewer()) if row else None

    def _found(self, workspace: str, service: str) -> dict[str, Any]:
        row = service_row(self.viewer(), named(workspace, "workspace"), named(service, "service"))
        if row is None:
            self.workspace(workspace)  # where that is absent too, the answer names it
            raise not_found("Service")
        return _document(row, self.viewer())


def _wish(name: str, asked: dict[str, Any]) -> ServiceWish:
    given = asked["identity"]
    identity = EntraPrincipal(given["name"], given["objectId"], given["clientId"]) if given else None
    size_bytes = asked["sizeGb"] * BYTES_PER_GB
    told = asked["encryption"]
    key = KeyWish(told["keyUri"], told["followNewVersions"]) if told else None
    kind, cast = asked["kind"], asked["cast"]
    return ServiceWish(name=name, kind=kind, size_bytes=size_bytes, identity=identity, cast=cast, key=key)


def _document(row: dict[str, Any], viewer: Viewer) -> dict[str, Any]:
    failed = row["status"] == Status.FAILED
    return {
        "id": service_path(row["service__workspace__name"], row["service__name"]),
        "name": row["service__name"],
        "type": "workspaces/services",
        "properties": {
            "kind": row["service__kind"],
            "sizeGb": row["size_bytes"] // BYTES_PER_GB,
            "identity": _identity(row),
            "cast": row["service__has_cast"],
            "provisioningState": PROVISIONING_STATES[row["status"]],
            "createdAt": row["service__created_at"],
            "database": _database(row, viewer),
            "credentials": _credentials(row, "credential"),
            "castCredentials": _credentials(row, "cast"),
            "error": {"code": row["error_code"], "message": row["error_message"]} if failed else None,
        },
    }


def _database(row: dict[str, Any], viewer: Viewer) -> dict[str, Any]:
    """Owners see their own database, not the pool that they share with others."""
    shown = {
        "name": row["azure_name"],
        "tier": row["service_tier"],
        "endpoint": row["server__observed_endpoint"] or None,
        "server": row["server__azure_name"],
    }
    return {**shown, "pool": row["pool__azure_name"]} if viewer.sees_everything else shown


def _identity(row: dict[str, Any]) -> dict[str, Any] | None:
    shown = {"name": "name", "objectId": "object_id", "clientId": "client_id"}
    found = {field: row[f"service__entra_{column}"] for field, column in shown.items()}
    return found if found["name"] else None


def _credentials(row: dict[str, Any], relation: str) -> dict[str, Any] | None:
    """Where the credential is kept; never what it is."""
    if row[f"{relation}__user_name"] is None or row["status"] == Status.CREATING:  # of a stock: it has one before
        return None
    secret = row[f"{relation}__stable_secret"] or None
    return {
        "signIn": sign_in_by(secret),
        "vaultUri": settings.AZURE_VAULT_URL if secret else None,
        "secretName": secret,
        "userName": row[f"{relation}__user_name"],
        "validUntil": row[f"{relation}__valid_until"],
    }
