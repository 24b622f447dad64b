"""Simulated seconds as the texts that Azure writes."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import format_datetime
from functools import lru_cache

TICKS_TO_1970 = 621_355_968_000_000_000
FILETIME_TO_1970 = 116_444_736_000_000_000


@lru_cache(maxsize=65_536)
def iso(seconds: float) -> str:
    """As the SQL resource provider writes times: milliseconds without trailing zeros, e.g. 2018-03-28T01:54:52.82Z."""
    text = datetime.fromtimestamp(seconds, UTC).replace(tzinfo=None).isoformat(timespec="milliseconds")
    return text.rstrip("0").rstrip(".") + "Z"


def http_date(seconds: float) -> str:
    """As in the Date header, e.g. Tue, 20 Jun 2023 08:07:06 GMT."""
    return _dates(int(seconds))[0]


def compact(seconds: float) -> str:
    """As in x-ms-routing-request-id, e.g. 20230620T080706Z."""
    return _dates(int(seconds))[1]


@lru_cache(maxsize=16)
def _dates(second: int) -> tuple[str, str]:
    """Both forms that every answer carries, made once a second."""
    moment = datetime.fromtimestamp(second, UTC)
    return format_datetime(moment, usegmt=True), moment.strftime("%Y%m%dT%H%M%SZ")


def ticks(seconds: float) -> int:
    """100 ns units since the year 1, the `t` of a poll URL."""
    return TICKS_TO_1970 + int(seconds * 10_000_000)


def file_time(seconds: float) -> int:
    """100 ns units since 1601, the suffix of a dropped database's name."""
    return FILETIME_TO_1970 + int(seconds * 10_000_000)
