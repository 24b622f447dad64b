"""Who may read the figures, and that they say what is there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.management import call_command
from django.test import Client

from cloud.secrets import Secret
from controlplane import heartbeats
from operations import counting
from operations.models import Counter, Heartbeat, Operation

TOKEN = {"Authorization": "Bearer scrape-me"}


def a_due_operation(**columns: object) -> Operation:
    defaults = {"kind": "create_database", "target_key": "database:1", "step": "place", "actor": "tests"}
    return Operation.objects.create(**{**defaults, **columns})


def test_loopback_may_read_outside_production(client: Client, db: None) -> None:
    assert client.get("/metrics").status_code == 200
    assert client.get("/metrics", REMOTE_ADDR="10.0.0.9").status_code == 401


def test_production_without_a_token_is_closed_to_everybody(client: Client, db: None, settings) -> None:
    settings.IN_PRODUCTION = True
    assert client.get("/metrics").status_code == 401
    assert client.get("/metrics", headers={"Authorization": "Bearer "}).status_code == 401


def test_the_token_opens_it_from_anywhere_and_nothing_else_does(client: Client, db: None, settings) -> None:
    settings.METRICS_TOKEN = Secret("scrape-me")
    assert client.get("/metrics", headers=TOKEN, REMOTE_ADDR="10.0.0.9").status_code == 200
    assert client.get("/metrics", headers={"Authorization": "Bearer other"}).status_code == 401
    assert client.get("/metrics").status_code == 401


def test_the_figures_are_those_of_the_rows_and_name_nobody(client: Client, committed_db: None) -> None:
    counting.bring_in(now=True)  # what earlier tests of this process have counted
    Counter.objects.all().delete()
    operation = a_due_operation(workspace="cigna")
    counting.count("zombies_rejected", 3)
    counting.waited(0.2)
    counting.bring_in(now=True)
    text = client.get("/metrics").content.decode()
    assert 'spp_operations{kind="create_database",state="queued"} 1.0' in text
    assert "spp_due_unclaimed 1.0" in text
    assert "spp_zombies_rejected_total 3.0" in text
    assert 'spp_claim_wait_seconds_bucket{le="0.25"} 1.0' in text
    assert "cigna" not in text
    assert str(operation.pk) not in text


@pytest.mark.parametrize(("age_seconds", "late"), [(1, False), (1000, True)])
def test_a_worker_is_late_by_its_canary(db: None, age_seconds: int, late: bool) -> None:
    heartbeats.note_worker("worker-advance@here", ["advance"])
    seen = Heartbeat.objects.get()
    Heartbeat.objects.update(finished_at=seen.finished_at - timedelta(seconds=age_seconds))
    assert [life.late for life in heartbeats.lives()] == [late]
    assert ("advance" in heartbeats.unread_queues(heartbeats.lives())) is late
    if late:
        with pytest.raises(SystemExit):
            call_command("worker_alive", "worker-advance@here")
    else:
        call_command("worker_alive", "worker-advance@here")
