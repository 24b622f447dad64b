"""State that survives SIGKILL: JSON documents in memory, every change appended to a journal before it is answered."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any

import orjson

Document = dict[str, Any]
COMPACT_AFTER_LINES = 50_000


class Store:
    """Documents by (kind, key). Treat what `get` and `items` return as frozen: change it with `put` only.

    A journal line is handed to the operating system before `put` returns, so a killed process loses nothing; a torn
    last line (the machine died) is dropped at start.
    """

    def __init__(self, directory: Path | None = None) -> None:
        self._tables: dict[str, dict[str, Document]] = {}
        self._owned: dict[tuple[str, str], dict[str, None]] = {}
        self._lines = 0
        self._journal: int | None = None
        self._path = directory / "journal.jsonl" if directory else None
        if self._path:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # secrets' values stand in the journal
            if self._load(self._path):
                self._journal = os.open(self._path, os.O_WRONLY | os.O_APPEND)
            else:
                self._compact()

    def get(self, kind: str, key: str) -> Document | None:
        return self._tables.get(kind, {}).get(key)

    def table(self, kind: str) -> Mapping[str, Document]:
        """A live read-only view of one kind, in order of first insertion."""
        return MappingProxyType(self._tables.setdefault(kind, {}))

    def items(self, kind: str, prefix: str = "") -> Iterator[tuple[str, Document]]:
        """Documents whose key starts with `prefix`; safe against changes while iterating.

        A prefix with a slash (`<owner>/…`) looks at that owner's documents alone, however many others there are.
        """
        rows = self._tables.get(kind, {})
        owner, slash, _ = prefix.partition("/")
        keys = list(self._owned.get((kind, owner), ())) if slash else list(rows)
        return ((key, rows[key]) for key in keys if key.startswith(prefix) and key in rows)

    def put(self, kind: str, key: str, document: Document) -> None:
        self._keep(kind, key, document)
        self._append([kind, key, document])

    def delete(self, kind: str, key: str) -> None:
        if self._drop(kind, key):
            self._append([kind, key, None])

    def close(self) -> None:
        if self._journal is not None:
            os.close(self._journal)
            self._journal = None

    def _keep(self, kind: str, key: str, document: Document) -> None:
        self._tables.setdefault(kind, {})[key] = document
        self._owned.setdefault((kind, key.partition("/")[0]), {})[key] = None

    def _drop(self, kind: str, key: str) -> bool:
        if self._tables.get(kind, {}).pop(key, None) is None:
            return False
        owner = (kind, key.partition("/")[0])
        del self._owned[owner][key]
        if not self._owned[owner]:
            del self._owned[owner]
        return True

    def _append(self, line: list[Any]) -> None:
        if self._path is None:
            return
        assert self._journal is not None, "the store is closed"
        os.write(self._journal, orjson.dumps(line) + b"\n")
        self._lines += 1
        if self._is_long():
            self._compact()

    def _load(self, path: Path) -> bool:
        """Take in the journal; whether it is short and whole enough to go on with."""
        if not path.exists():
            return False
        *lines, torn = path.read_bytes().split(b"\n")
        for line in lines:
            kind, key, document = orjson.loads(line)
            if document is None:
                self._drop(kind, key)
            else:
                self._keep(kind, key, document)
        self._lines = len(lines)
        return not torn and not self._is_long()

    def _is_long(self) -> bool:
        return self._lines > COMPACT_AFTER_LINES + 4 * sum(map(len, self._tables.values()))

    def _compact(self) -> None:
        """Rewrite the journal to the present state; atomic by rename."""
        assert self._path is not None
        fresh = self._path.with_suffix(".new")
        with open(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as file:
            for kind, rows in self._tables.items():
                file.writelines(orjson.dumps([kind, key, document]) + b"\n" for key, document in rows.items())
        fresh.replace(self._path)
        self.close()
        self._journal = os.open(self._path, os.O_WRONLY | os.O_APPEND)
        self._lines = 0
