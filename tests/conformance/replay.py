"""A recorded flow sent to a fresh simulator, with its clock kept where the recording's was."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

import jwt
import orjson

from simulator.azure import Azure
from simulator.faults import rule_of
from simulator.http import Request, Response
from tests.conformance.adaptation import adapted
from tests.conformance.key_preparation import grant_servers
from tests.conformance.names import Names
from tests.conformance.preparation import prepare
from tests.conformance.recording import LRO_HEADERS, Flow, Interaction
from tests.conformance.timing import operations
from tests.simulator.builders import bearer

VAULTS, METRICS = "https://vault.azure.net", "https://metrics.monitor.azure.com"
A_MOMENT = 0.01


class Replay:
    """Sends one flow's requests in order. `started` are our own operations, by the exchange that began them."""

    def __init__(self, flow: Flow) -> None:
        self.azure = Azure(real=lambda: 0.0, subscriptions=1)
        self.names = Names(subscription=self.azure.arm.subscriptions[0], principal=principal(self.azure))
        self.durations: dict[int, float] = {}
        self._said = {one.number: one for one in adapted(flow).interactions}
        self._operations = {one.by.number: one for one in operations(flow)}
        self._ours: dict[int, str] = {}
        self._recorded_at: float | None = None
        prepare(self.azure, flow, self.names)

    def send(self, one: Interaction) -> Response:
        """Our answer to the recorded request, at the recorded moment."""
        self._move_clock(one)
        self._fail_as_recorded(one)
        if "/keys/" in one.path and one.method == "PUT":
            grant_servers(self.azure)
        before = {running.id for running in self.azure.arm.operations.all_running()}
        response = self.azure.handle(self._request(self._said[one.number]))
        for running in self.azure.arm.operations.all_running():
            if running.id not in before and one.number in self._operations:
                self._ours[one.number] = running.id
                self.durations[one.number] = (running.due or running.started) - running.started
        self._learn(one, response)
        return response

    def _learn(self, one: Interaction, response: Response) -> None:
        for header in LRO_HEADERS:
            if header in one.headers and header in response.headers:
                self.names.learn_url(one.headers[header], response.headers[header])
        if one.number in self._operations:
            given = [response.headers[header] for header in LRO_HEADERS if header in response.headers]
            self.names.learn_polls([one.headers[header] for header in LRO_HEADERS if header in one.headers], given)
        self.names.learn_page(one.body, body_of(response))
        self.names.learn_cut_list(one, body_of(response))

    def _fail_as_recorded(self, one: Interaction) -> None:
        """Where Azure accepted a request and then had no room for it, neither have we."""
        begun = self._operations.get(one.number)
        last = begun.ended.body if begun and begun.ended else None
        if not isinstance(last, dict) or last.get("status") != "Failed" or not isinstance(last.get("error"), dict):
            return
        error = last["error"]
        fault = {"code": str(error.get("code")), "message": str(error.get("message"))}
        self.azure.faults.add(rule_of({"kind": "failed_operation", "service": "arm", "method": one.method, **fault}))

    def _move_clock(self, one: Interaction) -> None:
        """As far as the recording's went; past the end of what it saw over, not past that of what it saw running."""
        now = self.azure.clock.now()
        gap = max(one.at - self._recorded_at, 0.0) if one.at and self._recorded_at else 0.0
        self._recorded_at = one.at or self._recorded_at
        begun = [(self._operations[number], ours) for number, ours in self._ours.items() if number < one.number]
        held = [due for recorded, ours in begun if recorded.must_run(one.number) and (due := self._due(ours))]
        over = [due for recorded, ours in begun if recorded.must_be_over(one.number) and (due := self._due(ours))]
        target = min([now + gap, *(due - A_MOMENT for due in held)])
        target = max([target, now, *(due + A_MOMENT for due in over)])
        self.azure.clock.advance(timedelta(seconds=target - now))
        self.azure.arm.operations.settle()

    def _due(self, operation_id: str) -> float | None:
        operation = self.azure.arm.operations.get(operation_id)
        return operation.due if operation and operation.running else None

    def _request(self, one: Interaction) -> Request:
        shift = self.azure.clock.now() - one.at if one.at else 0.0
        path, query = self.names.address(one, shift)
        audience = VAULTS if ".vault." in one.host else METRICS if "metrics.monitor" in one.host else None
        headers = {name: value for name, value in one.request_headers.items() if name in _KEPT}
        if "www-authenticate" not in one.headers:
            token = bearer(self.azure, audience) if audience else bearer(self.azure)
            headers["authorization"] = f"Bearer {token}"
        return Request(one.method, one.host, 443, path, query, headers, self.names.body(one, shift))


_KEPT = ("content-type", "accept", "x-ms-client-request-id", "x-ms-return-client-request-id", "if-match")


def principal(azure: Azure) -> str:
    """The object id of the application that replays."""
    return str(jwt.decode(bearer(azure), options={"verify_signature": False})["oid"])


def body_of(response: Response) -> Any:
    """The answer's JSON; None without a body; the text where it is not JSON."""
    if not response.body:
        return None
    try:
        return orjson.loads(response.body)
    except orjson.JSONDecodeError:
        return re.sub(r"\s+", " ", response.body.decode("utf-8", "replace"))
