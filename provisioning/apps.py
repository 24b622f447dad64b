from django.apps import AppConfig


class ProvisioningConfig(AppConfig):
    name = "provisioning"

    def ready(self) -> None:
        """Make the workflows known to this process."""
        from operations.workflow import register
        from provisioning.workflows import WORKFLOWS

        for workflow in WORKFLOWS:
            register(workflow)
