"""Views and procedures of one database: their text, kept by schema and name."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass

from simulator.store import Document
from simulator.tds.directory import MODULES
from simulator.tds.overlay import Overlay
from simulator.tds.tsql.terms import ObjectName, TypeName


@dataclass(frozen=True, slots=True)
class Module:
    """`kind` is view or procedure; a view's text is its query."""

    schema: str
    name: str
    kind: str
    text: str
    parameters: tuple[tuple[str, TypeName], ...] = ()


class Modules:
    """A name without a schema is looked up in the user's own, then in dbo."""

    def __init__(self, overlay: Overlay, database_id: str) -> None:
        self._overlay = overlay
        self._prefix = f"{database_id}/"

    def find(self, name: ObjectName, default_schema: str, kind: str = "") -> Module | None:
        """The view or procedure of that name; with `kind` only one of that kind."""
        for schema in (name.schema,) if name.schema else (default_schema, "dbo"):
            document = self._overlay.get(MODULES, self._key(schema, name.name))
            if document and kind in ("", document["kind"]):
                return _read(document)
        return None

    def all(self) -> Iterator[Module]:
        return (_read(document) for _, document in self._overlay.items(MODULES, self._prefix))

    def put(self, module: Module) -> None:
        self._overlay.put(MODULES, self._key(module.schema, module.name), asdict(module))

    def remove(self, module: Module) -> None:
        self._overlay.delete(MODULES, self._key(module.schema, module.name))

    def _key(self, schema: str, name: str) -> str:
        return f"{self._prefix}{schema}.{name}".casefold()


def _read(document: Document) -> Module:
    parameters = tuple((name, TypeName(**declared)) for name, declared in document["parameters"])
    return Module(document["schema"], document["name"], document["kind"], document["text"], parameters)
