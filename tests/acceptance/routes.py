"""Every address and method that the product answers, taken from its URL table."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.urls import URLPattern, URLResolver, get_resolver

METHODS = ("GET", "PUT", "POST", "PATCH", "DELETE", "OPTIONS", "TRACE")
PROBES = {"healthz": ("GET",), "readyz": ("GET",), "metrics": ("GET",)}  # plain functions
CONSOLE = "admin"  # Django's name for such pages; they look after their own rights


@dataclass(frozen=True)
class Route:
    """One address by its name in the URL table, with one method that it answers."""

    name: str
    method: str

    def __str__(self) -> str:
        return f"{self.method} {self.name}"


def all_routes() -> list[Route]:
    """Everything outside the console, whether it has a rule or not."""
    return [Route(name, method) for name, methods in _patterns(get_resolver()) for method in methods]


def guarded_routes() -> list[Route]:
    """Those that ask for a token."""
    from controlplane.api.access import OPEN

    return [route for route in all_routes() if (route.name, route.method) not in OPEN]


def _patterns(resolver: URLResolver) -> Iterator[tuple[str, tuple[str, ...]]]:
    for entry in resolver.url_patterns:
        if isinstance(entry, URLResolver):
            if entry.app_name != CONSOLE:
                yield from _patterns(entry)
        else:
            yield _named(entry)


def _named(pattern: URLPattern) -> tuple[str, tuple[str, ...]]:
    view: Any = getattr(pattern.callback, "view_class", None) or getattr(pattern.callback, "cls", None)
    if view is None:
        return str(pattern.name), PROBES.get(str(pattern.name), METHODS)
    allowed = [method.upper() for method in view.http_method_names]
    return str(pattern.name), tuple(
        method for method in METHODS if method in allowed and hasattr(view, method.lower()) and method != "OPTIONS"
    )
