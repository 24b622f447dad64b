from __future__ import annotations

from datetime import datetime
from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from inventory.identifiers import new_id
from inventory.models.server import SqlServer, later
from inventory.states import Status


class ElasticPool(models.Model):
    """vCores and storage that databases share. Desired columns are ours; observed ones are what Azure last showed.

    The committed counters are room that placement has promised. They change only by one conditional UPDATE, and the
    database itself refuses more than the limit.
    """

    Status = Status

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    server = models.ForeignKey(SqlServer, models.PROTECT, related_name="pools")
    azure_name = models.TextField()
    sku_name = models.TextField(help_text="E.g. GP_Gen5.")
    service_tier = models.TextField(help_text="E.g. GeneralPurpose.")
    family = models.TextField(default="Gen5")
    vcores = models.PositiveSmallIntegerField()
    max_size_bytes = models.BigIntegerField()
    max_databases = models.PositiveSmallIntegerField()
    per_database_min_vcores = models.FloatField(default=0)
    per_database_max_vcores = models.FloatField()
    is_zone_redundant = models.BooleanField(default=False)
    status = models.TextField(choices=Status.choices, default=Status.CREATING)
    error_code = models.TextField(blank=True, default="")
    error_message = models.TextField(blank=True, default="")
    is_cordoned = models.BooleanField(default=False, help_text="Closed to placement.")
    databases_committed = models.PositiveIntegerField(default=0)
    bytes_committed = models.BigIntegerField(default=0)
    vcores_demanded = models.FloatField(default=0, help_text="Expected load of what was placed here, in vCores.")
    created_at = models.DateTimeField(auto_now_add=True)

    observed_state = models.TextField(blank=True, default="")
    observed_vcores = models.PositiveSmallIntegerField(null=True)
    observed_max_size_bytes = models.BigIntegerField(null=True)
    observed_databases = models.PositiveIntegerField(null=True)
    observed_fullness = models.PositiveSmallIntegerField(null=True, help_text="Percent of what is scarcest in it.")
    is_nearly_full = models.BooleanField(default=False, help_text="As last told; it ends well below where it begins.")
    observed_at = models.DateTimeField(null=True, help_text="Empty: never seen.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["server", "azure_name"], name="pool_name_once_per_server"),
            models.CheckConstraint(condition=Q(status__in=Status.values), name="pool_status_known"),
            models.CheckConstraint(
                condition=Q(databases_committed__lte=F("max_databases")), name="pool_room_for_databases"
            ),
            models.CheckConstraint(
                condition=Q(bytes_committed__gte=0, bytes_committed__lte=F("max_size_bytes")),
                name="pool_room_for_bytes",
            ),
        ]

    def __str__(self) -> str:
        return self.azure_name

    @property
    def key(self) -> str:
        return f"pool:{self.pk}"

    @property
    def seen_at(self) -> datetime | None:
        """When Azure last showed it as the observed columns say; None: never."""
        return self.observed_at and later(self.observed_at, self.server.listed_at)
