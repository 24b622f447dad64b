"""What beat sends, and how often. The rows of django-celery-beat are made from this list; each task is a harmless sweep."""

from __future__ import annotations

from dataclasses import dataclass

from django_celery_beat.models import IntervalSchedule, PeriodicTask


@dataclass(frozen=True, slots=True)
class Schedule:
    """A task and its interval; a message that nobody took within one interval is dropped, the next one replaces it.

    `queue` empty: where the task's route leads.
    """

    name: str
    task: str
    every_seconds: int
    queue: str = ""


SCHEDULES = (
    Schedule("advance due operations", "operations.tasks.advance_due", 2),
    Schedule("advance due isolated steps", "operations.tasks.advance_due", 2, queue="isolated"),
    Schedule("observe servers", "provisioning.tasks.observe_servers", 1),
    Schedule("forget deleted services", "provisioning.tasks.forget_deleted", 300),
    Schedule("deliver notifications", "notifications.tasks.deliver_due", 2),
    Schedule("forget old notices", "notifications.tasks.forget_old_notices", 3600),
    Schedule("compare with Azure", "provisioning.tasks.compare_with_azure", 5),
    Schedule("begin growth", "provisioning.tasks.begin_growth", 60),
    Schedule("watch growth", "provisioning.tasks.watch_growth", 3 * 3600),
    Schedule("keep warm stocks", "provisioning.tasks.keep_warm_stocks", 30),
    Schedule("prove warm databases", "provisioning.tasks.prove_warm_databases", 30),
    Schedule("sample usage", "placement.tasks.sample_usage", 60),
    Schedule("fold profiles", "placement.tasks.fold_profiles", 600),
    Schedule("spread load", "provisioning.tasks.rebalance", 60),
    Schedule("size pools", "provisioning.tasks.size_pools", 600),
    Schedule("forget answers", "operations.tasks.forget_answers", 3600),
    Schedule("forget gone workers", "controlplane.tasks.forget_gone_workers", 600),
    Schedule("forget call rates", "controlplane.tasks.forget_call_rates", 3600),
    Schedule("request due rotations", "rotation.tasks.request_due_rotations", 30),
    Schedule("alert expiring credentials", "rotation.tasks.alert_expiring_credentials", 300),
    Schedule("watch keys", "provisioning.tasks.watch_keys", 5),
    Schedule("alert ending returns", "provisioning.tasks.alert_ending_returns", 3600),
    Schedule("make month partitions", "operations.tasks.make_partitions", 24 * 3600),
)


def sync_schedules() -> None:
    """Make the rows equal to the list: new ones added, changed ones changed, others of ours removed.

    An operator may switch one off (`enabled`); that is kept.
    """
    for schedule in SCHEDULES:
        interval, _ = IntervalSchedule.objects.get_or_create(
            every=schedule.every_seconds, period=IntervalSchedule.SECONDS
        )
        PeriodicTask.objects.update_or_create(
            name=schedule.name,
            defaults={
                "task": schedule.task,
                "interval": interval,
                "queue": schedule.queue or None,
                "expire_seconds": max(schedule.every_seconds, 10),
            },
        )
    ours = [schedule.name for schedule in SCHEDULES]
    PeriodicTask.objects.exclude(name__in=ours).exclude(task__startswith="celery.").delete()
