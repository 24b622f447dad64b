"""What a page consists of besides a list: tables and groups of facts, drawn by one template each."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Table:
    """Rows below headings. `empty` says what it means that there are none; `more` is the address of the whole list."""

    title: str
    headings: tuple[str, ...]
    rows: Sequence[Sequence[object]]
    empty: str
    more: str = ""
    note: str = ""
    name: str = ""  # an anchor for links from elsewhere on the page


@dataclass(frozen=True, slots=True)
class Facts:
    """A named group of an object's properties."""

    title: str
    values: Iterable[tuple[str, object]]


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that must be read first. `tone` is one of display's."""

    tone: str
    title: str
    text: object = ""
