"""A secret value that no log, traceback or repr shows."""

from __future__ import annotations

from typing import NoReturn


class Secret:
    """Holds a secret text. Prints `***`; only `reveal()` gives the text; refuses to be pickled or turned into JSON."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The clear text. Call it only where the text leaves the process."""
        return self._text

    def __repr__(self) -> str:
        return "***"

    __str__ = __repr__

    def __format__(self, spec: str) -> str:
        return "***"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and other._text == self._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret is not to be pickled.")
