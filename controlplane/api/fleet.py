"""/subscriptions, /servers, /pools, /databases: the fleet, for operators and auditors."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Model, QuerySet
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from controlplane.api.openapi import documented
from controlplane.api.paging import PageQuery, continued_after, page_document, wrong_token
from controlplane.api.shapes import Guid, Text
from controlplane.api.view import ApiView
from inventory.models import Database, ElasticPool, SqlServer, Subscription
from inventory.models.workspace import NAME_PATTERN
from inventory.states import Status

REGION = r"^[a-z0-9]{1,40}$"
AZURE_NAME = r"^[a-z0-9-]{1,80}$"


class FleetQuery(PageQuery):
    region = Text(required=False, pattern=REGION)
    status = serializers.ChoiceField(Status.choices, required=False)


class ServersQuery(FleetQuery):
    subscription = Guid(required=False)


class PoolsQuery(FleetQuery):
    server = Text(required=False, pattern=AZURE_NAME)


class DatabasesQuery(PoolsQuery):
    workspace = Text(required=False, pattern=NAME_PATTERN)


class SubscriptionDocument(serializers.Serializer[Any]):
    subscriptionId = serializers.CharField(source="subscription_id")
    name = serializers.CharField()
    resourceGroup = serializers.CharField(source="resource_group")
    isOpen = serializers.BooleanField(source="is_open")
    serversPerRegion = serializers.IntegerField(source="servers_per_region")


class ServerDocument(serializers.Serializer[Any]):
    name = serializers.CharField(source="azure_name")
    subscriptionId = serializers.CharField(source="subscription_id")
    resourceGroup = serializers.CharField(source="resource_group")
    region = serializers.CharField(source="region_id")
    status = serializers.ChoiceField(Status.choices)
    isCordoned = serializers.BooleanField(source="is_cordoned")
    databasesCommitted = serializers.IntegerField(source="databases_committed")
    vcoresCommitted = serializers.IntegerField(source="vcores_committed")
    endpoint = serializers.CharField(source="observed_endpoint", allow_blank=True)
    observedAt = serializers.DateTimeField(source="seen_at", allow_null=True)


class PoolDocument(serializers.Serializer[Any]):
    name = serializers.CharField(source="azure_name")
    server = serializers.CharField(source="server.azure_name")
    region = serializers.CharField(source="server.region_id")
    sku = serializers.CharField(source="sku_name")
    vcores = serializers.IntegerField()
    status = serializers.ChoiceField(Status.choices)
    isCordoned = serializers.BooleanField(source="is_cordoned")
    databasesCommitted = serializers.IntegerField(source="databases_committed")
    bytesCommitted = serializers.IntegerField(source="bytes_committed")
    maxSizeBytes = serializers.IntegerField(source="max_size_bytes")
    observedAt = serializers.DateTimeField(source="seen_at", allow_null=True)


class FleetDatabaseDocument(serializers.Serializer[Any]):
    name = serializers.CharField(source="azure_name")
    workspace = serializers.CharField(source="service.workspace.name", default=None, allow_null=True)
    service = serializers.CharField(source="service.name", default=None, allow_null=True)
    server = serializers.CharField(source="server.azure_name", default=None, allow_null=True)
    pool = serializers.CharField(source="pool.azure_name", default=None, allow_null=True)
    region = serializers.CharField(source="region_id")
    tier = serializers.ChoiceField(Database.Tier.values, source="service_tier")
    status = serializers.ChoiceField(Status.choices)
    sizeBytes = serializers.IntegerField(source="size_bytes")
    observedStatus = serializers.CharField(source="observed_status", allow_blank=True)
    observedAt = serializers.DateTimeField(source="seen_at", allow_null=True)
    restorableUntil = serializers.DateTimeField(source="restorable_until", allow_null=True)


class SubscriptionPage(serializers.Serializer[Any]):
    value = SubscriptionDocument(many=True)
    nextLink = serializers.URLField(required=False)


class ServerPage(serializers.Serializer[Any]):
    value = ServerDocument(many=True)
    nextLink = serializers.URLField(required=False)


class PoolPage(serializers.Serializer[Any]):
    value = PoolDocument(many=True)
    nextLink = serializers.URLField(required=False)


class FleetDatabasePage(serializers.Serializer[Any]):
    value = FleetDatabaseDocument(many=True)
    nextLink = serializers.URLField(required=False)


class FleetList(ApiView):
    """One kind of row by `key`, page by page; `filters` says which column each parameter compares."""

    key: ClassVar[str] = "azure_name"
    document: ClassVar[type[serializers.Serializer[Any]]]
    filters: ClassVar[Mapping[str, str]] = {}

    def listed(self, request: Request, rows: QuerySet[Any]) -> Response:
        query = self.query()
        asked = {column: query[name] for name, column in self.filters.items() if name in query}
        found: list[Model] = list(self._rest(rows.filter(**asked), query)[: query["maxpagesize"] + 1])
        page = found[: query["maxpagesize"]]
        last = [str(getattr(page[-1], self.key)), str(page[-1].pk)] if len(found) > len(page) else None
        return Response(page_document(request, query, list(self.document(page, many=True).data), last))

    def _rest(self, rows: QuerySet[Any], query: Mapping[str, Any]) -> QuerySet[Any]:
        """After the last page; rows with the same key (a database on its way to another server) by their id."""
        ordered, after = rows.order_by(self.key, "pk"), continued_after(query, parts=2)
        if after is None:
            return ordered
        key, row_id = after
        try:
            UUID(row_id)
            return ordered.filter(**{f"{self.key}__gte": key}).exclude(**{self.key: key, "pk__lte": row_id})
        except (ValueError, ValidationError) as error:
            raise wrong_token() from error


class SubscriptionsView(FleetList):
    """Subscriptions that may be filled, by id."""

    queries: ClassVar = {"GET": PageQuery}
    key = "subscription_id"
    document = SubscriptionDocument

    @documented("subscriptions_list", answers={200: SubscriptionPage}, query=PageQuery)
    def get(self, request: Request) -> Response:
        return self.listed(request, Subscription.objects.all())


class ServersView(FleetList):
    """Logical servers, by name."""

    queries: ClassVar = {"GET": ServersQuery}
    document = ServerDocument
    filters: ClassVar = {"region": "region_id", "status": "status", "subscription": "subscription_id"}

    @documented("servers_list", answers={200: ServerPage}, query=ServersQuery)
    def get(self, request: Request) -> Response:
        return self.listed(request, SqlServer.objects.all())


class PoolsView(FleetList):
    """Elastic pools, by name."""

    queries: ClassVar = {"GET": PoolsQuery}
    document = PoolDocument
    filters: ClassVar = {"region": "server__region_id", "status": "status", "server": "server__azure_name"}

    @documented("pools_list", answers={200: PoolPage}, query=PoolsQuery)
    def get(self, request: Request) -> Response:
        return self.listed(request, ElasticPool.objects.select_related("server"))


class FleetDatabasesView(FleetList):
    """Databases, by name; those that are gone too."""

    queries: ClassVar = {"GET": DatabasesQuery}
    document = FleetDatabaseDocument
    filters: ClassVar = {
        "region": "region_id",
        "status": "status",
        "server": "server__azure_name",
        "workspace": "service__workspace__name",
    }

    @documented("databases_list", answers={200: FleetDatabasePage}, query=DatabasesQuery)
    def get(self, request: Request) -> Response:
        return self.listed(request, Database.objects.select_related("server", "pool", "service__workspace"))
