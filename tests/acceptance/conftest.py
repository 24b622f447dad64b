from __future__ import annotations

from collections.abc import Iterator

import pytest
from django.core.cache import cache

from controlplane.api import auth
from controlplane.api.signing_keys import SigningKeys
from controlplane.call_rates import shares
from tests.acceptance.callers import AUTHORITY, TENANT, Directory


@pytest.fixture(autouse=True)
def nobody_has_called_yet() -> None:
    """Rate limits and noted sign-ins of earlier tests are forgotten."""
    cache.clear()
    shares.forget()


@pytest.fixture
def directory(settings) -> Iterator[Directory]:
    """The directory whose tokens the API takes in this test."""
    settings.AZURE_AUTHORITY_HOST = AUTHORITY
    settings.API_TENANTS = [TENANT]
    found = Directory()
    auth.configure(SigningKeys(AUTHORITY, fetch=found.fetch))
    yield found
    auth.configure(None)
