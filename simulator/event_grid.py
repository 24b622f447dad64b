"""Event Grid: tells one subscriber which secrets near their end, on the simulated clock, as Azure delivers it.

Key Vault speaks of a secret's current version alone: 30 days before its expiration date, and at it (Azure Key Vault as Event
Grid source). Delivery to a webhook that Entra protects brings a token with the role that the receiver gave to Event Grid.
"""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import orjson

from simulator.clock import Clock
from simulator.entra import Entra
from simulator.moments import iso
from simulator.store import Document, Store
from simulator.vault_secrets import SECRETS

SUBSCRIPTION, TOLD = "event_subscription", "events_told"
ONE = "key-vault"
ROLE = "AzureEventGridSecureWebhookSubscriber"
VALIDATION = "Microsoft.EventGrid.SubscriptionValidationEvent"
NEAR_EXPIRY_SECONDS = 30 * 86_400
KINDS = {"Microsoft.KeyVault.SecretNearExpiry": NEAR_EXPIRY_SECONDS, "Microsoft.KeyVault.SecretExpired": 0}
RETRIES = (10, 30, 60, 300, 600, 1800, 3600, 10_800, 21_600, 43_200)  # seconds; then it is dropped
FINAL = (400, 401, 403, 413)  # refused for good


@dataclass(frozen=True, slots=True)
class Message:
    """One POST that is due. `key` is its own in the store."""

    key: str
    endpoint: str
    body: bytes
    headers: dict[str, str] = field(repr=False)


class EventGrid:
    """At most one subscription. What it sends, and what was answered, is told by whoever makes the requests."""

    def __init__(self, store: Store, clock: Clock, entra: Entra) -> None:
        self._store, self._clock, self._entra = store, clock, entra

    def subscribe(self, endpoint: str, audience: str) -> Document:
        """Deliver to this address from now on, once it has answered the validation event with its code."""
        code = str(uuid.uuid4()).upper()
        given: Document = {"endpoint": endpoint, "audience": audience, "state": "AwaitingHandshake", "code": code}
        self._store.put(SUBSCRIPTION, ONE, given)
        return self.shown()

    def shown(self) -> Document:
        """The subscription, and how many events were accepted, wait, or were dropped."""
        states = [document["state"] for _, document in self._store.items(TOLD)]
        counts = {state: states.count(state) for state in ("accepted", "waiting", "dropped")}
        found = self._store.get(SUBSCRIPTION, ONE)
        return {**{name: value for name, value in (found or {}).items() if name != "code"}, **counts}

    def pending(self, authority: str) -> list[Message]:
        """What is due now; `authority` is the address that signs tokens."""
        found = self._store.get(SUBSCRIPTION, ONE)
        if found is None or found["state"] == "Failed":
            return []
        if found["state"] == "AwaitingHandshake":
            return [
                self._message(ONE, found, self._validation(found["code"]), authority, kind="SubscriptionValidation")
            ]
        due = [(key, event) for key, event in self._events() if self._is_due(key)]
        return [self._message(key, found, event, authority, kind="Notification") for key, event in due]

    def answered(self, message: Message, status: int, body: bytes) -> None:
        """Remember what came of it. 0: nobody answered."""
        if message.key == ONE:
            self._shake(status, body)
            return
        before = self._store.get(TOLD, message.key) or {"attempts": 0}
        attempts = before["attempts"] + 1
        if 200 <= status < 300:
            told: Document = {"state": "accepted"}
        elif status in FINAL or attempts > len(RETRIES):
            told = {"state": "dropped"}
        else:
            told = {"state": "waiting", "next_at": self._clock.now() + RETRIES[attempts - 1]}
        self._store.put(TOLD, message.key, {**told, "attempts": attempts, "status": status})

    def _shake(self, status: int, body: bytes) -> None:
        found = self._store.get(SUBSCRIPTION, ONE)
        if found is None:
            return
        agreed = status == 200 and _code_in(body) == found["code"]
        self._store.put(SUBSCRIPTION, ONE, {**found, "state": "Active" if agreed else "Failed", "status": status})

    def _is_due(self, key: str) -> bool:
        told = self._store.get(TOLD, key)
        return told is None or (told["state"] == "waiting" and told["next_at"] <= self._clock.now())

    def _events(self) -> Iterator[tuple[str, Document]]:
        """Of every secret's current version: that it nears its end, that it has ended."""
        now = self._clock.now()
        for key, secret in self._store.items(SECRETS):
            newest = secret["versions"][-1]
            ends = newest["attributes"].get("exp")
            if ends is None or secret["deleted"] or not newest["attributes"]["enabled"]:
                continue
            for kind, before in KINDS.items():
                if ends - before <= now:
                    yield f"{key}/{newest['version']}/{kind}", self._event(kind, key, secret["name"], newest)

    def _event(self, kind: str, key: str, name: str, version: Document) -> Document:
        vault, attributes = key.split("/", 1)[0], version["attributes"]
        address = f"https://{vault}.vault.azure.net/secrets/{name}/{version['version']}"
        data = {"Id": address, "VaultName": vault, "ObjectType": "Secret", "ObjectName": name}
        times = {"NBF": attributes.get("nbf"), "EXP": attributes["exp"]}
        return self._envelope(
            kind, f"{key}/{version['version']}/{kind}", name, {**data, "Version": version["version"], **times}
        )

    def _validation(self, code: str) -> Document:
        return self._envelope(VALIDATION, code, "", {"validationCode": code})

    def _envelope(self, kind: str, named: str, subject: str, data: dict[str, Any]) -> Document:
        return {
            "id": str(uuid.uuid5(uuid.NAMESPACE_URL, named)),
            "topic": "/providers/Microsoft.KeyVault/vaults",
            "subject": subject,
            "eventType": kind,
            "eventTime": iso(self._clock.now()),
            "data": data,
            "dataVersion": "1",
            "metadataVersion": "1",
        }

    def _message(self, key: str, found: Document, event: Document, authority: str, *, kind: str) -> Message:
        client_id, _ = self._entra.add_app("event-grid", roles={found["audience"]: [ROLE]})
        token = self._entra.token(client_id, found["audience"], authority=authority)
        headers = {"aeg-event-type": kind, "content-type": "application/json", "authorization": f"Bearer {token}"}
        return Message(key, found["endpoint"], orjson.dumps([event]), headers)


def _code_in(body: bytes) -> str:
    try:
        document = orjson.loads(body)
    except orjson.JSONDecodeError:
        return ""
    return str(document.get("validationResponse", "")) if isinstance(document, dict) else ""
