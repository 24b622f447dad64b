"""Which of our ids stands for which recorded one, and recorded requests said with ours."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

import orjson

from tests.conformance.recording import Interaction, path_key
from tests.conformance.tolerances import CANARY, FILE_TIME, GUID, HEX32, MOMENT
from tests.simulator.builders import PASSWORD

NOBODY = "00000000-0000-0000-0000-000000000000"
TOKEN = re.compile(f"{GUID.pattern}|{HEX32.pattern}|{FILE_TIME.pattern}")
FORMS = (GUID, HEX32, FILE_TIME, MOMENT)


class Names:
    """Learns from each pair of answers; what the recording repeats must be repeated by ours."""

    def __init__(self, *, subscription: str, principal: str) -> None:
        self._subscription, self._principal = subscription, principal
        self._ids: dict[str, str] = {NOBODY: NOBODY}
        self._urls: dict[str, str] = {}
        self._opaque: dict[str, str] = {}
        self._cut: dict[str, list[str]] = {}

    def same_text(self, recorded: str, ours: str) -> bool:
        """Equal but for ids and moments; ids seen for the first time are bound to each other."""
        if recorded.casefold().startswith("scrubbed"):
            return self.bind_opaque(_scrubbed(recorded), ours)
        if _blank(recorded) != _blank(ours):
            return False
        mine = TOKEN.findall(ours)
        return all(self._bind(one, other) for one, other in zip(TOKEN.findall(recorded), mine, strict=True))

    def _bind(self, recorded: str, ours: str) -> bool:
        if recorded == NOBODY:
            return True  # people, directories and subscriptions were all made this one
        return self._ids.setdefault(recorded, ours) == ours

    def bind_opaque(self, recorded: str, ours: str) -> bool:
        """A backup or key that only its maker reads: ours is sent where the recording sent its own."""
        self._opaque[recorded] = ours
        return True

    def ours(self, text: str) -> str:
        """Recorded text with the ids that are known by now."""
        return TOKEN.sub(lambda found: self._ids.get(found[0], found[0]), text)

    def learn_url(self, recorded: str, ours: str) -> None:
        """The address to use where the recording uses its own."""
        self._urls[path_key(recorded)] = ours
        for one, other in zip(TOKEN.findall(urlsplit(recorded).path), TOKEN.findall(urlsplit(ours).path), strict=False):
            self._bind(one, other)

    def learn_polls(self, recorded: Iterable[str], ours: Iterable[str]) -> None:
        """An operation may be polled at an address that its first answer did not tell."""
        for url in recorded:
            for mine in ours:
                kind = "asyncoperation" if "asyncoperation" in path_key(mine) else "operationresults"
                self._urls[f"{kind}/{path_key(url).rpartition('/')[2]}"] = mine

    def learn_page(self, recorded: object, ours: object) -> None:
        """The link to the next page, wherever both answers have one."""
        if isinstance(recorded, dict) and isinstance(ours, dict):
            theirs, mine = recorded.get("nextLink"), ours.get("nextLink")
            if isinstance(theirs, str) and isinstance(mine, str):
                split = urlsplit(theirs)
                self._urls[_page_key(split.path, dict(parse_qsl(split.query)))] = mine

    def learn_cut_list(self, one: Interaction, ours: object) -> None:
        """Of a list that the recording cuts short: our items, one of which a later request may name for the first time."""
        items = one.body.get("value") if isinstance(one.body, dict) else None
        if isinstance(items, list) and any("__trimmed__" in item for item in items if isinstance(item, dict)):
            mine = ours.get("value", []) if isinstance(ours, dict) else []
            self._cut[path_key(one.path)] = [str(item.get("name", "")) for item in mine]

    def _find_in_cut_list(self, path: str) -> None:
        """Bind an id that only the part cut off can have told: to the one item of ours that stands for none yet."""
        collection, _, wanted = path_key(path).partition("/replicationlinks/")
        wanted = wanted.partition("/")[0]
        spare = [name for name in self._cut.get(f"{collection}/replicationlinks", ()) if name not in self._ids.values()]
        if wanted and wanted not in self._ids and len(spare) == 1:
            self._bind(wanted, spare[0])

    def address(self, one: Interaction, shift: float) -> tuple[str, dict[str, str]]:
        """Path and query of a request to us."""
        keys = (_page_key(one.path, one.query), path_key(one.path), _poll_key(one.path))
        known = next((self._urls[key] for key in keys if key in self._urls), None)
        if known and one.method == "GET":
            split = urlsplit(known)
            return unquote(split.path), dict(parse_qsl(split.query, keep_blank_values=True))
        self._find_in_cut_list(one.path)
        query = {name: self._said(value, shift) for name, value in one.query.items()}
        return unquote(self._said(one.path, 0)), query

    def said(self, document: Any) -> Any:
        """A recorded document as we would send it."""
        return self._document(document, 0)

    def body(self, one: Interaction, shift: float) -> bytes:
        """The request's body; a scrubbed password becomes a good one."""
        if one.request_body in (None, ""):
            return b""
        if isinstance(one.request_body, str):
            return self._said(one.request_body, shift).encode()
        return orjson.dumps(self._document(one.request_body, shift))

    def _document(self, value: Any, shift: float) -> Any:
        if isinstance(value, dict):
            said = {self._named(name): self._document(inner, shift) for name, inner in value.items()}
            return {**said, "objectId": self._principal} if said.get("objectId") == NOBODY else said
        if isinstance(value, list):
            kept = [inner for inner in value if not (isinstance(inner, dict) and "__trimmed__" in inner)]
            return [self._document(inner, shift) for inner in kept]
        return self._said(value, shift) if isinstance(value, str) else value

    def _named(self, name: str) -> str:
        """A property's name: as it is, unless it is an ARM id."""
        return self._said(name, 0) if name.startswith("/subscriptions/") else name

    def _said(self, text: str, shift: float) -> str:
        if _scrubbed(text) in self._opaque and "_CHARS" in text:
            return self._opaque[_scrubbed(text)]
        if text in self._opaque:
            return self._opaque[text]
        if text.startswith("SCRUBBED"):
            return PASSWORD
        text = neighbour(text)
        text = re.sub(r"(?i)(/subscriptions/)[^/?]+", rf"\g<1>{self._subscription}", text)
        text = self.ours(text)
        return MOMENT.sub(lambda found: shifted(found[0], shift), text) if shift else text


def _page_key(path: str, query: dict[str, str]) -> str:
    token = next((value for name, value in query.items() if name.lower() == "$skiptoken"), "")
    return f"{path_key(path)}?{token}" if token else "-"


def _poll_key(path: str) -> str:
    collection, _, operation = path_key(path).rpartition("/")
    kind = next((kind for kind in ("asyncoperation", "operationresults") if collection.endswith(kind)), "")
    return f"{kind}/{operation}" if kind else "-"


def neighbour(text: str) -> str:
    """The public region beside a canary region, wherever it is named."""
    for name in CANARY.names:
        text = re.sub(name, name.removesuffix("euap"), text, flags=re.IGNORECASE)
    return text


def _scrubbed(text: str) -> str:
    """A scrubbed text without the note of how much was cut off."""
    return text.partition("...__trimmed__")[0]


VAULT_ADDRESS = re.compile(r"\.vault\.(?:azure\.net|localhost)(?::\d+)?/?")


def _blank(text: str) -> str:
    text = VAULT_ADDRESS.sub(".vault/", neighbour(text))
    for form in FORMS:
        text = form.sub("*", text)
    return text.casefold() if text.lower().startswith("/subscriptions/") else text


def shifted(moment: str, seconds: float) -> str:
    """The same moment on our clock, in the same spelling; what only looks like one stays as it is."""
    try:
        then = datetime.fromisoformat(moment)
    except ValueError:
        return moment
    aware = then if then.tzinfo else then.replace(tzinfo=UTC)
    now = datetime.fromtimestamp(aware.timestamp() + seconds, UTC)
    return now.strftime("%Y-%m-%dT%H:%M:%S") + (f".{now.microsecond:06d}" if "." in moment else "") + "Z"
