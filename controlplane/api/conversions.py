"""/workspaces/{w}/services/{s}:convert and /operations/{o}:consent: a service's database into Hyperscale, and back."""

from __future__ import annotations

from typing import ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.links import operation_url, service_path
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, found, operation_document
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import not_found
from controlplane.api.services import BYTES_PER_GB
from controlplane.api.shapes import WholeNumber
from controlplane.api.view import ApiView, named
from inventory.models import Database, ServiceInstance
from provisioning.changes.tiers import convert, plan_conversion, plan_return, take_back
from provisioning.conversions import ConversionWish, Cutover, consent


class ConversionBody(ConsentBody):
    """Empty: as planned now, switched over when its owner consents."""

    cutover = serializers.ChoiceField(
        [one.value for one in Cutover],
        required=False,
        default=Cutover.CONSENT.value,
        help_text="When every connection drops once: in the next window, or after consent, within 24 hours of the copy.",
    )
    sizeGb = WholeNumber(required=False, min_value=1, help_text="Planned capacity afterwards; not below the present.")


class ServiceConvertView(ApiView):
    """Changes the tier of a service's database."""

    bodies: ClassVar = {"POST": ConversionBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "services_convert",
        answers={200: PlanDocument, 202: OperationDocument},
        body=ConversionBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Convert to Hyperscale, online but for one switch. Its name, server and credential stay."""
        row, asked = service_of(self, workspace, service), self.body()
        size = asked.get("sizeGb")
        wish = ConversionWish(Cutover(asked["cutover"]), size * BYTES_PER_GB if size else None)
        try:
            if self.query()["dryRun"] == "true":
                return Response(plan_document(plan_conversion(row, wish, actor=self.actor()), self.viewer()))
            operation = convert(row, wish, actor=self.actor(), consent=consent_in(asked))
        except Database.DoesNotExist as error:
            raise not_found("Service") from error
        location = request.build_absolute_uri(service_path(workspace, service))
        return accepted(request, operation, operation_document(operation, self.viewer()), location=location)


class ReturnBody(ConsentBody):
    """Empty: with as much of the present capacity as a pool's database may have."""

    sizeGb = WholeNumber(required=False, min_value=1, help_text="Planned capacity afterwards; its data have to fit.")


class ServiceConvertBackView(ApiView):
    """Takes a converted database back."""

    bodies: ClassVar = {"POST": ReturnBody}
    queries: ClassVar = {"POST": DryRunQuery}

    @documented(
        "services_convert_back",
        answers={200: PlanDocument, 202: OperationDocument},
        body=ReturnBody,
        query=DryRunQuery,
        errors=(404, 409),
        writes=True,
    )
    def post(self, request: Request, workspace: str, service: str) -> Response:
        """Back from Hyperscale into a pool, within 45 days of the conversion. Connections drop twice, once for minutes."""
        row, asked = service_of(self, workspace, service), self.body()
        size = asked["sizeGb"] * BYTES_PER_GB if "sizeGb" in asked else None
        try:
            if self.query()["dryRun"] == "true":
                return Response(plan_document(plan_return(row, actor=self.actor(), size_bytes=size), self.viewer()))
            operation = take_back(row, actor=self.actor(), size_bytes=size, consent=consent_in(asked))
        except Database.DoesNotExist as error:
            raise not_found("Service") from error
        location = request.build_absolute_uri(service_path(workspace, service))
        return accepted(request, operation, operation_document(operation, self.viewer()), location=location)


def service_of(view: ApiView, workspace: str, service: str) -> ServiceInstance:
    """The service, where the caller may know of it. Raises Problem 404."""
    place, name = view.workspace(workspace), named(service, "service")
    row = ServiceInstance.objects.filter(workspace=place, name=name, deleted_at__isnull=True).first()
    if row is None:
        raise not_found("Service")
    return row


class OperationConsentView(ApiView):
    """Lets a conversion switch over."""

    def check_still_known(self) -> None:
        found(self.kwargs["operation"], self.viewer())

    @documented("operations_consent", answers={202: OperationDocument}, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Every connection drops once, soon or, given early, as soon as all is copied. Consent cannot be taken back."""
        row = consent(found(operation, self.viewer()), actor=self.actor())
        url = operation_url(request, row.pk)
        return accepted(request, row, operation_document(row, self.viewer()), location=url)
