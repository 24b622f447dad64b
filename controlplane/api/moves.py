"""/databases/{d}:move: to another pool of its server, or to another server; with a plan (`dryRun=true`) and consent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.fleet import AZURE_NAME
from controlplane.api.openapi import documented
from controlplane.api.plans import ConsentBody, DryRunQuery, consent_in
from controlplane.api.pools import AFTER_PLAN, ChangeView, checked
from controlplane.api.problems import Problem, not_found
from controlplane.api.shapes import Text
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from provisioning.changes.pools import plan_move, request_move
from provisioning.changes.rehoming import Destination, plan_rehoming, request_rehoming


class MoveBody(Reason, ConsentBody):
    """Why the database moves, where to, and the consent to it."""

    server = Text(required=False, pattern=AZURE_NAME, help_text="Another server. Left out: it stays on its own.")
    pool = Text(required=False, pattern=AZURE_NAME, help_text="A pool of another server. Left out: where it fits best.")


class DatabaseMoveView(ChangeView):
    """Moves a database to another pool of its server, or to another server."""

    bodies: ClassVar = {"POST": MoveBody}

    @documented("databases_move", answers=AFTER_PLAN, body=MoveBody, query=DryRunQuery, errors=(404, 409), writes=True)
    def post(self, request: Request, database: str) -> Response:
        """The best pool that has room, else a new one; connections drop once, at the switch. To another server its endpoint
        changes too: the old one only reads until the new version of its secret is acknowledged, or its time is over."""
        row, body = database_named(database), self.body()
        destination, wish = _destination(body), {"actor": self.actor(), "reason": body["reason"]}
        if destination is None:
            return self.answered(
                lambda: plan_move(row, **wish), lambda: request_move(row, **wish, consent=consent_in(body))
            )
        return self.answered(
            lambda: plan_rehoming(row, destination, **wish),
            lambda: request_rehoming(row, destination, **wish, consent=consent_in(body)),
        )


def _destination(body: Mapping[str, Any]) -> Destination | None:
    """The server that was named, or that of the pool that was; None: neither was. Raises Problem 400."""
    if "pool" in body:
        pools = ElasticPool.objects.select_related("server").exclude(status=Status.DELETED)
        pool = pools.filter(azure_name=body["pool"]).first()
        if pool is None:
            raise Problem(400, "UnknownPool", "There is no such pool.", target="pool")
        return Destination(_server_named(body["server"]) if "server" in body else pool.server, pool)
    return Destination(_server_named(body["server"])) if "server" in body else None


def _server_named(name: str) -> SqlServer:
    found = SqlServer.objects.exclude(status=Status.DELETED).filter(azure_name=name).first()
    if found is None:
        raise Problem(400, "UnknownServer", "There is no such server.", target="server")
    return found


def database_named(name: str) -> Database:
    """Not what stands in for another and has its name on another server. Raises Problem 400, 404."""
    rows = Database.objects.select_related("pool", "server", "service__workspace").exclude(status=Status.DELETED)
    found = rows.filter(azure_name=checked(name, "database"), stands_in_for=None).first()
    if found is None:
        raise not_found("Database")
    return found
