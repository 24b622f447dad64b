from __future__ import annotations

from django.db import models

from inventory.models.subscription import Subscription
from inventory.models.workspace import Workspace


class WorkspaceIdentity(models.Model):
    """The user-assigned identity by which a workspace's databases come to its customer's vaults.

    Place and name are saved before Azure hears of it; its ids are empty until it was seen there. `trusts_us`: we may come as
    it.
    """

    workspace = models.OneToOneField(Workspace, models.PROTECT, primary_key=True, related_name="identity")
    subscription = models.ForeignKey(Subscription, models.PROTECT)
    resource_group = models.TextField()
    region = models.TextField()
    azure_name = models.TextField()
    arm_id = models.TextField(blank=True, default="")
    principal_id = models.TextField(blank=True, default="", help_text="What the customer grants rights to.")
    client_id = models.TextField(blank=True, default="")
    trusts_us = models.BooleanField(default=False)

    def __str__(self) -> str:
        return self.azure_name
