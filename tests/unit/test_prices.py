"""What is not known is said; what is known names its date and source."""

from __future__ import annotations

import pytest

from inventory.regions import KNOWN
from provisioning.changes.prices import Priced, monthly_cost, price_book

POOL = Priced("GeneralPurpose", 4, 100 * 2**30)


@pytest.mark.parametrize("region", sorted(KNOWN))
def test_every_region_that_we_know_is_priced_or_said_to_have_no_price(region: str, settings):
    cost = monthly_cost(region, [], [POOL])
    if region in price_book(settings.PRICES_FILE)["regions"]:
        assert cost.after is not None
        assert cost.note.startswith("Prices noted on 20")
    else:
        assert (cost.before, cost.after) == (None, None)
        assert f"No prices of {region} are configured" in cost.note


@pytest.mark.parametrize("region", ["eastus", "westeurope", "westus3"])
def test_the_prices_of_a_region_name_their_source_and_whether_a_licence_is_in_them(region: str, settings):
    prices = price_book(settings.PRICES_FILE)["regions"][region]
    assert "licence" in prices["source"]
    assert "quote" in prices["source"]
    assert all(price > 0 for kind in ("vcore_hour", "storage_gb_month") for price in prices[kind].values())


def test_a_tier_without_a_price_in_its_region_is_unknown_there():
    assert monthly_cost("westeurope", [], [Priced("Hyperscale", 4, 2**30)]).after is None


def test_a_size_without_a_price_leaves_no_half_sum():
    cost = monthly_cost("westus3", [POOL], [Priced("Premium", 4, 2**30)])
    assert (cost.before, cost.after) == (None, None)
    assert "not configured" in cost.note


def test_four_vcores_and_a_hundred_gibibytes_cost_what_the_file_says():
    assert monthly_cost("westus3", [], [POOL]).after == round(4 * 730 * 0.152217 + 100 * 0.115, 2)
