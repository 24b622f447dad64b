"""/receivers: webhooks and mail addresses that hear of a workspace's events, or of the fleet's."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from django.db.models import Count, Min, Q, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.access import SEES_EVERYTHING, granting_roles
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Shape, Text
from controlplane.api.view import ApiView
from notifications.models import Delivery, Receiver
from notifications.receivers import receivers_for
from rotation.signing_secrets import request_receiver, request_removal
from rotation.vault import vault_url

CHANNELS = [channel.value for channel in Receiver.Channel]
STATES = [state.value for state in Receiver.State if state != Receiver.State.REMOVED]
PENDING, DEAD = Delivery.State.PENDING, Delivery.State.DEAD


class ReceiversQuery(PageQuery):
    workspace = Text(required=False, max_length=63, help_text="Name of a workspace.")


class ReceiverBody(Shape):
    """Who shall hear: a webhook by https, or a mail address."""

    workspace = Text(
        required=False, default="", allow_blank=True, max_length=63, help_text="Empty: the fleet's; operators only."
    )
    channel = serializers.ChoiceField(CHANNELS)
    address = Text(max_length=2000, help_text="An https URL of a public host, or a mail address.")
    eventTypes = serializers.ListField(
        child=Text(pattern=r"[a-z_*]{1,40}(\.[a-z_*]{1,40})?"),
        required=False,
        default=list,
        max_length=50,
        help_text="Kinds of events, with stars, e.g. operation.*; none: all for a webhook, what matters to people by mail.",
    )


class SigningSecretDocument(serializers.Serializer[Any]):
    vault = serializers.CharField()
    name = serializers.CharField(help_text="The secret whose newest version signs; read it with your own right.")
    version = serializers.CharField(help_text="Empty: it is being made.")
    previousVersion = serializers.CharField(help_text="Signs too, until previousUntil; empty: none.")
    previousUntil = serializers.DateTimeField(allow_null=True)


class ReceiverProperties(serializers.Serializer[Any]):
    workspace = serializers.CharField(help_text="Empty: the fleet's.")
    channel = serializers.ChoiceField(CHANNELS)
    address = serializers.CharField()
    eventTypes = serializers.ListField(child=serializers.CharField())
    state = serializers.ChoiceField(STATES)
    signingSecret = SigningSecretDocument(allow_null=True, help_text="Of a webhook.")
    undelivered = serializers.IntegerField()
    oldestUndeliveredAt = serializers.DateTimeField(allow_null=True)
    deadLetters = serializers.IntegerField()
    failingSince = serializers.DateTimeField(allow_null=True)
    lastError = serializers.CharField()
    lastSuccessAt = serializers.DateTimeField(allow_null=True)
    createdAt = serializers.DateTimeField()


class ReceiverDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(["receivers"])
    properties = ReceiverProperties()


class ReceiverPage(serializers.Serializer[Any]):
    value = ReceiverDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ReceiversView(ApiView):
    """Receivers that the caller may know of."""

    queries: ClassVar = {"GET": ReceiversQuery}
    bodies: ClassVar = {"POST": ReceiverBody}

    def check_still_known(self) -> None:
        """Its workspace stands in the body. Raises Problem 404."""
        if name := self.body()["workspace"]:
            self.workspace(name)

    @documented("receivers_list", answers={200: ReceiverPage}, query=ReceiversQuery, errors=(404,))
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = counted(receivers_for(self.viewer())).order_by("pk")
        if "workspace" in query:
            rows = rows.filter(workspace=self.workspace(query["workspace"]))
        after = continued_after(query, parts=1)
        if after:
            rows = rows.filter(pk__gt=_id_in_token(after[0]))
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, [receiver_document(row) for row in page], last))

    @documented("receivers_post", answers={201: ReceiverDocument}, body=ReceiverBody, errors=(404, 409), writes=True)
    def post(self, request: Request) -> Response:
        """Add a receiver. A webhook is served once its signing secret stands, within seconds."""
        body = self.body()
        if not body["workspace"] and not granting_roles(request) & SEES_EVERYTHING:
            raise Problem(403, "AuthorizationFailed", "Only operators add receivers of the fleet.")
        place = self.workspace(body["workspace"]) if body["workspace"] else None
        row = request_receiver(
            place,
            channel=body["channel"],
            address=body["address"],
            kinds=body["eventTypes"],
            actor=self.actor(),
        )
        location = request.build_absolute_uri(f"{request.path}/{row.pk}")
        return Response(shown(row), status=201, headers={"Location": location})


class ReceiverView(ApiView):
    """One receiver."""

    @documented("receivers_get", answers={200: ReceiverDocument}, errors=(404,))
    def get(self, request: Request, receiver: str) -> Response:
        return Response(shown(found_receiver(self, receiver)))

    @documented("receivers_delete", answers={204: None}, errors=(404,), writes=True)
    def delete(self, request: Request, receiver: str) -> Response:
        """Send it nothing any more; its signing secret is taken out of use."""
        request_removal(found_receiver(self, receiver), actor=self.actor())
        return Response(status=204)

    def check_still_known(self) -> None:
        found_receiver(self, self.kwargs["receiver"])


def found_receiver(view: ApiView, text: str) -> Receiver:
    """The receiver of that id, where the caller may know of it. Raises Problem 404."""
    try:
        row = receivers_for(view.viewer()).filter(pk=UUID(text)).first()
    except ValueError:
        row = None
    if row is None:
        raise not_found("Receiver")
    return row


def counted(rows: QuerySet[Receiver]) -> QuerySet[Receiver]:
    """With what is on its way, since when, and what was given up."""
    pending = Q(deliveries__state=PENDING)
    return rows.annotate(
        undelivered=Count("deliveries", filter=pending),
        oldest_undelivered_at=Min("deliveries__created_at", filter=pending),
        dead=Count("deliveries", filter=Q(deliveries__state=DEAD)),
    )


def shown(row: Receiver) -> dict[str, Any]:
    return receiver_document(counted(Receiver.objects.select_related("workspace")).get(pk=row.pk))


def receiver_document(row: Any) -> dict[str, Any]:
    """Of a row that was `counted`."""
    return {
        "id": str(row.pk),
        "type": "receivers",
        "properties": {
            "workspace": row.workspace.name if row.workspace else "",
            "channel": row.channel,
            "address": row.address,
            "eventTypes": row.kinds,
            "state": row.state,
            "signingSecret": _secret(row) if row.channel == Receiver.Channel.WEBHOOK else None,
            "undelivered": row.undelivered,
            "oldestUndeliveredAt": row.oldest_undelivered_at,
            "deadLetters": row.dead,
            "failingSince": row.failing_since,
            "lastError": row.last_error,
            "lastSuccessAt": row.last_success_at,
            "createdAt": row.created_at,
        },
    }


def _secret(row: Receiver) -> dict[str, Any]:
    """Where it stands; never what it is."""
    return {
        "vault": vault_url(),
        "name": row.secret_name,
        "version": row.signing_version,
        "previousVersion": row.previous_version,
        "previousUntil": row.previous_until,
    }


def _id_in_token(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise wrong_token() from error
