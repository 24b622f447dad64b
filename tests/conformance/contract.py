"""What the recordings taught, kept in our own form: by call its statuses, headers, body paths with types, and times.

`python -m tests.conformance.contract` writes it anew from the recordings. No recorded body, name or value is copied: of
values only error codes, operation words and poll states are kept.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tests.conformance.comparison import NOT_SAID, value_type
from tests.conformance.recording import Flow, Interaction, flows, folder, path_key
from tests.conformance.scope import Scopes, is_old
from tests.conformance.timing import operations, ranges, word_of
from tests.conformance.tolerances import HEX32, TRANSPORT

FOLDER = Path(__file__).with_name("contract")
Contract = dict[str, Any]


def learned(recorded: Iterable[Flow]) -> dict[str, Contract]:
    """A contract by area; every call by method and path shape, every status by what its answers had in common."""
    all_flows = list(recorded)
    found: dict[str, Contract] = {}
    for flow in sorted(all_flows, key=lambda one: len(one.stripped)):
        scopes = Scopes(flow)
        for one in flow.interactions:
            scope = scopes.of(one)
            if scope.in_scope and not is_old(one):
                call = found.setdefault(scope.area, {}).setdefault(call_of(one), {})
                _merge(call.setdefault(str(one.status), {}), one, flow)
    times = {word: [round(low), round(high)] for word, (low, high) in sorted(ranges(all_flows).items())}
    return {
        **{area: dict(sorted(calls.items())) for area, calls in sorted(found.items())},
        "operations": _operations(all_flows, times),
    }


def call_of(one: Interaction) -> str:
    """Method and path without names."""
    host = "vault:" if ".vault." in one.host else ""
    segments = [segment for segment in path_key(one.path).split("/") if segment]
    shape: list[str] = []
    is_name = False
    for place, segment in enumerate(segments):
        shape.append("*" if is_name or HEX32.fullmatch(segment) else segment)
        is_provider = place > 0 and segments[place - 1] == "providers"
        is_name = not is_name and segment != "providers" and not is_provider
    return f"{one.method} {host}/{'/'.join(shape)}"


def _merge(known: Contract, one: Interaction, flow: Flow) -> None:
    """Headers that every answer had, body paths that every answer had, those that some had, and their types."""
    headers = {name for name, value in one.headers.items() if name not in TRANSPORT.names and value != NOT_SAID}
    known["headers"] = sorted(set(known.get("headers", headers)) & (headers | flow.stripped))
    if one.headers.get("retry-after", NOT_SAID) != NOT_SAID:
        known["retry_after"] = sorted({*known.get("retry_after", []), int(one.headers["retry-after"])})
    paths = dict(paths_of(one.body)) if not isinstance(one.body, str) else {}
    single = {path for path in paths if "[]" not in path}  # entries of a list differ from each other
    always = set(known.get("always", single)) & single
    types = known.get("types", {})
    for path, type_ in paths.items():
        types[path] = sorted({*types.get(path, []), type_})
    known |= {"always": sorted(always), "types": dict(sorted(types.items()))}
    for name, values in _words(one):
        known[name] = sorted({*known.get(name, []), *values})


def _words(one: Interaction) -> Iterator[tuple[str, list[str]]]:
    body = one.body if isinstance(one.body, dict) else {}
    error = body.get("error") if isinstance(body.get("error"), dict) else {}
    if one.status >= 400 and isinstance(error.get("code"), str):
        yield "error_codes", [error["code"]]
    if "asyncoperation/" in one.path.lower() and isinstance(body.get("status"), str):
        yield "poll_states", [body["status"]]


def paths_of(body: Any, where: str = "") -> Iterator[tuple[str, str]]:
    """Every path of a body with its type; entries of a list share one, and so do those under ids; tags are names."""
    if isinstance(body, dict) and "__trimmed__" not in body and not where.endswith(".tags"):
        for name, value in body.items():
            path = f"{where}.{'*' if name.startswith('/') else name}"
            yield path, value_type(value)
            yield from paths_of(value, path)
    elif isinstance(body, list):
        for value in body:
            yield from paths_of(value, f"{where}[]")


def _operations(all_flows: list[Flow], seconds: dict[str, list[int]]) -> Contract:
    """By operation word: shortest and longest seconds, and the states in the order in which polls told them."""
    states: dict[str, set[tuple[str, ...]]] = {}
    for flow in all_flows:
        bodies = {one.number: one.body for one in flow.interactions}
        for begun in operations(flow):
            seen = [bodies[number] for number in sorted([*begun.running_at, *begun.over_at])]
            words = [one["status"] for one in seen if isinstance(one, dict) and isinstance(one.get("status"), str)]
            order = tuple(word for place, word in enumerate(words) if place == 0 or words[place - 1] != word)
            if order:
                states.setdefault(word_of(begun.by), set()).add(order)
    return {
        word: {"seconds": seconds.get(word), "states": sorted(map(list, states.get(word, set())))}
        for word in sorted({*seconds, *states})
    }


def kept() -> dict[str, Contract]:
    """The contract as it is in the repository, by area."""
    return {file.stem.replace("_", " "): json.loads(file.read_text()) for file in sorted(FOLDER.glob("*.json"))}


def kept_seconds() -> dict[str, tuple[float, float]]:
    """How long each kind of operation may take, by what was learnt."""
    known = kept().get("operations", {})
    return {word: (float(one["seconds"][0]), float(one["seconds"][1])) for word, one in known.items() if one["seconds"]}


def main() -> int:
    found = learned(flows(folder()))
    if len(found) < 2:
        print(f"There are no recordings in {folder()}.", file=sys.stderr)
        return 2
    FOLDER.mkdir(exist_ok=True)
    for old in FOLDER.glob("*.json"):
        old.unlink()
    for area, contract in found.items():
        (FOLDER / f"{area.replace(' ', '_')}.json").write_text(json.dumps(contract, indent=1, sort_keys=True) + "\n")
    print(f"{sum(map(len, found.values()))} calls and operations in {len(found)} files of {FOLDER}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
