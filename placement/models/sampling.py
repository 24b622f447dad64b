from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import Q

HOURLY, OFTEN = 3600, 300


class Meter(models.Model):
    """What is sampled of one pool or database, and how far. Its number is its place in the packed profiles: never reused.

    Every slot before `sampled_until` was stored, or marked as a gap, or lies before its first point. Times are Azure's.
    live → ended (its resource is gone) → live (it was restored).
    """

    class Kind(models.TextChoices):
        POOL = "pool"
        DATABASE = "database"

    id = models.AutoField(primary_key=True)
    kind = models.TextField(choices=Kind.choices)
    resource = models.UUIDField(unique=True, help_text="The pool's or database's own id.")
    subscription_id = models.TextField()
    region = models.TextField()
    arm_id = models.TextField()
    service_tier = models.TextField()
    family = models.TextField()
    vcores = models.FloatField(help_text="Of the pool that it is or stands in, or of the single database.")
    share = models.FloatField(help_text="Of those, what it may use at most; its percentages are of that.")
    every_seconds = models.PositiveIntegerField(default=HOURLY)
    is_hot = models.BooleanField(default=False, help_text="A pool whose databases are looked at often.")
    first_at = models.DateTimeField(null=True, help_text="Its first point; what came before it is no gap.")
    gap_since = models.DateTimeField(null=True, help_text="The first gap that was not looked at a second time.")
    sampled_until = models.DateTimeField()
    due_at = models.DateTimeField()
    ended_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(share__gt=0, vcores__gt=0), name="meter_has_limits")
        ]
        indexes: ClassVar = [
            models.Index(
                fields=["subscription_id", "region", "kind"],
                condition=Q(ended_at__isnull=True),
                name="meter_by_group",
            )
        ]

    def __str__(self) -> str:
        return f"{self.kind}:{self.resource}"


class SamplingTurn(models.Model):
    """Who asks Azure Monitor about the pools, or the databases, of a subscription and region: one at a time, by lease.

    A second one would only ask in vain: what it stores is there already. One row more, of the kind `tend`, says when the
    meters were last brought up to date (Azure's time).
    """

    subscription_id = models.TextField()
    region = models.TextField()
    kind = models.TextField(help_text="pool, database or tend.")
    token = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    done_at = models.DateTimeField(null=True)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["subscription_id", "region", "kind"], name="sampling_turn_once")
        ]

    def __str__(self) -> str:
        return f"{self.subscription_id} {self.region} {self.kind}"


class Sample(models.Model):
    """Five minutes of one meter, as averages. Without `vcores` it is a gap: Azure had no point when it was given up.

    Partitioned by day of `slot`; written by COPY.
    """

    pk = models.CompositePrimaryKey("slot", "meter_id")
    slot = models.DateTimeField(help_text="Where the five minutes begin (UTC).")
    meter = models.ForeignKey(Meter, models.DO_NOTHING, db_constraint=False)
    vcores = models.FloatField(null=True)
    iops = models.FloatField(null=True, help_text="Of data, a second.")
    log_mbps = models.FloatField(null=True)
    workers = models.FloatField(null=True)
    sessions = models.FloatField(null=True)
    bytes = models.FloatField(null=True, help_text="Of data stored.")
    busy_percent = models.FloatField(null=True, help_text="Of its own limits, the one that is nearest.")

    class Meta:
        managed = False  # partitioned: its table is made by a migration's SQL
        db_table = "placement_sample"

    def __str__(self) -> str:
        return f"{self.meter_id} {self.slot}"


class Profile(models.Model):
    """One hour of the week of 256 meters, for one metric: n, mean, M2 and maximum, 256 float32 each, one after the other.

    `week_hour` 0 is Monday's first hour, UTC; `chunk` is the meter's number divided by 256.
    """

    pk = models.CompositePrimaryKey("metric", "chunk", "week_hour")
    metric = models.PositiveSmallIntegerField()
    chunk = models.PositiveIntegerField()
    week_hour = models.PositiveSmallIntegerField()
    packed = models.BinaryField()

    def __str__(self) -> str:
        return f"{self.metric} {self.chunk} {self.week_hour}"


class LateSample(models.Model):
    """A point that came after its hour had been folded into the profiles; the next fold takes it."""

    pk = models.CompositePrimaryKey("slot", "meter_id")
    slot = models.DateTimeField()
    meter_id = models.IntegerField()

    def __str__(self) -> str:
        return f"{self.meter_id} {self.slot}"


class FoldMark(models.Model):
    """How far samples were folded into profiles: every hour before `until`. One row."""

    only_row = models.BooleanField(primary_key=True, default=True)
    until = models.DateTimeField()

    class Meta:
        constraints: ClassVar = [models.CheckConstraint(condition=Q(only_row=True), name="fold_mark_only_row")]

    def __str__(self) -> str:
        return str(self.until)
