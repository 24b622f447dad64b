"""Stocks are filled, proved, renewed and thinned out; failing makings stop by themselves."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from cloud import factory
from inventory.models import Database, Workspace
from inventory.states import Status
from operations import clock
from operations.models import Operation, OutboxEvent
from provisioning.models import WarmDatabase, WarmStock
from provisioning.services import ServiceWish, request_service
from provisioning.warm.keeping import keep_stocks
from provisioning.warm.proofs import request_due
from provisioning.warm.stocks import figures, remove, resume
from simulator.faults import FaultKind, FaultRule
from tests.builders import GIB
from tests.local_azure import LocalAzure, run_until_settled
from tests.prices import prices_of
from tests.warming import KEPT, a_filled_stock, a_stock

State = WarmDatabase.State
A_DATABASE = re.compile(r"/databases/[^/]+$")


def kept() -> set[object]:
    return set(WarmDatabase.objects.filter(state=KEPT).values_list("pk", flat=True))


def published(database: Database) -> dict[str, str]:
    found = factory.secret_store().get(database.azure_name)
    assert found is not None
    told: dict[str, str] = json.loads(found[0].reveal())
    return told


def test_a_stock_is_filled_and_refilled(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace, count=2)
    before = kept()
    assert len(before) == 2
    request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    assert keep_stocks() == 1
    run_until_settled(azure)
    assert len(kept()) == 2
    assert len(kept() & before) == 1


def test_refills_are_made_in_the_name_of_their_class(azure: LocalAzure, workspace: Workspace, settings: Any):
    settings.WARM_MADE_AT_ONCE = 2
    a_stock(workspace.region, count=5)
    assert keep_stocks() == 2
    assert keep_stocks() == 0
    assert set(Operation.objects.values_list("priority", flat=True)) == {40}


def test_idle_ones_are_proved_again_and_again(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    assert request_due() == 0
    clock.advance(timedelta(minutes=8), business=True)
    assert request_due() == 1
    assert request_due() == 0
    run_until_settled(azure)
    proved = WarmDatabase.objects.get().proved_at
    assert proved is not None
    assert clock.now() - proved < timedelta(minutes=1)


def test_one_that_refuses_its_login_is_replaced(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    broken = WarmDatabase.objects.get()
    azure.set_secret(broken.database.azure_name, {**published(broken.database), "password": "another"})
    clock.advance(timedelta(minutes=8), business=True)
    request_due()
    run_until_settled(azure)
    broken.refresh_from_db()
    assert broken.why.startswith("PublishedLoginRefused")
    keep_stocks()
    run_until_settled(azure)
    assert broken.pk not in kept()
    assert len(kept()) == 1
    assert Database.objects.get(pk=broken.pk).status == Status.DELETED


def test_what_was_made_otherwise_is_replaced_first_and_removed_then(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    old = kept()
    WarmStock.objects.update(size_bytes=200 * GIB)
    keep_stocks()
    assert old <= kept(), "it stays until another stands in its place"
    run_until_settled(azure)
    keep_stocks()
    run_until_settled(azure)
    assert not old & kept()
    assert len(kept()) == 1


def test_old_ones_are_replaced(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace)
    old = kept()
    clock.advance(timedelta(days=15), business=True)
    for _ in range(2):
        keep_stocks()
        run_until_settled(azure)
    assert not old & kept()


def test_a_stock_that_is_switched_off_is_emptied(azure: LocalAzure, workspace: Workspace):
    a_filled_stock(azure, workspace, count=2)
    WarmStock.objects.update(is_on=False, sized_at=None)
    keep_stocks()
    run_until_settled(azure)
    assert kept() == set()
    assert azure.resources("databases") == []


def test_makings_that_fail_one_after_the_other_stop(azure: LocalAzure, workspace: Workspace):
    azure.azure.faults.add(FaultRule(FaultKind.FAILED_OPERATION, method="PUT", path=A_DATABASE, count=None))
    stock = a_stock(workspace.region, count=3)
    for _ in range(3):
        keep_stocks()
        run_until_settled(azure)
    stock.refresh_from_db()
    assert stock.halted_at is not None
    assert keep_stocks() == 0
    assert OutboxEvent.objects.filter(kind="warm.halted").count() == 1


def test_the_number_wanted_follows_what_was_asked_for(azure: LocalAzure, workspace: Workspace):
    stock = a_stock(workspace.region, count=0, most=50)
    for n in range(48):
        request_service(workspace, ServiceWish(f"s-{n}", "fhir", GIB), actor="tests")
    keep_stocks()
    stock.refresh_from_db()
    assert stock.reason["arrivals_an_hour"] == 2.0
    assert 1 <= stock.wanted < 20


def test_a_budget_bounds_it(azure: LocalAzure, workspace: Workspace, settings: Any, tmp_path: Path):
    settings.PRICES_FILE = prices_of("westus3", folder=tmp_path)
    stock = a_stock(workspace.region, count=10, monthly_budget=1.0)
    keep_stocks()
    stock.refresh_from_db()
    assert stock.reason["monthly_cost_of_one"] is None, "no price is known there, and so nothing is bounded"
    assert stock.wanted == 10


def test_an_operator_lets_a_halted_stock_go_on(azure: LocalAzure, workspace: Workspace):
    stock = a_stock(workspace.region, count=1, halted_at=clock.now())
    assert keep_stocks() == 0
    assert resume(stock, actor="tests", reason="Azure is well again")
    assert keep_stocks() == 1


def test_a_removed_stock_lets_its_databases_go_and_then_goes_itself(azure: LocalAzure, workspace: Workspace):
    stock = a_filled_stock(azure, workspace)
    claimed = request_service(workspace, ServiceWish("claims", "fhir", 100 * GIB), actor="tests")
    run_until_settled(azure)
    remove(stock, actor="tests")
    for _ in range(2):
        keep_stocks()
        run_until_settled(azure)
    assert not WarmStock.objects.exists()
    assert Database.objects.get(service=claimed.service).status == Status.READY
    assert len(azure.resources("databases")) == 1


def test_what_a_stock_is_worth(azure: LocalAzure, workspace: Workspace):
    stock = a_filled_stock(azure, workspace)
    for name in ("first", "second"):
        request_service(workspace, ServiceWish(name, "fhir", 100 * GIB), actor="tests")
    keep_stocks()
    found = figures(stock)
    assert (found.served, found.wished, found.active, found.idle, found.making) == (1, 2, 1, 0, 1)


def test_what_refills_a_stock_uses_the_request_budget_of_its_class(
    azure: LocalAzure, workspace: Workspace, caplog: pytest.LogCaptureFixture
):
    caplog.set_level("INFO", logger="cloud.arm")
    a_filled_stock(azure, workspace)
    writes = [one.msg for one in caplog.records if one.name == "cloud.arm" and one.msg["method"] == "PUT"]
    assert writes
    assert {one["call_class"] for one in writes} == {"rebalancing"}
