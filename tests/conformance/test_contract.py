"""The simulator keeps to what was learnt from Azure, also where the recordings are not at hand."""

from __future__ import annotations

import json
from typing import Any

import pytest

from simulator.http import Response
from tests.conformance.contract import FOLDER, call_of, kept, kept_seconds, learned, paths_of
from tests.conformance.journey import JOURNEY, Client, walk
from tests.conformance.recording import Interaction, flows, folder
from tests.conformance.replay import body_of
from tests.conformance.scope import LATER
from tests.conformance.tolerances import GROWN, YOUNG
from tests.simulator.builders import settle


@pytest.fixture(scope="module")
def exchanges() -> list[tuple[Interaction, Response]]:
    return walk().exchanges


NOT_MET = {
    # addresses of polls as they were until 2018; those that are given out here are below the resource group
    ("GET /subscriptions/*/providers/microsoft.sql/locations/*/databaseazureasyncoperation/*", "200"),
    ("GET /subscriptions/*/providers/microsoft.sql/locations/*/serverkeyazureasyncoperation/*", "200"),
}


def test_every_answer_keeps_to_what_was_learnt(exchanges):
    assert [text for one, response in exchanges for text in broken(one, response)] == []


def test_the_journey_meets_every_call_that_is_built(exchanges):
    """So that the test above cannot become empty unseen."""
    met = {(call_of(one), str(response.status)) for one, response in exchanges}
    known = {
        (call, status)
        for area, contract in kept().items()
        if area not in (*LATER, "operations")
        for call, statuses in contract.items()
        for status in statuses
    }
    assert known - met == NOT_MET


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
