"""/webhooks/key-vault: where Event Grid delivers what Key Vault tells of secrets that near their end.

Event Grid signs in with a token of Entra ID for our audience, with the app role AzureEventGridSecureWebhookSubscriber (secure
webhook delivery). Both of its schemas are understood, and both handshakes by which it asks whether we want its events.
"""

from __future__ import annotations

from typing import Any, ClassVar

import structlog
from django.http import HttpRequest
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import documented
from controlplane.api.problems import Problem
from controlplane.api.shapes import BoundedJson, Shape
from controlplane.api.view import ApiView
from rotation.vault_events import SecretEvent, take

log = structlog.get_logger(__name__)

VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
LONGEST = 200


class SecretData(serializers.Serializer[Any]):
    VaultName = serializers.CharField()
    ObjectName = serializers.CharField()
    Version = serializers.CharField()


class EventDocument(serializers.Serializer[Any]):
    """An event of Event Grid's own schema, or of CloudEvents 1.0 (there `type` instead of `eventType`)."""

    id = serializers.CharField()
    eventType = serializers.CharField(required=False)
    type = serializers.CharField(required=False)
    subject = serializers.CharField(required=False)

    def get_fields(self) -> dict[str, Any]:
        """`data` is an attribute of serializers already, so it cannot be declared as others are."""
        return {**super().get_fields(), "data": SecretData()}


class HandshakeDocument(serializers.Serializer[Any]):
    validationResponse = serializers.CharField(required=False, help_text="The code of a validation event, given back.")


class OneCloudEvent(BoundedJson):
    media_type = "application/cloudevents+json"


class CloudEvents(BoundedJson):
    media_type = "application/cloudevents-batch+json"


class VaultEventsView(ApiView):
    """Takes Key Vault's events. What we do not know is answered 200 and logged, so that it is not sent for a day."""

    parser_classes = (BoundedJson, OneCloudEvent, CloudEvents)
    http_method_names = ["post", "options"]
    bodies: ClassVar = {"POST": Shape}

    @documented("key_vault_events_post", answers={200: HandshakeDocument}, body=EventDocument(many=True))
    def post(self, request: Request) -> Response:
        """Begin the rotation of each credential whose newest secret version nears its end. Repeating an event does nothing."""
        found = request.data if isinstance(request.data, list) else [request.data]
        for document in found:
            if not isinstance(document, dict):
                raise _malformed()
            data = document.get("data")
            data = data if isinstance(data, dict) else {}
            if _type(document) == VALIDATION:
                log.info("key_vault.webhook_validated", topic=str(document.get("topic", ""))[:LONGEST])
                return Response({"validationResponse": _text(data, "validationCode")})
            take(_event(document, data))
        return Response({})

    def options(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Response:
        """The handshake of CloudEvents 1.0 (HTTP webhooks for event delivery, section 4): yes, this origin may send."""
        origin = str(request.headers.get("WebHook-Request-Origin", ""))[:LONGEST]
        if not origin:
            raise Problem(400, "MissingHeader", "WebHook-Request-Origin says who wants to send.")
        return Response(headers={"WebHook-Allowed-Origin": origin, "WebHook-Allowed-Rate": "*"})


def _event(document: dict[str, Any], data: dict[str, Any]) -> SecretEvent:
    kind = _type(document)
    if not kind.startswith("Microsoft.KeyVault."):
        return SecretEvent(_text(document, "id"), kind or "unknown", "", "", "")
    secret, version = _text(data, "ObjectName"), _text(data, "Version")
    return SecretEvent(_text(document, "id"), kind, _text(data, "VaultName"), secret, version)


def _type(document: dict[str, Any]) -> str:
    found = document.get("eventType") or document.get("type")
    return found[:LONGEST] if isinstance(found, str) else ""


def _text(document: dict[str, Any], name: str) -> str:
    """Event Grid's fields begin with a capital or not, by schema version."""
    found = document.get(name) or document.get(name[0].lower() + name[1:])
    if not isinstance(found, str) or not found or len(found) > LONGEST or "\x00" in found:
        raise _malformed()
    return found


def _malformed() -> Problem:
    return Problem(400, "InvalidRequestBody", "The body is no event that Event Grid would send.")
