from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import Q

from inventory.identifiers import new_id
from inventory.models.elastic_pool import ElasticPool
from inventory.models.server import SqlServer, later
from inventory.models.service import ServiceInstance
from inventory.models.subscription import Region
from inventory.states import Status


class Database(models.Model):
    """One service's database: in an elastic pool, or a single one of the Hyperscale tier.

    Place (server, pool) and Azure name are saved before Azure hears of them. It stands in a pool's committed counters
    exactly while `holds_room`. While a restore works, a row of its own stands in for it (`stands_in_for`): first it is
    what comes to be in Azure; then the two exchange names and places, and it is what was replaced. So does one on its way
    to another server, where the database has the same name: names are once per server.
    """

    Status = Status

    class Tier(models.TextChoices):
        GENERAL_PURPOSE = "GeneralPurpose"
        HYPERSCALE = "Hyperscale"

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    service = models.ForeignKey(ServiceInstance, models.PROTECT, null=True, related_name="databases")
    region = models.ForeignKey(Region, models.PROTECT, related_name="databases")
    service_tier = models.TextField(choices=Tier.choices)
    sku_name = models.TextField(blank=True, default="", help_text="Of a single database, e.g. HS_Gen5_8.")
    vcores = models.PositiveSmallIntegerField(null=True, help_text="Of a single database.")
    size_bytes = models.BigIntegerField(help_text="Planned capacity, as its owner asked.")
    retention_days = models.PositiveSmallIntegerField(default=7)
    backup_redundancy = models.TextField(default="Geo")
    azure_name = models.TextField(db_index=True)
    server = models.ForeignKey(SqlServer, models.PROTECT, null=True, related_name="databases")
    pool = models.ForeignKey(ElasticPool, models.PROTECT, null=True, related_name="databases")
    holds_room = models.BooleanField(default=False)
    vcores_demanded = models.FloatField(default=0)
    placement = models.JSONField(default=dict, help_text="Why here, and why not elsewhere.")
    status = models.TextField(choices=Status.choices, default=Status.CREATING)
    error_code = models.TextField(blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    created_at = models.DateTimeField(auto_now_add=True)
    ready_at = models.DateTimeField(null=True)
    deleted_at = models.DateTimeField(null=True)
    restorable_until = models.DateTimeField(null=True, help_text="Deleted, but Azure can restore it until then.")
    forgotten_at = models.DateTimeField(null=True, help_text="Its secrets were deleted: nobody can bring it back.")
    secrets_gone_at = models.DateTimeField(null=True, help_text="Until then the vault could recover them.")
    converted_at = models.DateTimeField(
        null=True, help_text="When it became Hyperscale by conversion; empty: created so."
    )
    return_alerted_days = models.PositiveSmallIntegerField(
        null=True, help_text="The last threshold before the end of the way back that its owner was told of."
    )
    key_uri = models.TextField(blank=True, default="", help_text="The customer's key; empty: the service's own.")
    key_follows = models.BooleanField(default=False, help_text="Azure goes over to new versions of the key.")
    stands_in_for = models.ForeignKey("self", models.PROTECT, null=True, related_name="stand_ins")

    observed_status = models.TextField(
        blank=True, default="", help_text="Azure's status; absent: a complete list lacked it."
    )
    observed_arm_id = models.TextField(blank=True, default="")
    observed_pool_name = models.TextField(blank=True, default="")
    observed_sku_name = models.TextField(blank=True, default="")
    observed_vcores = models.PositiveSmallIntegerField(null=True)
    observed_max_size_bytes = models.BigIntegerField(null=True)
    observed_tags = models.JSONField(default=dict)
    observed_key_uri = models.TextField(blank=True, default="")
    observed_at = models.DateTimeField(null=True, help_text="Empty: never seen.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["service"],
                condition=~Q(status="deleted") & Q(service__isnull=False),
                name="database_one_per_service",
            ),
            models.UniqueConstraint(
                fields=["server", "azure_name"], condition=~Q(status="deleted"), name="database_name_once_per_server"
            ),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="database_status_known"),
            models.CheckConstraint(condition=Q(size_bytes__gt=0), name="database_size_positive"),
        ]
        indexes: ClassVar = [models.Index(fields=["server", "status"], name="database_by_server")]

    def __str__(self) -> str:
        return self.azure_name

    @property
    def key(self) -> str:
        return f"database:{self.pk}"

    @property
    def seen_at(self) -> datetime | None:
        """When Azure last showed it as the observed columns say; None: never."""
        return self.observed_at and later(self.observed_at, self.server.listed_at if self.server else None)
