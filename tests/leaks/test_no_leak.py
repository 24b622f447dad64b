"""After a whole life of credentials, with faults, no password that was ever set stands anywhere but in the vault."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Iterator
from itertools import count
from typing import Any
from urllib.parse import quote

import pytest
import redis
import requests
import structlog
from django.contrib.auth.models import User
from django.test import Client

from cloud.sql_failures import SqlFailure
from cloud.throttle import vault_budget
from controlplane.api.principals import Role
from controlplane.throttle import ValkeyBucket
from operations.models import AuditEvent, OutboxEvent
from provisioning.services import request_deletion
from rotation.emergency import Reach, Scope, request_emergency
from rotation.services import request_rotation
from tests.acceptance.callers import Directory
from tests.builders import a_subscription
from tests.leaks.places import Onlookers, in_postgresql, in_valkey, logged, messages_in
from tests.leaks.writings import leaks
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database

EVERY = 17  # so many calls pass, then one goes wrong


class Trouble:
    """Every few calls one fails, and its error quotes what was sent, as some servers' errors do."""

    def __init__(self, azure: LocalAzure) -> None:
        self._azure, self._calls, self.struck = azure, count(1), 0

    def around(self, name: str, call: Callable[[], Any]) -> Any:
        turn = next(self._calls)
        if turn % EVERY or name.endswith(("/token", "/openid", "/openid-configuration")):
            return call()
        self.struck += 1
        if not name.startswith("SQL "):
            call()
            raise requests.exceptions.ReadTimeout("The read timed out.")
        sent = self._azure.last_statement
        if self.struck % 2:
            raise RuntimeError("the driver fell over")  # a bug: it is logged with its traceback
        raise SqlFailure(f"The service has encountered an error: {sent}", number=40197)


@pytest.fixture
def azure(committed_db: None, broker_url: str, settings) -> Iterator[LocalAzure]:
    """A simulated Azure whose budgets, and our messages, are kept in a real Valkey. Users do not overlap."""
    settings.CREDENTIAL_OVERLAP_SECONDS = settings.CREDENTIAL_DRAIN_SECONDS = 0
    with redis.Redis.from_url(broker_url) as client:
        client.flushdb()
    local = LocalAzure()
    local.bucket = ValkeyBucket(broker_url)
    local.budget = vault_budget(lambda rates: ValkeyBucket(broker_url, rates=rates))
    local.new_clients()
    a_subscription(local.subscription_id)
    with messages_in(broker_url):
        yield local


@pytest.fixture
def onlookers(azure: LocalAzure, directory: Directory, client: Client) -> Onlookers:
    client.force_login(User.objects.create_superuser("alice"))
    return Onlookers(directory.caller("operator", Role.OPERATOR), client)


def live(azure: LocalAzure, onlookers: Onlookers) -> None:
    """Create, rotate, retire, rotate in an emergency, delete; with trouble all the way, and somebody looking on."""
    trouble = Trouble(azure)
    database = a_ready_database(azure)
    a_ready_database(azure, "imaging")
    azure.around = trouble.around
    onlookers.look()
    request_rotation(database, actor="tests")
    run_until_settled(azure, seconds=60)
    onlookers.look()
    request_emergency(Reach(Scope.EVERYTHING), actor="tests", reason="A laptop was stolen.")
    run_until_settled(azure, seconds=60)
    assert database.service is not None
    request_deletion(database.service, actor="tests")
    run_until_settled(azure, seconds=60)
    onlookers.look()
    assert trouble.struck > 5


def test_no_password_stands_anywhere_but_in_the_vault(azure: LocalAzure, onlookers: Onlookers, broker_url: str):
    with logged() as text:
        live(azure, onlookers)

        def found(passwords: set[str]) -> list[str]:
            places = {**in_postgresql(), **in_valkey(broker_url), **onlookers.answers}
            return leaks({**places, "logs": text.getvalue().encode()}, passwords)

        passwords = azure.passwords_set()
        assert len(passwords) > 8
        assert found(passwords) == []
        for (place, plant), password in zip(PLANTED.items(), sorted(passwords), strict=False):
            plant(password, broker_url)
            assert found({password}) == [place], "a leak that was planted is not found"
        assert "the driver fell over" in text.getvalue()
        assert "Traceback" in text.getvalue()
        assert AuditEvent.objects.filter(action="secret.read").exists()


def _in_the_outbox(password: str, broker_url: str) -> None:
    OutboxEvent.objects.create(kind="x", target="x", data={"url": f"mssql://u:{quote(password, safe='')}@h"})


def _in_a_message(password: str, broker_url: str) -> None:
    with redis.Redis.from_url(broker_url) as client:
        client.lpush("advance", base64.b64encode(json.dumps([[password], {}]).encode()))


def _in_the_logs(password: str, broker_url: str) -> None:
    structlog.get_logger("tests").info("sql.sent", statement=f"ALTER USER [svc_a] WITH PASSWORD = N'{password}'")


PLANTED = {
    "table public.operations_outboxevent": _in_the_outbox,
    "key advance": _in_a_message,
    "logs": _in_the_logs,
}
