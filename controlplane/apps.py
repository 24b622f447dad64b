"""Start of the Django project's own app."""

from __future__ import annotations

from django.apps import AppConfig


class ControlplaneConfig(AppConfig):
    """Loads the Celery application, so that `delay()` uses it in every process, and registers the system checks."""

    name = "controlplane"

    def ready(self) -> None:
        from controlplane import azure, celery, checks  # noqa: F401  (two are imported for what they register)

        azure.configure()
