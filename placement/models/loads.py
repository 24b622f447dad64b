from __future__ import annotations

from typing import ClassVar

from django.db import models

from inventory.models import ElasticPool, Region


class PoolLoad(models.Model):
    """What a pool's databases need together, from their profiles: all that a decision reads of it, however full it is.

    Made anew after each fold. `profile` is the sum of their usual vCores in each of the week's 168 hours, float32.
    `vcores_counted` is what had been promised then: what was promised since is added as it was asked for.
    """

    pool = models.OneToOneField(ElasticPool, models.CASCADE, primary_key=True, related_name="load")
    profile = models.BinaryField()
    mean = models.FloatField(help_text="vCores.")
    variance = models.FloatField(help_text="Of what the profile does not explain; what workspaces share is in it.")
    peak = models.FloatField(help_text="vCores at the risk quantile in the busiest hour.")
    recent = models.FloatField(
        null=True, help_text="vCores that ninety-nine of a hundred slots of the last day stayed below."
    )
    databases = models.PositiveIntegerField()
    same_since = models.DateTimeField(null=True, help_text="Nobody has come or gone since (Azure's time).")
    points = models.FloatField(help_text="Samples that a database's part rests on, on average.")
    vcores_counted = models.FloatField()
    looks = models.PositiveIntegerField(
        default=0, help_text="The last looks, a bit each, newest lowest: above the mark?"
    )
    is_hot = models.BooleanField(default=False, help_text="To be relieved: above the mark now and often of late.")
    made_at = models.DateTimeField(help_text="As far as samples were folded then (Azure's time).")

    def __str__(self) -> str:
        return f"{self.pool_id}: {self.peak:.1f} vCores"


class LoadClass(models.Model):
    """What databases of a kind and size use in a region: newcomers borrow it until they are known themselves."""

    region = models.ForeignKey(Region, models.CASCADE, related_name="load_classes")
    kind = models.TextField(help_text="Of service; empty: none.")
    size_class = models.PositiveSmallIntegerField(help_text="The logarithm of the planned GB to base 4, rounded down.")
    databases = models.FloatField(help_text="How many it rests on; one that is hardly known counts less than 1.")
    profile = models.BinaryField(help_text="Mean of their usual vCores in each hour of the week, float32.")
    variance = models.FloatField(help_text="Of one of them around that, differences between them included.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["region", "kind", "size_class"], name="load_class_once"),
        ]

    def __str__(self) -> str:
        return f"{self.region_id} {self.kind} {self.size_class}"


class LoadForecast(models.Model):
    """How much of a day a pool was expected to be above its level, and how much it was. The last one made before counts."""

    pool = models.ForeignKey(ElasticPool, models.CASCADE, related_name="load_forecasts")
    day = models.DateField(help_text="Azure's (UTC).")
    level = models.FloatField(help_text="vCores: the pool's size less headroom.")
    predicted_share = models.FloatField(help_text="Of the day's slots of five minutes.")
    observed_share = models.FloatField(null=True, help_text="Empty: the day is not over, or hardly anything was seen.")
    slots = models.PositiveSmallIntegerField(default=0, help_text="Seen.")

    class Meta:
        constraints: ClassVar = [models.UniqueConstraint(fields=["pool", "day"], name="load_forecast_once_a_day")]
        indexes: ClassVar = [models.Index(fields=["day"], name="load_forecast_by_day")]

    def __str__(self) -> str:
        return f"{self.pool_id} {self.day}"
