"""Key Vault's own word, from the simulated vault to the rotation: Event Grid delivers it to our webhook."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from rest_framework.test import APIClient

from controlplane.api import auth
from controlplane.api.signing_keys import SigningKeys
from operations import clock
from operations.models import Operation
from simulator.event_grid import EventGrid, Message
from tests.acceptance.callers import AUTHORITY, TENANT, Directory, with_token
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import DAY, a_ready_database, can_sign_in, published

WEBHOOK = "/api/v1/webhooks/key-vault"


@pytest.fixture
def events(azure: LocalAzure, settings) -> Iterator[EventGrid]:
    """Event Grid of this Azure, subscribed by our webhook, which believes the directory's tokens. Users do not overlap."""
    settings.CREDENTIAL_OVERLAP_SECONDS = settings.CREDENTIAL_DRAIN_SECONDS = 0
    directory = Directory()
    settings.AZURE_AUTHORITY_HOST, settings.API_TENANTS = AUTHORITY, [TENANT]
    settings.AZURE_VAULT_URL = "https://vault.vault.localhost"
    auth.configure(SigningKeys(AUTHORITY, fetch=directory.fetch))
    events = EventGrid(azure.azure.store, azure.azure.clock, directory.entra)
    events.subscribe(f"https://spp.example{WEBHOOK}", settings.API_AUDIENCE)
    yield events
    auth.configure(None)


def deliver(events: EventGrid) -> list[int]:
    return [_posted(events, message) for message in events.pending(AUTHORITY)]


def _posted(events: EventGrid, message: Message) -> int:
    client: APIClient = with_token(message.headers["authorization"].removeprefix("Bearer "))
    answer = client.post(WEBHOOK, message.body, content_type=message.headers["content-type"])
    events.answered(message, answer.status_code, answer.content)
    return int(answer.status_code)


def test_a_version_that_nears_its_end_is_replaced_because_the_vault_says_so(azure: LocalAzure, events: EventGrid):
    assert deliver(events) == [200], "the handshake"
    assert events.shown()["state"] == "Active"
    database = a_ready_database(azure)
    before = published(azure, database)
    assert deliver(events) == []
    for move in (azure.azure.clock.advance, partial(clock.advance, business=True)):
        move(61 * DAY)
    assert 200 in deliver(events)
    run_until_settled(azure)
    rotation = Operation.objects.get(kind="rotate_credential")
    assert (rotation.state, rotation.actor) == ("succeeded", "system:key-vault")
    after = published(azure, database)
    assert after["user"] != before["user"]
    assert can_sign_in(after)
    assert deliver(events) == []
