"""Event Grid tells a subscriber, once it agreed, of every secret's current version that nears its end, until it is heard."""

from __future__ import annotations

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest

from simulator.azure import Azure
from simulator.event_grid import NEAR_EXPIRY_SECONDS, VALIDATION
from simulator.http import Request
from simulator.webhooks import _post
from tests.simulator.test_faults import control

ENDPOINT, AUDIENCE, AUTHORITY = "https://hook.example/events", "api://spp", "https://localhost"
DAY = 86_400


def an_azure(*, agrees: bool = True) -> Azure:
    azure = Azure(throttled=False)
    assert control(azure, "PUT", "events", {"endpoint": ENDPOINT, "audience": AUDIENCE}).status == 201
    [message] = azure.events.pending(AUTHORITY)
    [event] = json.loads(message.body)
    assert (event["eventType"], message.headers["aeg-event-type"]) == (VALIDATION, "SubscriptionValidation")
    code = event["data"]["validationCode"] if agrees else "another"
    azure.events.answered(message, 200, json.dumps({"validationResponse": code}).encode())
    return azure


def a_secret(azure: Azure, name: str, *, days: int | None) -> str:
    """Set a version that ends in so many days; its id."""
    ends = {} if days is None else {"attributes": {"exp": int(azure.clock.now()) + days * DAY}}
    token = azure.entra.token(azure.entra.client_id, "https://vault.azure.net", authority=AUTHORITY)
    body = json.dumps({"value": "v", **ends}).encode()
    headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}
    path = f"/secrets/{name}"
    request = Request("PUT", "vault.vault.localhost", 443, path, {"api-version": "7.4"}, headers, body)
    answered = azure.handle(request)
    assert answered.status == 200, answered
    return str(json.loads(answered.body)["id"].rsplit("/", 1)[-1])


def pass_days(azure: Azure, days: float) -> None:
    azure.clock.advance(timedelta(days=days))


def told(azure: Azure, *, status: int = 200) -> list[tuple[str, str, str]]:
    """Deliver what is due; kind, secret and version of each."""
    found = []
    for message in azure.events.pending(AUTHORITY):
        [event] = json.loads(message.body)
        found.append((event["eventType"].rsplit(".", 1)[-1], event["data"]["ObjectName"], event["data"]["Version"]))
        azure.events.answered(message, status, b"{}")
    return found


def test_a_secret_is_told_of_30_days_before_and_at_its_end_once_each():
    azure = an_azure()
    version = a_secret(azure, "claims", days=90)
    a_secret(azure, "for-ever", days=None)
    pass_days(azure, 59.9)
    assert told(azure) == []
    pass_days(azure, 0.2)
    assert told(azure) == [("SecretNearExpiry", "claims", version)]
    assert told(azure) == []
    pass_days(azure, NEAR_EXPIRY_SECONDS / DAY)
    assert told(azure) == [("SecretExpired", "claims", version)]
    assert azure.events.shown()["accepted"] == 2


def test_only_the_current_version_counts():
    azure = an_azure()
    a_secret(azure, "claims", days=40)
    a_secret(azure, "claims", days=90)
    pass_days(azure, 41)
    assert told(azure) == []


def test_what_nobody_takes_is_sent_again_later_and_dropped_in_the_end():
    azure = an_azure()
    a_secret(azure, "claims", days=1)
    assert len(told(azure, status=0)) == 1
    assert told(azure) == [], "not at once"
    azure.clock.advance(timedelta(seconds=11))
    assert len(told(azure, status=503)) == 1
    for _ in range(20):
        pass_days(azure, 0.6)
        if ("SecretNearExpiry", "claims") in {one[:2] for one in told(azure, status=503)}:
            continue
    assert azure.events.shown()["dropped"] >= 1
    assert all(kind != "SecretNearExpiry" for kind, _, _ in told(azure))


@pytest.mark.parametrize("status", [400, 401, 403])
def test_what_is_refused_is_not_sent_again(status: int):
    azure = an_azure()
    a_secret(azure, "claims", days=1)
    assert len(told(azure, status=status)) == 1
    pass_days(azure, 0.5)
    assert told(azure) == []


def test_whoever_does_not_give_the_code_back_hears_nothing():
    azure = an_azure(agrees=False)
    a_secret(azure, "claims", days=1)
    assert (azure.events.pending(AUTHORITY), azure.events.shown()["state"]) == ([], "Failed")


def test_a_message_carries_a_token_with_event_grids_role():
    azure = an_azure()
    a_secret(azure, "claims", days=1)
    [message] = azure.events.pending(AUTHORITY)
    claims = azure.entra.verify(message.headers["authorization"].removeprefix("Bearer "), AUDIENCE)
    assert claims["roles"] == ["AzureEventGridSecureWebhookSubscriber"]


def test_what_was_told_is_known_after_a_restart(tmp_path):
    first = Azure(tmp_path, throttled=False)
    first.events.subscribe(ENDPOINT, AUDIENCE)
    [message] = first.events.pending(AUTHORITY)
    code = json.loads(message.body)[0]["data"]["validationCode"]
    first.events.answered(message, 200, json.dumps({"validationResponse": code}).encode())
    a_secret(first, "claims", days=1)
    assert len(told(first)) == 1
    first.close()
    assert told(Azure(tmp_path, throttled=False)) == []


class Hook(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        body: Any = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.send_response(200 if self.headers["authorization"].startswith("Bearer ") else 401)
        self.end_headers()
        self.wfile.write(json.dumps({"validationResponse": body[0]["data"]["validationCode"]}).encode())

    def log_message(self, *_: Any) -> None:
        """Nothing: pytest would show it."""


def test_a_message_is_posted_over_a_socket_and_nobody_there_is_no_answer():
    azure = Azure(throttled=False)
    with HTTPServer(("127.0.0.1", 0), Hook) as server:
        azure.events.subscribe(f"http://127.0.0.1:{server.server_port}/", AUDIENCE)
        [message] = azure.events.pending(AUTHORITY)
        thread = threading.Thread(target=server.handle_request)
        thread.start()
        azure.events.answered(message, *_post(message, None))
        thread.join()
    assert azure.events.shown()["state"] == "Active"
    assert _post(message, None) == (0, b"")
