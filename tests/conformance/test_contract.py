"""The simulator keeps to what was learnt from Azure, also where the recordings are not at hand."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request, Response
from tests.conformance.contract import FOLDER, call_of, kept, kept_seconds, learned, paths_of
from tests.conformance.recording import Interaction, flows, folder
from tests.conformance.replay import VAULTS, body_of
from tests.conformance.tolerances import GROWN, YOUNG
from tests.simulator.builders import PASSWORD, bearer, settle

GROUP = "/resourceGroups/one"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/first"
POOL, DATABASE = f"{SERVER}/elasticPools/p", f"{SERVER}/databases/d"
LOGIN = {"administratorLogin": "boss", "administratorLoginPassword": PASSWORD}
STANDARD = {"location": "eastus", "sku": {"name": "S0"}}
SIZE = {"name": "GP_Gen5", "tier": "GeneralPurpose", "family": "Gen5", "capacity": 2}
JOURNEY: list[tuple[str, str, Any]] = [
    ("PUT", GROUP, {"location": "eastus", "tags": {"a": "b"}}),
    ("GET", GROUP, None),
    ("HEAD", GROUP, None),
    ("PUT", SERVER, {"location": "eastus", "properties": LOGIN}),
    ("GET", SERVER, None),
    ("PATCH", SERVER, {"tags": {"c": "d"}}),
    ("GET", f"{GROUP}/providers/Microsoft.Sql/servers", None),
    ("PUT", POOL, {"location": "eastus", "sku": SIZE}),
    ("GET", POOL, None),
    ("GET", f"{SERVER}/elasticPools", None),
    ("PUT", DATABASE, STANDARD),
    ("GET", DATABASE, None),
    ("GET", f"{SERVER}/databases", None),
    ("PATCH", DATABASE, {"sku": {"name": "S1"}}),
    ("GET", f"{DATABASE}/operations", None),
    ("POST", f"{DATABASE}/operations/{{latest}}/cancel", None),
    ("DELETE", DATABASE, None),
    ("DELETE", POOL, None),
    ("DELETE", SERVER, None),
    ("GET", SERVER, None),
    ("DELETE", GROUP, None),
]


class Client:
    """Sends what the journey says and keeps every exchange, polls among them."""

    def __init__(self) -> None:
        self.azure = Azure(real=lambda: 0.0)
        self.exchanges: list[tuple[Interaction, Response]] = []
        self.root = f"/subscriptions/{self.azure.arm.subscriptions[0]}"
        self.latest = ""

    def ask(self, method: str, path: str, document: Any = None, *, host: str = "management.azure.com") -> Response:
        version = (
            "7.4"
            if ".vault." in host
            else "2022-09-01"
            if path.lower().endswith(GROUP.lower())
            else "2023-05-01-preview"
        )
        whole = path if ".vault." in host else self.root + path.replace("{latest}", self.latest)
        return self.send(method, whole, {"api-version": version}, document, host)

    def send(
        self, method: str, path: str, query: dict[str, str], document: Any = None, host: str = "management.azure.com"
    ) -> Response:
        token = bearer(self.azure, VAULTS) if ".vault." in host else bearer(self.azure)
        body = b"" if document is None else orjson.dumps(document)
        request = Request(method, host, 443, path, query, {"authorization": f"Bearer {token}"}, body)
        response = self.azure.handle(request)
        said = Interaction(
            0, method, host, path, query, {}, document, response.status, response.headers, body_of(response), None
        )
        self.exchanges.append((said, response))
        self.latest = response.headers.get("x-ms-request-id", "") if response.status == 202 else self.latest
        return response

    def poll(self, response: Response) -> Iterator[Response]:
        """The operation's address at the start and when it is over; the other where there is none, or after a deletion."""
        names = [name for name in ("azure-asyncoperation", "location") if name in response.headers]
        deletion = self.exchanges[-1][0].method == "DELETE"
        for moment in (self._begun, lambda: settle(self.azure)):
            moment()
            for name in names if deletion else names[:1]:
                split = urlsplit(response.headers[name])
                yield self.send("GET", unquote(split.path), dict(parse_qsl(split.query)))

    def _begun(self) -> None:
        self.azure.clock.advance(timedelta(seconds=1))


@pytest.fixture(scope="module")
def exchanges() -> list[tuple[Interaction, Response]]:
    client = Client()
    for method, path, document in JOURNEY:
        response = client.ask(method, path, document)
        if response.status == 202 and method != "PATCH":
            list(client.poll(response))
        elif method != "PATCH":
            settle(client.azure)
    for method, path, document in SECRETS:
        client.ask(method, path, document, host="v.vault.azure.net")
    return client.exchanges


SECRETS = [
    ("PUT", "/secrets/s", {"value": "x", "tags": {"a": "b"}}),
    ("GET", "/secrets/s/", None),
    ("GET", "/secrets", None),
    ("GET", "/secrets/s/versions", None),
    ("DELETE", "/secrets/s", None),
]


def test_every_answer_keeps_to_what_was_learnt(exchanges):
    assert [text for one, response in exchanges for text in broken(one, response)] == []


def test_the_journey_meets_most_kinds_of_calls(exchanges):
    """So that the test above cannot become empty unseen."""
    known = {call for contract in kept().values() for call in contract}
    assert len({call_of(one) for one, _ in exchanges} & known) >= 25


def broken(one: Interaction, response: Response) -> list[str]:
    """What Azure always has and we lack, what Azure never has and we show, and other types."""
    call = call_of(one)
    known = [c[call][str(response.status)] for c in kept().values() if call in c and str(response.status) in c[call]]
    if not known:
        return []
    problems = [_broken(contract, response) for contract in known]
    return [f"{call} {response.status}: {text}" for text in min(problems, key=len)]


def _broken(contract: dict[str, Any], response: Response) -> list[str]:
    ours = dict(paths_of(body_of(response)))
    may_lack, may_add = YOUNG.names, YOUNG.names | GROWN.names
    found = [f"header {name} is missing" for name in contract["headers"] if not _has(response, name)]
    found += [f"{path} is missing" for path in contract["always"] if path not in ours and _last(path) not in may_lack]
    single = {path for path in ours if "[]" not in path}
    found += [f"{path} is not known" for path in single - contract["types"].keys() if _last(path) not in may_add]
    found += [
        f"{path} is {type_} instead of {contract['types'][path]}"
        for path, type_ in ours.items()
        if path in contract["types"] and type_ not in contract["types"][path]
    ]
    retry_after = response.headers.get("retry-after")
    if retry_after and contract.get("retry_after") and int(retry_after) not in contract["retry_after"]:
        found.append(f"Retry-After {retry_after} instead of {contract['retry_after']}")
    return found


def _has(response: Response, name: str) -> bool:
    return name in response.headers or name.replace("-writes", "-deletes") in response.headers


def _last(path: str) -> str:
    return path.rpartition(".")[2]


def test_operations_take_as_long_as_azures():
    client = Client()
    found = []
    for method, path, document in JOURNEY[:12]:
        client.ask(method, path, document)
        found += [(one.word, one.due - one.started) for one in client.azure.arm.operations.all_running()]
        settle(client.azure)
    ranges = kept_seconds()
    assert {word for word, _ in found} <= set(ranges)
    assert [(word, seconds) for word, seconds in found if not ranges[word][0] <= seconds <= ranges[word][1]] == []


def test_what_is_kept_is_what_the_recordings_say():
    if not any(folder().glob("*.json")) or folder().name != "recordings":
        pytest.skip(f"the recordings are not here ({folder()})")
    assert json.loads(json.dumps(learned(flows(folder())))) == kept()


def test_the_contract_holds_no_recorded_text():
    text = "".join(file.read_text() for file in FOLDER.glob("*.json"))
    assert "://" not in text
    assert "SCRUBBED" not in text
