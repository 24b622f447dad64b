"""What is publicly known of Azure's regions: geography (data stays within it), pair, availability zones.

Source: Microsoft's pages on Azure geographies, paired regions and availability zones, as of 2025. A region that is not listed
here may be used all the same: its row is then corrected by an operator.
"""

from __future__ import annotations

from dataclasses import dataclass

from inventory.models import Region


@dataclass(frozen=True, slots=True)
class KnownRegion:
    display_name: str
    geography: str
    paired_with: str
    has_zones: bool


KNOWN = {
    "eastus": KnownRegion("East US", "United States", "westus", True),
    "eastus2": KnownRegion("East US 2", "United States", "centralus", True),
    "centralus": KnownRegion("Central US", "United States", "eastus2", True),
    "northcentralus": KnownRegion("North Central US", "United States", "southcentralus", False),
    "southcentralus": KnownRegion("South Central US", "United States", "northcentralus", True),
    "westus": KnownRegion("West US", "United States", "eastus", False),
    "westus2": KnownRegion("West US 2", "United States", "westcentralus", True),
    "westus3": KnownRegion("West US 3", "United States", "eastus", True),
    "westcentralus": KnownRegion("West Central US", "United States", "westus2", False),
    "northeurope": KnownRegion("North Europe", "Europe", "westeurope", True),
    "westeurope": KnownRegion("West Europe", "Europe", "northeurope", True),
    "uksouth": KnownRegion("UK South", "United Kingdom", "ukwest", True),
    "ukwest": KnownRegion("UK West", "United Kingdom", "uksouth", False),
    "centralindia": KnownRegion("Central India", "India", "southindia", True),
    "southindia": KnownRegion("South India", "India", "centralindia", False),
    "westindia": KnownRegion("West India", "India", "southindia", False),
    "southeastasia": KnownRegion("Southeast Asia", "Asia Pacific", "eastasia", True),
    "eastasia": KnownRegion("East Asia", "Asia Pacific", "southeastasia", True),
    "japaneast": KnownRegion("Japan East", "Japan", "japanwest", True),
    "japanwest": KnownRegion("Japan West", "Japan", "japaneast", True),
    "australiaeast": KnownRegion("Australia East", "Australia", "australiasoutheast", True),
    "canadacentral": KnownRegion("Canada Central", "Canada", "canadaeast", True),
}


def register_region(name: str) -> Region:
    """The region's row, made from what is known where it is new; an existing row is left as it is."""
    known = KNOWN.get(name, KnownRegion(name, "", "", False))
    row, _ = Region.objects.get_or_create(
        name=name,
        defaults={
            "display_name": known.display_name,
            "geography": known.geography,
            "paired_with": known.paired_with,
            "has_zones": known.has_zones,
        },
    )
    return row
