"""Results worth keeping, as long as what they came from has not changed."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Hashable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Kept(Generic[T]):
    """The last `most` results by key. One holds while its sources are the very same (frozen) objects."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._rows: OrderedDict[Hashable, tuple[tuple[object, ...], T]] = OrderedDict()

    def get(self, key: Hashable, sources: Sequence[object]) -> T | None:
        """The result, or None when there is none or a source was replaced."""
        found = self._rows.get(key)
        if found is None or len(found[0]) != len(sources):
            return None
        if any(before is not now for before, now in zip(found[0], sources, strict=True)):
            return None
        self._rows.move_to_end(key)
        return found[1]

    def put(self, key: Hashable, sources: Sequence[object], result: T) -> T:
        self._rows[key] = (tuple(sources), result)
        self._rows.move_to_end(key)
        if len(self._rows) > self._most:
            self._rows.popitem(last=False)
        return result
