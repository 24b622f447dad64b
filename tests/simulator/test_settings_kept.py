"""What a change leaves out stays as it was, and what is remembered of changes."""

from __future__ import annotations

from datetime import timedelta

import orjson
import pytest

from simulator.azure import Azure
from tests.simulator.builders import a_pool, a_server, ask, settle, whole_id

WINDOW = "/providers/Microsoft.Maintenance/publicMaintenanceConfigurations/SQL_EastUS_DB_2"


@pytest.fixture
def azure() -> Azure:
    return Azure(real=lambda: 0.0, throttled=False)


def shown(azure: Azure, path: str) -> dict:
    return orjson.loads(ask(azure, "GET", path).body)["properties"]


def changed(azure: Azure, method: str, path: str, sku: str | None = None, **properties: object) -> dict:
    document = {"location": "eastus", "properties": properties, **({"sku": {"name": sku}} if sku else {})}
    answered = ask(azure, method, path, document)
    assert answered.status == 202, answered.body
    settle(azure)
    return shown(azure, path)


@pytest.mark.parametrize(
    ("sku", "setting"),
    [
        ("HS_Gen5_2", {"highAvailabilityReplicaCount": 3}),
        ("GP_S_Gen5_2", {"autoPauseDelay": 120, "minCapacity": 1.0}),
        ("GP_Gen5_2", {"maintenanceConfigurationId": WINDOW}),
        ("P1", {"readScale": "Disabled"}),
    ],
)
def test_a_setting_stays_when_a_change_does_not_name_it(azure, sku, setting):
    path = f"{a_server(azure)}/databases/d"
    made = changed(azure, "PUT", path, sku, **said(azure, setting))
    assert made.items() >= said(azure, setting).items()
    assert changed(azure, "PATCH", path, zoneRedundant=made["zoneRedundant"]).items() >= said(azure, setting).items()


def said(azure: Azure, setting: dict) -> dict:
    """With whole ids."""
    return {name: whole_id(azure, value) if value == WINDOW else value for name, value in setting.items()}


def test_a_database_has_the_maintenance_window_of_its_pool(azure):
    server = a_server(azure)
    window = whole_id(azure, WINDOW)
    pool = a_pool(azure, server, maintenanceConfigurationId=window)
    assert shown(azure, pool)["maintenanceConfigurationId"] == window
    made = changed(azure, "PUT", f"{server}/databases/d", elasticPoolId=whole_id(azure, pool))
    assert made["maintenanceConfigurationId"] == window
    assert changed(azure, "PATCH", pool)["maintenanceConfigurationId"] == window


def test_what_a_reader_of_an_old_version_sees_of_replicas(azure):
    path = f"{a_server(azure)}/databases/d"
    changed(azure, "PUT", path, "HS_Gen5_2", readReplicaCount=2)
    old = orjson.loads(ask(azure, "GET", path, **{"api-version": "2017-10-01-preview"}).body)["properties"]
    assert (old["readReplicaCount"], shown(azure, path)["highAvailabilityReplicaCount"]) == (2, 2)


def test_a_cancelled_operation_is_told_of_long_after_it_was_due(azure):
    path = f"{a_server(azure)}/databases/d"
    changed(azure, "PUT", path, "S0")
    begun = ask(azure, "PATCH", path, {"sku": {"name": "S1"}})
    (listed,) = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"]
    assert listed["name"] == begun.headers["x-ms-request-id"]
    assert ask(azure, "POST", f"{path}/operations/{listed['name']}/cancel").status == 200
    azure.clock.advance(timedelta(hours=23))
    azure.arm.operations.settle()
    (still,) = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"]
    assert still["properties"]["state"] == "Cancelled"
    azure.clock.advance(timedelta(hours=2))
    azure.arm.operations.settle()
    assert orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"] == []


def test_a_move_to_a_tier_without_readable_replicas_ends_read_scale(azure):
    path = f"{a_server(azure)}/databases/d"
    assert changed(azure, "PUT", path, "BC_Gen5_2")["readScale"] == "Enabled"
    assert changed(azure, "PATCH", path, "GP_Gen5_2")["readScale"] == "Disabled"
