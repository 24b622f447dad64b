"""Real workers that deliver, killed at each point of it: every event arrives, in order, and a dead receiver delays nobody."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from django.db import transaction
from django.test import override_settings
from pytest_django import DjangoDbBlocker

from inventory.models import Workspace
from notifications.models import Delivery, Receiver
from notifications.services import tell
from rotation.signing_secrets import request_receiver
from simulator.certificates import Certificates
from tests.faults.burst import wait_until
from tests.faults.conftest import prepare, running
from tests.faults.fleet import Fleet
from tests.faults.orders import Order, OrderBook
from tests.receiving import Webhook, a_webhook

POINTS = ("dispatch.before", "dispatch.after", "deliver.claimed", "deliver.before", "deliver.sent", "deliver.recorded")
TARGETS = ("database:1", "database:2")
EVENTS = 12
pytestmark = pytest.mark.full


@dataclass
class Post:
    """A stack whose workers obey orders, a receiver that lives and one that does not."""

    fleet: Fleet
    hook: Webhook
    living: Receiver
    dead: Receiver


@pytest.fixture(scope="module")
def post(
    tmp_path_factory: pytest.TempPathFactory, django_test_environment: None, django_db_blocker: DjangoDbBlocker
) -> Iterator[Post]:
    path = tmp_path_factory.mktemp("post")
    certificates = Certificates(path / "certificates")
    with (
        a_webhook(certificates) as hook,
        running(path, settings_for(path, hook, certificates)) as burst,
        django_db_blocker.unblock(),
    ):
        prepare(burst)
        yield furnished(Fleet(burst.stack, orders=OrderBook(path / "order")), hook)


def settings_for(path: Path, hook: Webhook, certificates: Certificates) -> dict[str, str]:
    return {
        "DJANGO_SETTINGS_MODULE": "tests.faults.armed",
        "FAILPOINT_ORDERS": str(path / "order"),
        "NOTIFY_ALLOWED_LOOPBACK": f"localhost:{hook.port},localhost:9",
        "NOTIFY_CA_FILE": str(certificates.ca_file),
        "NOTIFY_LEASE_SECONDS": "20",
        "NOTIFY_CALL_SECONDS": "3",
    }


def furnished(fleet: Fleet, hook: Webhook) -> Post:
    """Both receivers have their secrets, which the stack's workers have made."""
    place = Workspace.objects.get(name="workspace-0")
    with override_settings(NOTIFY_ALLOWED_LOOPBACK=[f"localhost:{hook.port}", "localhost:9"]):
        rows = [
            request_receiver(place, channel="webhook", address=address, kinds=["change.*"], actor="tests")
            for address in (hook.url, "https://localhost:9/")
        ]
    assert wait_until(lambda: Receiver.objects.filter(state="active").count() == 2, seconds=60)
    return Post(fleet, hook, *rows)


@pytest.mark.parametrize("point", POINTS)
def test_a_worker_killed_while_it_delivers_loses_nothing(post: Post, point: str, record_property):
    post.hook.calls.clear()
    began = time.monotonic()
    ids = [told(TARGETS[n % 2], n) for n in range(EVENTS)]
    post.fleet.kill_at(Order(point, nth=2 if point.startswith("deliver") else 1))
    assert wait_until(lambda: set(ids) <= set(post.hook.ids), seconds=120), f"{len(set(post.hook.ids))} arrived"
    record_property("recovery", [f"SIGKILL at {point}: all arrived after {time.monotonic() - began:.1f} s"])
    for target in TARGETS:
        numbers = [call.event["data"]["n"] for call in post.hook.calls if call.event["subject"] == target]
        assert numbers == sorted(numbers)
    assert wait_until(lambda: not pending(post.living), seconds=60)
    assert pending(post.dead)


def told(target: str, number: int) -> str:
    with transaction.atomic():
        event = tell("change.started", target=target, workspace="workspace-0", facts={"kind": "test", "n": number})
    return str(event.pk)


def pending(receiver: Receiver) -> bool:
    return Delivery.objects.filter(receiver=receiver, state="pending").exists()
