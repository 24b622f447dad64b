"""The OpenAPI document in short: a line a route, a line a shape. A change of the contract shows as a change of lines.

`python -m tests.acceptance.outline > docs/api.txt` writes it anew.
"""

from __future__ import annotations

import json
from typing import Any

ERRORS = 400  # of these only the ones that not every route may give are told
EVERYWHERE = {"400", "401", "403", "405", "406", "413", "415", "429", "500", "503"}


def outline(document: dict[str, Any]) -> str:
    routes = [
        _route(method.upper(), path, described)
        for path, methods in document["paths"].items()
        for method, described in methods.items()
    ]
    shapes = [_shape(name, schema) for name, schema in document["components"]["schemas"].items()]
    return "\n".join([*sorted(routes), "", *sorted(shapes), ""])


def _route(method: str, path: str, described: dict[str, Any]) -> str:
    query = [one["name"] for one in described.get("parameters", []) if one["in"] == "query"]
    body = described.get("requestBody", {}).get("content", {}).get("application/json")
    answers = [_answer(status, one) for status, one in described["responses"].items() if status not in EVERYWHERE]
    parts = [
        f"{method} {path}",
        f"query {', '.join(query)}" if query else "",
        f"body {_type(body['schema'])}" if body else "",
    ]
    return "; ".join([*(part for part in parts if part), f"answers {', '.join(answers)}"])


def _answer(status: str, described: dict[str, Any]) -> str:
    content = described.get("content")
    return f"{status} {_type(content['application/json']['schema'])}" if content and int(status) < ERRORS else status


def _shape(name: str, schema: dict[str, Any]) -> str:
    if "properties" not in schema:
        return f"{name}: {_type(schema)}"
    needed = set(schema.get("required", []))
    fields = [
        f"{field}{'' if field in needed else '?'} {_type(inner)}" for field, inner in schema["properties"].items()
    ]
    closed = " (no others)" if schema.get("additionalProperties") is False else ""
    return f"{name}: {', '.join(fields)}{closed}"


def _type(schema: dict[str, Any]) -> str:
    if "$ref" in schema:
        return str(schema["$ref"].rsplit("/", 1)[-1])
    for word in ("oneOf", "allOf", "anyOf"):
        if word in schema:
            return " | ".join(_type(inner) for inner in schema[word])
    if "enum" in schema:
        return f"({' | '.join(map(str, schema['enum']))})"
    kinds = schema.get("type", "any")
    kind = " | ".join(kinds) if isinstance(kinds, list) else str(kinds)
    return f"[{_type(schema['items'])}]" if "items" in schema else kind


if __name__ == "__main__":
    import sys

    import django

    django.setup()
    from drf_spectacular.generators import SchemaGenerator

    sys.stdout.write(outline(json.loads(json.dumps(SchemaGenerator().get_schema(public=True)))))
