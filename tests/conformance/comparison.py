"""What our answer lacks or has too much, compared with the recorded one."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from simulator.http import Response
from tests.conformance.adaptation import YEAR_2019
from tests.conformance.names import TOKEN, Names
from tests.conformance.recording import Flow, Interaction, path_key
from tests.conformance.replay import body_of
from tests.conformance.scope import is_old
from tests.conformance.tolerances import (
    BEFORE_2019,
    CATALOGUE,
    CONSUMED,
    EXPORTED,
    GROWN,
    KEYS_OF_THEIR_OWN,
    OPAQUE,
    PEOPLE,
    TRANSPORT,
    VARYING,
    WORDING,
    YOUNG,
)

MOMENTS = re.compile(r"\d{8}T\d{6}Z")
NOT_SAID = "0"  # one recorder writes Retry-After: 0 into every answer
LRO = ("azure-asyncoperation", "location", "retry-after")


class Comparison:
    """One flow's answers against ours. `retry_after` are the recorded values by call."""

    def __init__(self, flow: Flow, names: Names, retry_after: dict[str, set[str]]) -> None:
        dates = [one.at for one in flow.interactions if one.at]
        self._before_2019 = bool(dates) and max(dates) < YEAR_2019
        self._flow, self._names, self._retry_after = flow, names, retry_after

    def differences(self, one: Interaction, response: Response) -> list[str]:
        if one.status != response.status and not (is_old(one) and response.status < 300):
            text = response.body[:200].decode("utf-8", "replace")
            return [f"status {response.status} instead of {one.status}: {text}"]
        found = [*self._headers(one, response)]
        if is_old(one):
            return list(self._shape(one, response))
        last = path_key(one.path).rpartition("/")[2]
        found += self._compared("", one.body, body_of(response), last in CATALOGUE.names)
        return found

    def _shape(self, one: Interaction, response: Response) -> Iterator[str]:
        """Of an operation under 2014-04-01: where to poll, and what the poll says."""
        if one.poll_paths and one.method != "GET" and not any(name in response.headers for name in LRO[:2]):
            yield "no address to poll"
        ours = body_of(response)
        word = one.body.get("status") if isinstance(one.body, dict) else None
        if one.method == "GET" and isinstance(word, str) and isinstance(ours, dict) and ours.get("status") != word:
            yield f"the poll says {ours.get('status')!r} instead of {word!r}"
        if one.method == "GET" and (one.status == 202) != (response.status == 202):
            yield f"status {response.status} instead of {one.status}"

    def _headers(self, one: Interaction, response: Response) -> Iterator[str]:
        for name, recorded in one.headers.items():
            if name not in TRANSPORT.names and not (name == "retry-after" and recorded == NOT_SAID):
                ours = response.headers.get(name) or response.headers.get(name.replace("-writes", "-deletes"))
                if not self._same_header(one, name, recorded, ours):
                    yield f"header {name}: {ours} instead of {recorded}" if ours else f"header {name} is missing"
        for name in LRO:
            if name in response.headers and name not in one.headers and name not in self._flow.stripped:
                yield f"header {name} is not recorded"

    def _same_header(self, one: Interaction, name: str, recorded: str, ours: str | None) -> bool:
        if ours is None:
            return False
        if name == "retry-after":
            return ours in self._retry_after.get(call_key(one), {recorded})
        return header_form(name, recorded) == header_form(name, ours) if name in VARYING.names else ours == recorded

    def _compared(self, where: str, recorded: Any, ours: Any, catalogue: bool) -> Iterator[str]:
        """Differences of fields, types and determined values, at any depth."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            yield from self._objects(where, recorded, ours, catalogue)
        elif isinstance(recorded, list) and isinstance(ours, list):
            yield from self._lists(where, recorded, ours, catalogue)
        elif not _same_type(recorded, ours):
            yield f"{where or 'body'}: {value_type(ours)} instead of {value_type(recorded)}"
        elif not self._same_value(where, recorded, ours):
            yield f"{where or 'body'}: {ours!r} instead of {recorded!r}"

    def _objects(self, where: str, recorded: dict[str, Any], ours: dict[str, Any], catalogue: bool) -> Iterator[str]:
        if "__trimmed__" in recorded:
            return
        recorded, ours = _by_id(recorded), _by_id(ours)
        yield from (f"{where}.{key} is missing" for key in recorded.keys() - ours.keys() - YOUNG.names)
        yield from (
            f"{where}.{key} is not recorded" for key in ours.keys() - recorded.keys() - YOUNG.names - GROWN.names
        )
        for key in recorded.keys() & ours.keys():
            yield from self._compared(f"{where}.{key}", recorded[key], ours[key], catalogue)

    def _lists(self, where: str, recorded: list[Any], ours: list[Any], catalogue: bool) -> Iterator[str]:
        trimmed = any(isinstance(one, dict) and "__trimmed__" in one for one in recorded)
        kept = [one for one in recorded if not (isinstance(one, dict) and "__trimmed__" in one)]
        if kept and all(_name(one) for one in kept):
            yield from self._named(where, kept, ours, whole=not catalogue and not trimmed, catalogue=catalogue)
            return
        if len(kept) != len(ours) and not (trimmed or catalogue):
            yield f"{where}: {len(ours)} entries instead of {len(kept)}"
        if catalogue and kept and all(isinstance(one, str) for one in kept):
            yield from (f"{where}: {one!r} instead of text" for one in ours if not isinstance(one, str))
            return
        for number, (one, other) in enumerate(zip(kept, ours, strict=False)):
            yield from self._compared(f"{where}[{number}]", one, other, catalogue)

    def _named(self, where: str, kept: list[Any], ours: list[Any], *, whole: bool, catalogue: bool) -> Iterator[str]:
        """Entries of one name are compared; where names are ids not seen before, those in the same place."""
        mine = {_name(one): one for one in ours}
        pairs = [(one, mine.pop(self._names.ours(_name(one)), None)) for one in kept]
        left = iter([name for name in mine if name])
        for one, other in pairs:
            name = next(left, None) if other is None and TOKEN.search(_name(one)) else None
            found = mine.pop(name) if name else other
            if found is not None:
                yield from self._compared(f"{where}[{_name(one)}]", one, found, catalogue)
            elif not catalogue:
                yield f"{where}[{_name(one)}] is missing"
        if whole:
            yield from (f"{where}[{name}] is not recorded" for name in mine)

    def _same_value(self, where: str, recorded: Any, ours: Any) -> bool:
        last = where.rpartition(".")[2].partition("[")[0]
        if self._before_2019 and (last in BEFORE_2019.names or where in BEFORE_2019.names):
            return True
        if last in WORDING.names | CONSUMED.names | EXPORTED.names | PEOPLE.names:
            return True
        if last in KEYS_OF_THEIR_OWN.names:
            return all(re.fullmatch(r"[0-9A-F]{40}", str(one)) for one in (recorded, ours))
        if isinstance(recorded, str):
            if OPAQUE.fullmatch(recorded) and OPAQUE.fullmatch(ours):
                return self._names.bind_opaque(recorded, ours)
            return self._names.same_text(recorded, ours)
        if isinstance(recorded, int) and not isinstance(recorded, bool) and recorded > 1_400_000_000 and ours > 1e9:
            return True  # seconds since the epoch
        return bool(recorded == ours)


ARM_ID = re.compile(r"/subscriptions/[^/]+")


def _by_id(document: dict[str, Any]) -> dict[str, Any]:
    """Names that are ARM ids compare without regard to case, and in whatever subscription they are."""
    return {
        ARM_ID.sub("/subscriptions/*", key).casefold() if ARM_ID.match(key) else key: value
        for key, value in document.items()
    }


def _name(entry: Any) -> str:
    """What tells an entry of a list from the others."""
    if not isinstance(entry, dict):
        return ""
    name = entry.get("name") or entry.get("id") or entry.get("resourceType") or ""
    return str(name.get("value", "") if isinstance(name, dict) else name).casefold()


def header_form(name: str, value: str) -> str:
    """What two values of a header that differs each time have in common."""
    if name in LRO[:2]:
        return path_key(value).rpartition("/")[0].rpartition("/")[2]  # what is polled: databaseAzureAsyncOperation
    if name == "content-type":
        return value.partition(";")[0]
    if name == "www-authenticate":
        return " ".join(re.findall(r"^\w+|\w+(?==)", value))
    return re.sub(r"[0-9]+", "0", re.sub(r"[A-Z]+(?=:)", "PLACE", TOKEN.sub("*", MOMENTS.sub("*", value.strip("{}")))))


def _same_type(recorded: Any, ours: Any) -> bool:
    return value_type(recorded) == value_type(ours)


def value_type(value: Any) -> str:
    if isinstance(value, bool) or value is None:
        return type(value).__name__
    return "number" if isinstance(value, int | float) else type(value).__name__


def call_key(one: Interaction) -> str:
    """The call apart from its names: method, types in the path, status."""
    segments = [segment for segment in path_key(one.path).split("/") if segment]
    types = [word if place % 2 == 0 else "*" for place, word in enumerate(segments)]
    return f"{one.method} /{'/'.join(types)} {one.status}"


def retry_after_of(all_flows: list[Flow]) -> dict[str, set[str]]:
    """Every recorded Retry-After of each call."""
    found: dict[str, set[str]] = {}
    for flow in all_flows:
        for one in flow.interactions:
            if "retry-after" in one.headers:
                found.setdefault(call_key(one), set()).add(one.headers["retry-after"])
    return found
