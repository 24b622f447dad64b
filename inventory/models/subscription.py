from __future__ import annotations

from django.db import models


class Subscription(models.Model):
    """An Azure subscription that we may fill. Limits are per region; Azure's default is 20 servers (raised by a request)."""

    subscription_id = models.TextField(primary_key=True, help_text="Azure's GUID, lower case.")
    name = models.TextField()
    resource_group = models.TextField(default="sql-persistence")
    is_open = models.BooleanField(default=True, help_text="May take new servers.")
    servers_per_region = models.PositiveSmallIntegerField(default=20)

    def __str__(self) -> str:
        return self.name


class Region(models.Model):
    """An Azure region, by its normalised name, e.g. centralindia."""

    name = models.TextField(primary_key=True)
    display_name = models.TextField()
    geography = models.TextField(help_text="Data stays within it, e.g. India.")
    paired_with = models.TextField(blank=True, default="")
    has_zones = models.BooleanField(default=False)
    is_open = models.BooleanField(default=True, help_text="May take new workspaces.")

    def __str__(self) -> str:
        return self.display_name
