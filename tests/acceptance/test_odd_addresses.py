"""Addresses and documents that would be overlooked in part are refused whole."""

from __future__ import annotations

import pytest
from django.test import Client


@pytest.mark.parametrize("address", ["/console/inventory/database/?status__exact=%00", "/%00"])
def test_an_address_with_a_nul_is_refused(address: str):
    answer = Client().get(address)
    assert answer.status_code == 400
    assert answer.headers["x-ms-error-code"] == "InvalidAddress"
