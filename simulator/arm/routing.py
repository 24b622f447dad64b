"""From a path to its handler: literal segments compare without regard to case, names keep the client's spelling."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, NamedTuple

from simulator.http import Response

if TYPE_CHECKING:
    from simulator.arm.call import Call

Handler = Callable[["Call"], Response]

SUBSCRIPTION = "/subscriptions/{subscription}"
GROUP = SUBSCRIPTION + "/resourceGroups/{group}"
SERVERS = GROUP + "/providers/Microsoft.Sql/servers"
SERVER = SERVERS + "/{server}"
POOL = SERVER + "/elasticPools/{pool}"
DATABASE = SERVER + "/databases/{database}"
LOCATION = SUBSCRIPTION + "/providers/Microsoft.Sql/locations/{location}"


class Route(NamedTuple):
    """A handler with the names in its path; `method` and `template` are as they were registered."""

    handler: Handler
    parameters: tuple[str, ...]
    method: str
    template: str


_ROUTES: dict[tuple[str, str], Route] = {}
_SHAPES: set[str] = set()


def route(method: str, template: str) -> Callable[[Handler], Handler]:
    """Serve `method` on the template with the decorated function; parameters arrive in `call.names`."""

    def register(handler: Handler) -> Handler:
        shape, values = take_apart(template)
        _ROUTES[method, shape] = Route(handler, tuple(value.strip("{}") for value in values), method, template)
        _SHAPES.add(shape)
        return handler

    return register


def routes() -> list[Route]:
    """Every route that is served, in order of registration."""
    return list(_ROUTES.values())


def take_apart(path: str) -> tuple[str, list[str]]:
    """The path's shape, names replaced by `*`, and the names. Types and names alternate, but for `providers/X`."""
    shape: list[str] = []
    names: list[str] = []
    segments = [segment for segment in path.split("/") if segment]
    position = 0
    while position < len(segments):
        word = segments[position].lower()
        shape.append(word)
        if position + 1 < len(segments):
            following = segments[position + 1]
            if word == "providers":
                shape.append(following.lower())
            else:
                shape.append("*")
                names.append(following)
        position += 2
    return "/" + "/".join(shape), names


def find(method: str, path: str) -> tuple[Handler | None, Mapping[str, str], bool]:
    """The handler and the names in the path; the last value tells whether any method is served on such a path."""
    shape, values = take_apart(path)
    found = _ROUTES.get((method, shape))
    if found is None:
        return None, {}, shape in _SHAPES
    return found.handler, dict(zip(found.parameters, values, strict=True)), True
