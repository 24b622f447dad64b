"""/pools/{p}:cordon, /servers/{s}:cordon and back: closing a place to placement. What stands there stays."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.decisions import Reason
from controlplane.api.fleet import PoolDocument, ServerDocument
from controlplane.api.openapi import documented
from controlplane.api.pools import checked, pool_named
from controlplane.api.problems import not_found
from controlplane.api.view import ApiView
from inventory.models import ElasticPool, SqlServer
from inventory.states import Status
from provisioning.cordons import cordon, uncordon


class CordonView(ApiView):
    """Closes or opens one place; asking for what is so already changes nothing."""

    bodies: ClassVar = {"POST": Reason}

    def set_to(self, row: ElasticPool | SqlServer, *, closed: bool) -> dict[str, Any]:
        (cordon if closed else uncordon)(row, actor=self.actor(), reason=self.body()["reason"])
        row.refresh_from_db()
        return dict(PoolDocument(row).data if isinstance(row, ElasticPool) else ServerDocument(row).data)


class PoolCordonView(CordonView):
    """Closes a pool."""

    @documented("pools_cordon", answers={200: PoolDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, pool: str) -> Response:
        """Nothing new is placed there."""
        return Response(self.set_to(pool_named(pool), closed=True))


class PoolUncordonView(CordonView):
    """Opens a pool."""

    @documented("pools_uncordon", answers={200: PoolDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, pool: str) -> Response:
        """Placement may use it again."""
        return Response(self.set_to(pool_named(pool), closed=False))


class ServerCordonView(CordonView):
    """Closes a server."""

    @documented("servers_cordon", answers={200: ServerDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, server: str) -> Response:
        """Nothing new is placed on it, nor in its pools."""
        return Response(self.set_to(_server_named(server), closed=True))


class ServerUncordonView(CordonView):
    """Opens a server."""

    @documented("servers_uncordon", answers={200: ServerDocument}, body=Reason, errors=(404,), writes=True)
    def post(self, request: Request, server: str) -> Response:
        """Placement may use it again."""
        return Response(self.set_to(_server_named(server), closed=False))


def _server_named(name: str) -> SqlServer:
    found = SqlServer.objects.exclude(status=Status.DELETED).filter(azure_name=checked(name, "server")).first()
    if found is None:
        raise not_found("Server")
    return found
