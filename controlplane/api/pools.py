"""/pools: what operators change of the fleet, with a plan (`dryRun=true`) and, where it disturbs, consent."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.accepted import accepted
from controlplane.api.decisions import Reason
from controlplane.api.fleet import AZURE_NAME, PoolDocument
from controlplane.api.links import operation_url
from controlplane.api.openapi import documented
from controlplane.api.operations import OperationDocument, operation_document
from controlplane.api.plans import ConsentBody, DryRunQuery, PlanDocument, consent_in, plan_document
from controlplane.api.problems import Problem, not_found
from controlplane.api.services import BYTES_PER_GB
from controlplane.api.shapes import WholeNumber
from controlplane.api.view import ApiView
from inventory.models import ElasticPool
from inventory.states import Status
from operations.models import Operation
from provisioning.changes.plan import Plan
from provisioning.changes.pools import (
    PoolWish,
    plan_drain,
    plan_pool_deletion,
    plan_resize,
    request_drain,
    request_pool_deletion,
    request_resize,
)

AFTER_PLAN = {200: PlanDocument, 202: OperationDocument}


class ResizeBody(ConsentBody):
    """A pool's size."""

    vcores = WholeNumber(min_value=1, max_value=1024, help_text="One of the sizes that Azure offers.")
    maxSizeGb = WholeNumber(min_value=1, required=False, help_text="Left out: all that the vCores bring.")


class DrainBody(Reason, ConsentBody):
    """Why databases move, and the consent to it."""


class ChangeView(ApiView):
    """A change of the fleet: its plan, or the operation that makes it."""

    queries: ClassVar = {"POST": DryRunQuery, "DELETE": DryRunQuery}

    def answered(self, plan: Callable[[], Plan], do: Callable[[], Operation]) -> Response:
        if self.query()["dryRun"] == "true":
            return Response(plan_document(plan(), self.viewer()))
        operation = do()
        document = operation_document(operation, self.viewer())
        return accepted(self.request, operation, document, location=operation_url(self.request, operation.pk))


class PoolView(ChangeView):
    """One elastic pool."""

    @documented("pools_get", answers={200: PoolDocument}, errors=(404,))
    def get(self, request: Request, pool: str) -> Response:
        return Response(PoolDocument(pool_named(pool)).data)

    @documented("pools_delete", answers=AFTER_PLAN, query=DryRunQuery, errors=(404, 409), writes=True)
    def delete(self, request: Request, pool: str) -> Response:
        """Delete an empty pool; one that is not is refused."""
        row = pool_named(pool)
        return self.answered(
            lambda: plan_pool_deletion(row, actor=self.actor()),
            lambda: request_pool_deletion(row, actor=self.actor()),
        )


class PoolResizeView(ChangeView):
    """Gives a pool another size."""

    bodies: ClassVar = {"POST": ResizeBody}

    @documented("pools_resize", answers=AFTER_PLAN, body=ResizeBody, query=DryRunQuery, errors=(404, 409), writes=True)
    def post(self, request: Request, pool: str) -> Response:
        """Its databases stay online; their connections drop once, at the switch."""
        row, body = pool_named(pool), self.body()
        size = body["maxSizeGb"] * BYTES_PER_GB if "maxSizeGb" in body else None
        wish, actor = PoolWish(body["vcores"], size), self.actor()
        return self.answered(
            lambda: plan_resize(row, wish, actor=actor),
            lambda: request_resize(row, wish, actor=actor, consent=consent_in(body)),
        )


class PoolDrainView(ChangeView):
    """Empties a pool."""

    bodies: ClassVar = {"POST": DrainBody}

    @documented("pools_drain", answers=AFTER_PLAN, body=DrainBody, query=DryRunQuery, errors=(404, 409), writes=True)
    def post(self, request: Request, pool: str) -> Response:
        """Close it to placement and move its databases to other pools of the server, one operation each."""
        row, body, actor = pool_named(pool), self.body(), self.actor()
        return self.answered(
            lambda: plan_drain(row, actor=actor, reason=body["reason"]),
            lambda: request_drain(row, actor=actor, reason=body["reason"], consent=consent_in(body)),
        )


def pool_named(name: str) -> ElasticPool:
    """The pool by its name in Azure, which is made from its id. Raises Problem 400, 404."""
    rows = ElasticPool.objects.select_related("server").exclude(status=Status.DELETED)
    found = rows.filter(azure_name=checked(name, "pool")).first()
    if found is None:
        raise not_found("Pool")
    return found


def checked(name: str, target: str) -> str:
    """A name from the address. Raises Problem 400 for what cannot be one."""
    if not re.fullmatch(AZURE_NAME, name):
        raise Problem(400, "InvalidName", f"A name must match {AZURE_NAME}", target=target)
    return name
