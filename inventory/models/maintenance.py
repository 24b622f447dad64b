from __future__ import annotations

from typing import ClassVar

from django.db import models
from django.db.models import F, Q

from inventory.calendar import Span, WeeklyWindow
from inventory.identifiers import new_id
from inventory.models.workspace import Workspace


class MaintenanceWindow(models.Model):
    """Local hours of a weekday in which changes may disturb a workspace; those of no workspace are the fleet's, and hold
    for every workspace that has none of its own."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="maintenance_windows")
    weekday = models.PositiveSmallIntegerField(help_text="0 is Monday; of the day on which it opens.")
    opens = models.TimeField(help_text="Local time.")
    minutes = models.PositiveSmallIntegerField(help_text="How long it stays open; it may pass midnight.")
    time_zone = models.TextField(help_text="An IANA name, e.g. Europe/Berlin.")

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(
                fields=["workspace", "weekday", "opens", "time_zone"],
                nulls_distinct=False,
                name="maintenance_window_once",
            ),
            models.CheckConstraint(condition=Q(weekday__range=(0, 6)), name="maintenance_window_weekday_known"),
            models.CheckConstraint(condition=Q(minutes__range=(1, 1440)), name="maintenance_window_within_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.workspace or 'fleet'} {self.weekday} {self.opens} {self.time_zone}"

    @property
    def weekly(self) -> WeeklyWindow:
        return WeeklyWindow(self.weekday, self.opens, self.minutes, self.time_zone)


class Freeze(models.Model):
    """A time, by the business clock, in which no change may disturb a workspace; one of no workspace holds for the fleet."""

    id = models.UUIDField(primary_key=True, default=new_id, editable=False)
    workspace = models.ForeignKey(Workspace, models.PROTECT, null=True, related_name="freezes")
    starts_at = models.DateTimeField()
    ends_at = models.DateTimeField()
    reason = models.TextField()

    class Meta:
        constraints: ClassVar = [
            models.CheckConstraint(condition=Q(ends_at__gt=F("starts_at")), name="freeze_has_a_length"),
        ]
        indexes: ClassVar = [models.Index(fields=["workspace", "ends_at"], name="freeze_by_workspace")]

    def __str__(self) -> str:
        return f"{self.workspace or 'fleet'} {self.starts_at:%Y-%m-%d %H:%M}"

    @property
    def span(self) -> Span:
        return Span(self.starts_at, self.ends_at)
