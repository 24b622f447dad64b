"""/receivers/{r}:pause, :resume, :test, :rotate-secret, :replay, and /dead-letters: what was given up."""

from __future__ import annotations

from typing import Any, ClassVar

from django.db.models import Q
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, moment_after, page_document
from controlplane.api.receivers import ReceiverDocument, found_receiver, shown
from controlplane.api.shapes import Text, WholeNumber
from controlplane.api.view import ApiView
from notifications.models import Delivery
from notifications.receivers import dead_letters, pause, receivers_for, replay, resume, send_test
from rotation.signing_secrets import request_signing_rotation


class DeadLettersQuery(PageQuery):
    workspace = Text(required=False, max_length=63, help_text="Name of a workspace.")


class ReplayBody(Reason):
    """Which events are sent again: all that were given up, or the one of this number."""

    number = WholeNumber(required=False, allow_null=True, default=None, min_value=1, max_value=2**62)


class ReplayedDocument(serializers.Serializer[Any]):
    replayed = serializers.IntegerField()


class DeadLetterProperties(serializers.Serializer[Any]):
    receiver = serializers.CharField()
    workspace = serializers.CharField()
    address = serializers.CharField()
    number = serializers.IntegerField()
    event = serializers.CharField(help_text="Its id, as in webhook-id.")
    eventType = serializers.CharField()
    target = serializers.CharField()
    attempts = serializers.IntegerField()
    lastError = serializers.CharField()
    createdAt = serializers.DateTimeField()
    givenUpAt = serializers.DateTimeField()


class DeadLetterDocument(serializers.Serializer[Any]):
    id = serializers.CharField()
    type = serializers.ChoiceField(["dead-letters"])
    properties = DeadLetterProperties()


class DeadLetterPage(serializers.Serializer[Any]):
    value = DeadLetterDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ReceiverAct(ApiView):
    """Something done to one receiver."""

    def check_still_known(self) -> None:
        found_receiver(self, self.kwargs["receiver"])


class ReceiverPauseView(ReceiverAct):
    """Holds events back."""

    @documented("receivers_pause", answers={200: ReceiverDocument}, errors=(404,), writes=True)
    def post(self, request: Request, receiver: str) -> Response:
        """Send nothing until it is resumed; events wait."""
        row = found_receiver(self, receiver)
        pause(row, actor=self.actor())
        return Response(shown(row))


class ReceiverResumeView(ReceiverAct):
    """Goes on, also where the receiver had said that it is gone."""

    @documented("receivers_resume", answers={200: ReceiverDocument}, errors=(404,), writes=True)
    def post(self, request: Request, receiver: str) -> Response:
        """Send again, from where it stopped."""
        row = found_receiver(self, receiver)
        resume(row, actor=self.actor())
        return Response(shown(row))


class ReceiverTestView(ReceiverAct):
    """Sends an event of no consequence."""

    @documented("receivers_test", answers={200: ReceiverDocument}, errors=(404,), writes=True)
    def post(self, request: Request, receiver: str) -> Response:
        """Have an event sent to this receiver alone; whether it arrives shows in its properties."""
        row = found_receiver(self, receiver)
        send_test(row, actor=self.actor())
        return Response(shown(row))


class ReceiverSecretView(ReceiverAct):
    """Renews the signing secret."""

    bodies: ClassVar = {"POST": Reason}

    @documented("receivers_rotate_secret", answers={200: ReceiverDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, receiver: str) -> Response:
        """A new version in the vault; both sign while receivers change over."""
        row = found_receiver(self, receiver)
        request_signing_rotation(row, actor=self.actor(), reason=self.body()["reason"])
        return Response(shown(row))


class ReceiverReplayView(ReceiverAct):
    """Sends what was given up again."""

    bodies: ClassVar = {"POST": ReplayBody}

    @documented("receivers_replay", answers={200: ReplayedDocument}, body=ReplayBody, errors=(404, 409), writes=True)
    def post(self, request: Request, receiver: str) -> Response:
        """Under the same ids, so that a receiver who has seen one drops it."""
        row = found_receiver(self, receiver)
        body = self.body()
        return Response({"replayed": replay(row, actor=self.actor(), reason=body["reason"], number=body["number"])})


class DeadLettersView(ApiView):
    """Events that were given up, latest first."""

    queries: ClassVar = {"GET": DeadLettersQuery}

    @documented("dead_letters_list", answers={200: DeadLetterPage}, query=DeadLettersQuery, errors=(404,))
    def get(self, request: Request) -> Response:
        query = self.query()
        rows = dead_letters().filter(receiver__in=receivers_for(self.viewer())).order_by("-ended_at", "-id")
        if "workspace" in query:
            rows = rows.filter(receiver__workspace=self.workspace(query["workspace"]))
        after = moment_after(query)
        if after:
            at, row_id = after
            rows = rows.filter(Q(ended_at__lt=at) | Q(id__lt=row_id), ended_at__lte=at)
        found = list(rows[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(page[-1].ended_at), str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, [_document(row) for row in page], last))


def _document(row: Delivery) -> dict[str, Any]:
    receiver = row.receiver
    return {
        "id": str(row.pk),
        "type": "dead-letters",
        "properties": {
            "receiver": str(receiver.pk),
            "workspace": receiver.workspace.name if receiver.workspace else "",
            "address": receiver.address,
            "number": row.number,
            "event": str(row.event_id),
            "eventType": row.event.kind,
            "target": row.target,
            "attempts": row.attempts,
            "lastError": row.last_error,
            "createdAt": row.created_at,
            "givenUpAt": row.ended_at,
        },
    }
