"""Versions of the API: whose each is, and until when it stands. Told in the OpenAPI document and by headers of every answer.

The promise, as docs/api-versions.md has it: a version is deprecated at the earliest when the next one stands, and goes at the
earliest a year after its deprecation was told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from email.utils import format_datetime
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from drf_spectacular.hooks import postprocess_schema_enums

NOTICE = timedelta(days=365)
POLICY = "A version is deprecated when the next one stands, and answers for at least a year after that was told."


@dataclass(frozen=True, slots=True)
class ApiVersion:
    """`deprecated_on` and `sunset_on` None: it stands. Raises ValueError where the notice is shorter than promised."""

    name: str
    deprecated_on: date | None = None
    sunset_on: date | None = None

    def __post_init__(self) -> None:
        if self.sunset_on and (not self.deprecated_on or self.sunset_on - self.deprecated_on < NOTICE):
            raise ValueError(f"{self.name} would go before a year's notice.")

    def described(self) -> dict[str, Any]:
        """For the OpenAPI document."""
        dates = {"deprecatedOn": self.deprecated_on, "sunsetOn": self.sunset_on}
        told = {name: day.isoformat() if day else None for name, day in dates.items()}
        return {"version": self.name, "owner": settings.API_OWNER, "deprecationPolicy": POLICY, **told}

    def headers(self) -> Mapping[str, str]:
        """Deprecation (RFC 9745) and Sunset (RFC 8594), once there is something to tell."""
        found = {}
        if self.deprecated_on:
            found["Deprecation"] = f"@{int(_midnight(self.deprecated_on).timestamp())}"
        if self.sunset_on:
            found["Sunset"] = format_datetime(_midnight(self.sunset_on), usegmt=True)
        return found


VERSIONS = (ApiVersion("v1"),)


def finish_document(result: dict[str, Any], generator: Any, **_: object) -> dict[str, Any]:
    """Name enumerations once, as the generator does by default, and put the versions into the OpenAPI document."""
    finished: dict[str, Any] = postprocess_schema_enums(result, generator)  # type: ignore[no-untyped-call]
    finished["info"]["x-api-versions"] = [version.described() for version in VERSIONS]
    return finished


class ApiVersions:
    """Names the versions that answer, and the end of the one that was asked."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponseBase]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponseBase:
        response = self.get_response(request)
        if request.path.startswith("/api/"):
            response.headers["api-supported-versions"] = ", ".join(version.name for version in VERSIONS)
            for version in VERSIONS:
                if request.path.startswith(f"/api/{version.name}/"):
                    for name, value in version.headers().items():
                        response.headers[name] = value
        return response


def _midnight(day: date) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC)
