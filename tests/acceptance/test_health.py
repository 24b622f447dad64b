from __future__ import annotations

import pytest
from django.conf import settings
from django.db import OperationalError, connection
from django.test import Client, override_settings

from controlplane import health, heartbeats
from controlplane.api.principals import Role
from tests.acceptance.callers import Directory


@pytest.fixture(autouse=True)
def a_process_that_has_just_started(monkeypatch):
    monkeypatch.setattr(health, "_migrated", False)


def test_a_living_process_says_so_without_asking_anybody(client):
    answer = client.get("/healthz")
    assert (answer.status_code, answer.json()) == (200, {"status": "alive"})


@pytest.mark.django_db
@override_settings(BROKER_URL="memory://")
def test_it_takes_wishes_with_its_database_alone_and_says_who_is_missing(client):
    answer = client.get("/readyz")
    assert answer.status_code == 200
    said = answer.json()
    assert (said["status"], said["postgresql"], said["broker"]) == ("degraded", "reachable", "in memory")
    assert said["workers"].startswith("nobody reads")
    assert said["beat"] == "late"


@pytest.mark.django_db
def test_it_is_not_ready_before_the_database_is_migrated(client):
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM django_migrations WHERE app = 'inventory' AND name NOT LIKE '0001%'")
    answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["postgresql"]) == (503, "not migrated")


@pytest.mark.django_db
def test_a_broker_is_asked_and_one_that_is_away_stops_nothing(client, broker_url: str):
    with override_settings(BROKER_URL=broker_url):
        assert client.get("/readyz").json()["broker"] == "reachable"
    with override_settings(BROKER_URL="redis://127.0.0.1:1/0"):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["broker"]) == (200, "unreachable")


@pytest.mark.django_db
def test_it_is_not_ready_without_its_database(client):
    def away(*_: object) -> None:
        raise OperationalError("the server is away")

    with connection.execute_wrapper(away):
        answer = client.get("/readyz")
    assert (answer.status_code, answer.json()["postgresql"]) == (503, "unreachable")


@pytest.mark.django_db
def test_a_worker_that_is_stuck_beside_a_healthy_one_is_missed_for_longer_than_an_hour(client: Client):
    heartbeats.note_worker("healthy@one", list(settings.QUEUES))
    heartbeats.note_worker("stuck@two", ["advance"])
    _last_heard("stuck@two", "61 minutes")
    heartbeats.forget_gone()
    assert "stuck@two" in [life.name for life in heartbeats.lives()]
    heartbeats.note_worker("new@two", ["advance"])
    heartbeats.forget_gone()
    assert "stuck@two" not in [life.name for life in heartbeats.lives()], "it was replaced"


def _last_heard(name: str, ago: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE operations_heartbeat SET finished_at = clock_timestamp() - %s::interval WHERE name = %s",
            [ago, name],
        )


@pytest.mark.django_db
@pytest.mark.parametrize("path", ["/api/v1/workspaces", "/api/v1/operations"])
def test_a_database_that_takes_no_writes_is_unavailable_and_no_fault(path: str, directory: Directory):
    operator = directory.caller("operator", Role.OPERATOR)
    with connection.cursor() as cursor:
        cursor.execute("SET TRANSACTION READ ONLY")
    assert operator.get(path).status_code == 503
