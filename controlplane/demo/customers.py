"""The demo's fleet: ten healthcare customers, a FHIR service of the planned size each, and DICOM services beside it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

GB_PER_TB = 1024


@dataclass(frozen=True, slots=True)
class Wanted:
    """One service to ask for."""

    workspace: str
    name: str
    kind: str
    size_gb: int


@dataclass(frozen=True, slots=True)
class Customer:
    """A workspace in its region; sizes in TB. The planned size of a FHIR service that nobody knows yet is 0.5 TB."""

    workspace: str
    display_name: str
    region: str
    fhir_tb: float
    dicom_tb: tuple[float, ...]

    def services(self) -> Iterator[Wanted]:
        yield Wanted(self.workspace, "fhir", "fhir", round(self.fhir_tb * GB_PER_TB))
        for number, size in enumerate(self.dicom_tb, start=1):
            yield Wanted(self.workspace, f"dicom-{number}", "dicom", round(size * GB_PER_TB))


CUSTOMERS = (
    Customer("cigna", "Cigna", "eastus", 50, (0.2, 0.6, 1.2, 3.5)),
    Customer("northwell", "Northwell", "eastus", 10, (0.3, 0.4, 0.8, 2.0)),
    Customer("dr-lal-path-labs", "Dr Lal Path Labs", "centralindia", 20, (0.2, 0.4, 0.5, 0.7)),
    Customer("apollo", "Apollo", "centralindia", 17, (0.2, 0.4, 0.9, 3.5)),
    Customer("hcg", "HCG", "centralindia", 10, (0.3, 0.4, 0.6, 0.8)),
    Customer("narayana-health", "Narayana Health", "centralindia", 10, (0.2, 0.5, 1.1)),
    Customer("wns-healthhelp", "WNS HealthHelp", "centralindia", 25, (0.4, 0.6, 0.7)),
    Customer("citius-tech", "Citius Tech", "centralindia", 5, (0.2, 0.3, 0.4, 0.5)),
    Customer("max-healthcare", "Max Healthcare", "centralindia", 0.5, (0.2, 0.4, 0.6, 1.0)),
    Customer("fortis", "Fortis", "centralindia", 0.5, (0.3, 0.5, 0.8, 1.2)),
)

REFUSED = (
    (Wanted("cigna", "devices", "iot", 100), "UnsupportedServiceKind"),
    (Wanted("apollo", "archive", "fhir", 150 * GB_PER_TB), "SizeNotSupported"),
)
REMOVED = Wanted("fortis", "dicom-2", "dicom", 512)
GROWN = Wanted("fortis", "fhir", "fhir", 1024)  # from half a TB
