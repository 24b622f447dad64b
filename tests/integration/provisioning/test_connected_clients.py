"""A client is connected through every change; the drops that it counts are those that the plan has promised."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from cloud.sql_failures import SqlFailure
from inventory.models import Database, ElasticPool, Workspace
from inventory.states import Status
from operations import clock
from operations.models import Operation
from provisioning.changes.consent import ACCEPTED
from provisioning.changes.plan import Plan
from provisioning.changes.pools import (
    PoolWish,
    plan_drain,
    plan_move,
    plan_resize,
    request_drain,
    request_move,
    request_resize,
)
from provisioning.changes.rehoming import Destination, plan_rehoming
from provisioning.changes.restoring import plan_restoring, restore
from provisioning.plans import plan_service
from provisioning.restores import RestoreWish
from provisioning.services import ServiceWish, request_service
from rotation.names import stable_secret_of
from tests.builders import GIB, TIB
from tests.local_azure import LocalAzure, run_until_settled
from tests.rehoming import a_server_in_the_making, other_server, rehome
from tests.waiting import HOUR, both_clocks

Begin = Callable[[], Operation]


class Client:
    """Connected to one database; asks it something whenever anything happens, and signs in again, as soon as it may, when cut
    off, with what its secret says then. One that `follows` does so as well whenever its secret says something new."""

    def __init__(self, azure: LocalAzure, database: Database, *, follows: bool = False) -> None:
        self._azure, self._secret, self._follows = azure, stable_secret_of(database), follows
        self._document = self._read()
        self._session: Any = azure.session(self._document)
        self.drops = self.answers = 0

    def ask(self) -> None:
        if self._session is None or (self._follows and self._read() != self._document):
            self._sign_in()
        if self._session is None:
            return
        try:
            self._session.execute("SELECT 1")
            self.answers += 1
        except SqlFailure:
            self.drops += 1
            self._sign_in()

    def _sign_in(self) -> None:
        """Not possible while Azure switches: tried again then, whenever anything happens."""
        if self._session is not None:
            self._session.close()
        self._document = self._read()
        try:
            self._session = self._azure.session(self._document)
        except SqlFailure:
            self._session = None

    def _read(self) -> dict[str, str]:
        document: dict[str, str] = json.loads(self._azure.secrets()[self._secret][-1]["value"])
        return document


pytestmark = pytest.mark.usefixtures("workspace")


def standing(azure: LocalAzure, *sizes: int) -> list[Database]:
    """Ready databases of these sizes, in the order asked for."""
    for number, size in enumerate(sizes):
        request_service(Workspace.objects.get(), ServiceWish(f"service-{number}", "fhir", size), actor="tests")
    run_until_settled(azure)
    return list(Database.objects.select_related("pool", "server", "service__workspace").order_by("service__name"))


def drops_during(azure: LocalAzure, clients: list[Client], begin: Begin) -> list[int]:
    """What each client counts while the operation runs, looking before every call to Azure and at the end."""

    def watched(name: str, call: Callable[[], Any]) -> Any:
        for client in clients:
            client.ask()
        return call()

    azure.around = watched
    operation = begin()
    run_until_settled(azure, seconds=5.0)
    operation.refresh_from_db()
    assert (operation.state, operation.error_message) == ("succeeded", "")
    for client in clients:
        client.ask()
        assert client.answers > 2
    return [client.drops for client in clients]


def grow(size: int) -> Begin:
    def begin() -> Operation:
        wish = ServiceWish("service-0", "fhir", size)
        granted = request_service(Workspace.objects.get(), wish, actor="tests", consent=ACCEPTED)
        assert granted.operation is not None
        return granted.operation

    return begin


def plan_of_growth(size: int) -> Plan:
    return plan_service(Workspace.objects.get(), ServiceWish("service-0", "fhir", size), actor="tests")


def promised(plan: Plan) -> int:
    assert plan.change is not None, plan.refusals
    return plan.change.disruption.drops


def test_a_new_limit_in_its_pool_drops_nobody(azure: LocalAzure):
    databases = standing(azure, 100 * GIB, 100 * GIB)
    promise = promised(plan_of_growth(200 * GIB))
    counted = drops_during(azure, [Client(azure, one) for one in databases], grow(200 * GIB))
    assert (counted, promise) == ([0, 0], 0)


def test_growth_by_moving_drops_the_one_that_moves_once(azure: LocalAzure):
    databases = standing(azure, 500 * GIB, 500 * GIB)
    promise = promised(plan_of_growth(3 * TIB))
    counted = drops_during(azure, [Client(azure, one) for one in databases], grow(3 * TIB))
    assert (counted, promise) == ([1, 0], 1)


def test_more_compute_of_hyperscale_drops_once(azure: LocalAzure):
    databases = standing(azure, 5 * TIB)
    promise = promised(plan_of_growth(15 * TIB))
    counted = drops_during(azure, [Client(azure, one) for one in databases], grow(15 * TIB))
    assert (counted, promise) == ([1], 1)


def test_a_move_drops_once(azure: LocalAzure):
    databases = standing(azure, 500 * GIB)
    promise = promised(plan_move(databases[0], actor="tests", reason="tests"))
    counted = drops_during(
        azure,
        [Client(azure, databases[0])],
        lambda: request_move(databases[0], actor="tests", reason="tests", consent=ACCEPTED),
    )
    assert (counted, promise) == ([1], 1)


def test_a_resize_drops_every_database_of_the_pool_once(azure: LocalAzure):
    databases = standing(azure, 100 * GIB, 100 * GIB)
    pool, wish = ElasticPool.objects.select_related("server").get(), PoolWish(16)
    plan = plan_resize(pool, wish, actor="tests")
    assert plan.change is not None
    assert plan.change.disruption.databases == 2
    counted = drops_during(
        azure,
        [Client(azure, one) for one in databases],
        lambda: request_resize(pool, wish, actor="tests", consent=ACCEPTED),
    )
    assert (counted, promised(plan)) == ([1, 1], 1)
    pool.refresh_from_db()
    assert (pool.vcores, pool.observed_vcores, pool.status) == (16, 16, Status.READY)


def test_a_drain_drops_every_database_once(azure: LocalAzure):
    databases = standing(azure, 100 * GIB, 100 * GIB, 100 * GIB)
    pool = ElasticPool.objects.select_related("server").get()
    plan = plan_drain(pool, actor="tests", reason="tests")
    counted = drops_during(
        azure,
        [Client(azure, one) for one in databases],
        lambda: request_drain(pool, actor="tests", reason="tests", consent=ACCEPTED),
    )
    assert (counted, promised(plan)) == ([1, 1, 1], 1)
    assert not Database.objects.filter(pool=pool).exists()
    pool.refresh_from_db()
    assert (pool.databases_committed, pool.is_cordoned, pool.observed_databases) == (0, True, 0)


def test_a_move_to_another_server_drops_twice_who_stays_and_once_who_follows(azure: LocalAzure, settings):
    settings.CREDENTIAL_OVERLAP_SECONDS = 0
    databases = standing(azure, 500 * GIB)
    a_server_in_the_making()
    run_until_settled(azure)
    destination = Destination(other_server())
    promise = promised(plan_rehoming(databases[0], destination, actor="tests", reason="tests"))
    clients = [Client(azure, databases[0]), Client(azure, databases[0], follows=True)]
    assert (drops_during(azure, clients, lambda: rehome(databases[0])), promise) == ([2, 1], 2)


def test_a_restore_to_a_moment_drops_once_who_stays_and_not_who_follows(azure: LocalAzure):
    database = standing(azure, 100 * GIB)[0]
    both_clocks(azure, HOUR)
    workspace, wish = Workspace.objects.get(), RestoreWish("service-0", clock.now() - HOUR / 2)
    promise = promised(plan_restoring(workspace, wish, actor="tests"))
    clients = [Client(azure, database), Client(azure, database, follows=True)]
    counted = drops_during(azure, clients, lambda: restore(workspace, wish, actor="tests", consent=ACCEPTED))
    assert (counted, promise) == ([1, 0], 1)
