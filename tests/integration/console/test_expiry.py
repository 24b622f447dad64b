"""The first page says at one glance what ends soon."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.urls import reverse

from operations import clock
from rotation.models import Credential
from tests.fleets import Fleet


@pytest.mark.parametrize(
    ("days", "says", "tone"),
    [
        (-1, "1 credential has EXPIRED", "bad"),
        (0.5, "1 credential ends within a day", "bad"),
        (20, "1 credential ends within 30 days", "warning"),
    ],
)
def test_a_banner_stands_above_all_else(console: Client, fleet: Fleet, days: float, says: str, tone: str) -> None:
    Credential.objects.update(valid_until=clock.now() + timedelta(days=80))
    chosen = Credential.objects.filter(status="active").first()
    assert chosen is not None
    Credential.objects.filter(pk=chosen.pk).update(valid_until=clock.now() + timedelta(days=days))
    home = console.get(reverse("console:index")).context_data["home"]
    assert [(banner.title, banner.tone) for banner in home.banners] == [(says, tone)]


def test_without_anything_to_say_there_is_no_banner(console: Client, fleet: Fleet, settings) -> None:
    Credential.objects.update(valid_until=clock.now() + timedelta(days=80))
    settings.AZURE_CREDENTIAL = "managed_identity"
    assert console.get(reverse("console:index")).context_data["home"].banners == []


def test_our_own_secret_has_a_banner_too(console: Client, fleet: Fleet, settings) -> None:
    Credential.objects.update(valid_until=clock.now() + timedelta(days=80))
    settings.AZURE_CREDENTIAL = "client_secret"
    settings.AZURE_CLIENT_SECRET_EXPIRES_AT = clock.now() + timedelta(days=5)
    (banner,) = console.get(reverse("console:index")).context_data["home"].banners
    assert banner.title == "This control plane's own client secret ends within 7 days"
