from django.apps import AppConfig


class RotationConfig(AppConfig):
    name = "rotation"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Make the workflows known to this process."""
        from operations.workflow import register
        from rotation.workflows import WORKFLOWS

        for workflow in WORKFLOWS:
            register(workflow)
