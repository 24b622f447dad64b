"""What beat sends, and how often."""

from __future__ import annotations

from django.contrib import admin
from django.contrib.admin import display
from django.db.models import QuerySet
from django.http import HttpRequest
from django_celery_beat.models import PeriodicTask

from controlplane.console.display import NOTHING, WARNING, document, label, moment
from controlplane.console.read_only import ReadOnlyPage
from controlplane.console.site import console
from controlplane.console.tables import Facts, Notice


@admin.register(PeriodicTask, site=console)
class SchedulePage(ReadOnlyPage):
    """Schedules, the one that ran longest ago first: a stopped beat shows here."""

    list_display = ("name", "task", "every", "enabled", "ran", "total_run_count")
    list_filter = ("enabled",)
    search_fields = ("name", "task")
    ordering = ("last_run_at", "name")
    called = ("schedule", "schedules")
    empty_means = "Beat has not written its schedules yet: is it running?"

    def get_queryset(self, request: HttpRequest) -> QuerySet[PeriodicTask]:
        rows: QuerySet[PeriodicTask] = super().get_queryset(request)
        return rows.select_related("interval", "crontab", "solar", "clocked")

    @display(description="schedule")
    def every(self, row: PeriodicTask) -> str:
        return str(row.scheduler)

    @display(description="last sent", ordering="last_run_at")
    def ran(self, row: PeriodicTask) -> str:
        return moment(row.last_run_at, never="never")

    def notices(self, row: PeriodicTask) -> list[Notice]:
        return [] if row.enabled else [Notice(WARNING, "Switched off", "Beat does not send it.")]

    def facts(self, row: PeriodicTask) -> list[Facts]:
        what = (
            ("Task", row.task),
            ("Schedule", self.every(row)),
            ("Enabled", label("yes", "good") if row.enabled else label("no", WARNING)),
            ("Last sent", self.ran(row)),
            ("Times sent", row.total_run_count),
            ("Queue", row.queue or NOTHING),
            ("Arguments", document({"args": row.args, "kwargs": row.kwargs})),
            ("About", row.description or NOTHING),
        )
        return [Facts("Schedule", what)]
