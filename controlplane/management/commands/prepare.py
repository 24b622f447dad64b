"""After migrating: the schedules of beat, and the subscriptions and regions that the settings name."""

from __future__ import annotations

from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from controlplane.schedules import sync_schedules
from inventory.models import Subscription
from inventory.regions import register_region


class Command(BaseCommand):
    """Repeating it changes nothing; rows that are there keep what operators set."""

    help = __doc__

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        sync_schedules()
        for name in settings.AZURE_LOCATIONS:
            register_region(name)
        for subscription_id in settings.AZURE_SUBSCRIPTION_IDS:
            Subscription.objects.get_or_create(
                subscription_id=subscription_id.lower(), defaults={"name": f"subscription {subscription_id[:8]}"}
            )
