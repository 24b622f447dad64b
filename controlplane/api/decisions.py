"""/operations/{o}:retry, :skip, :adopt, :abandon: what operators decide, each with a reason."""

from __future__ import annotations

from collections.abc import Callable
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, found, operation_document
from controlplane.api.shapes import Shape, Text
from controlplane.api.view import ApiView
from operations.decisions import abandon, adopt, skip
from operations.errors import NoAttentionNeeded
from operations.models import Operation
from operations.services import retry


class Reason(Shape):
    """Why an operator decides so; it stands in the audit log."""

    reason = Text(max_length=500, pattern=r"[\s\S]*\S[\s\S]*")


class DecisionView(ApiView):
    """An operator's decision about an operation that needs attention."""

    bodies: ClassVar = {"POST": Reason}

    def check_still_known(self) -> None:
        found(self.kwargs["operation"], self.viewer())

    def decided(self, decide: Callable[..., Operation], operation: str) -> Response:
        row, reason = found(operation, self.viewer()), self.body()["reason"]
        row = decide(row, actor=self.actor(), reason=reason)
        return Response(operation_document(row, self.viewer()))


class OperationRetryView(DecisionView):
    """Tries the present step again."""

    @documented("operations_retry", answers={200: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Try the present step again, with attempts and deadline counted anew."""
        row, reason = found(operation, self.viewer()), self.body()["reason"]
        if not retry(row, actor=self.actor(), reason=reason):
            raise NoAttentionNeeded("The operation does not wait for a decision.")
        return Response(operation_document(found(operation, self.viewer()), self.viewer()))


class OperationSkipView(DecisionView):
    """Leaves out the present step."""

    @documented("operations_skip", answers={200: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Go on with the next step as if the present one were done. Steps that decide cannot be left out."""
        return self.decided(skip, operation)


class OperationAdoptView(DecisionView):
    """Takes the present step's effect as done."""

    @documented("operations_adopt", answers={200: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """Go on: what the present step was to do outside is done already."""
        return self.decided(adopt, operation)


class OperationAbandonView(DecisionView):
    """Gives an operation up."""

    @documented("operations_abandon", answers={200: OperationDocument}, body=Reason, errors=(404, 409), writes=True)
    def post(self, request: Request, operation: str) -> Response:
        """End it as failed; locks and quotas that it held are free."""
        return self.decided(abandon, operation)
