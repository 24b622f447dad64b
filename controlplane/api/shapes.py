"""Shapes of requests: strict types, no unknown fields, and a body of bounded size."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, NoReturn

from django.conf import settings
from rest_framework import serializers
from rest_framework.exceptions import ErrorDetail, ParseError, ValidationError
from rest_framework.parsers import BaseParser

from controlplane.api.problems import Problem

GUID = r"^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$"


class Shape(serializers.Serializer[Any]):
    """Fields of a request. A field that is not declared is refused, by name."""

    def to_internal_value(self, data: Any) -> Any:
        if isinstance(data, Mapping):
            unknown = [str(name) for name in data if name not in self.fields]
            if unknown:
                raise ValidationError({name: [ErrorDetail("Unknown field.", code="UnknownField")] for name in unknown})
        return super().to_internal_value(data)


class Text(serializers.CharField):
    """A JSON string, taken as it is; `pattern` must match it whole."""

    def __init__(self, *, pattern: str = "", **options: Any) -> None:
        super().__init__(trim_whitespace=False, **options)
        self.pattern = pattern

    def to_internal_value(self, data: Any) -> str:
        if not isinstance(data, str):
            raise ValidationError("A text is needed.", code="invalid")
        return data

    def run_validators(self, value: Any) -> None:
        super().run_validators(value)
        if self.pattern and value and not re.fullmatch(self.pattern, value):
            raise ValidationError(f"It must match {self.pattern}", code="invalid")


class Guid(Text):
    """A GUID, kept in lower case."""

    def __init__(self, **options: Any) -> None:
        super().__init__(pattern=GUID, **options)

    def to_internal_value(self, data: Any) -> str:
        return super().to_internal_value(data).lower()


class WholeNumber(serializers.IntegerField):
    """A JSON number without a fraction; texts and booleans are refused."""

    def to_internal_value(self, data: Any) -> int:
        if type(data) is not int:
            raise ValidationError("A whole number is needed.", code="invalid")
        return data


class Flag(serializers.BooleanField):
    """A JSON true or false; texts and numbers are refused."""

    def to_internal_value(self, data: Any) -> bool:
        if not isinstance(data, bool):
            raise ValidationError("true or false is needed.", code="invalid")
        return data


class Moment(serializers.DateTimeField):
    """A moment in ISO 8601 with its zone; without one nobody could tell which is meant."""

    def to_internal_value(self, value: Any) -> Any:
        if not isinstance(value, str) or not re.fullmatch(r".+T.+(Z|[+-]\d\d:\d\d)", value, re.DOTALL):
            raise ValidationError("A moment with its zone is needed, e.g. 2026-01-31T12:00:00Z.", code="invalid")
        return super().to_internal_value(value)


class Truth(serializers.BooleanField):
    """A JSON true or false; texts and numbers that read like one are refused."""

    def to_internal_value(self, data: Any) -> bool:
        if type(data) is not bool:
            raise ValidationError("true or false is needed.", code="invalid")
        return data


class BoundedJson(BaseParser):
    """JSON in UTF-8 (RFC 8259) of at most API_BODY_BYTES."""

    media_type = "application/json"

    def parse(self, stream: Any, media_type: str | None = None, parser_context: Mapping[str, Any] | None = None) -> Any:
        body = stream.read(settings.API_BODY_BYTES + 1)
        if len(body) > settings.API_BODY_BYTES:
            raise too_large()
        try:
            return json.loads(body.decode("utf-8"), parse_constant=_refuse_constant, object_pairs_hook=_once_each)
        except (ValueError, RecursionError) as error:
            raise ParseError("The body is not JSON.") from error


def too_large() -> Problem:
    return Problem(413, "RequestTooLarge", f"A request may hold {settings.API_BODY_BYTES} bytes.")


def _once_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """A name that stands twice would be overlooked once."""
    document = dict(pairs)
    if len(document) < len(pairs):
        raise ValueError("A name stands twice.")
    return document


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is not JSON.")
