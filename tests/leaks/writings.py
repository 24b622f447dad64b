"""The many ways in which a password may stand in a text."""

from __future__ import annotations

import base64
import html
import json
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

ENCODINGS = ("utf-8", "utf-16-le", "utf-16-be")


def writings(password: str) -> set[bytes]:
    """Raw and escaped for JSON (once and twice), T-SQL, URLs and HTML; in UTF-8 and UTF-16, in hex and in base64."""
    texts = {
        password,
        json.dumps(password)[1:-1],
        json.dumps(json.dumps(password))[3:-3],
        password.replace("'", "''"),
        quote(password, safe=""),
        quote_plus(password),
        html.escape(password),
    }
    raw = {text.encode(encoding) for text in texts for encoding in ENCODINGS}
    return raw | {found for one in raw for found in (*_in_base64(one), *_in_hex(one))}


def leaks(places: Mapping[str, bytes], passwords: Iterable[str]) -> list[str]:
    """The places in which any of the passwords stands, in any writing; never the password itself."""
    needles = {needle for password in passwords for needle in writings(password)}
    return sorted(place for place, content in places.items() if any(needle in content for needle in needles))


def _in_base64(raw: bytes) -> Iterator[bytes]:
    """Its base64 at each of the three places at which it may begin, less the characters that its neighbours decide."""
    for before in range(3):
        bits = 8 * len(raw) + 8 * before
        first, end = -(-8 * before // 6), bits // 6
        padded = b"\0" * before + raw
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            yield encode(padded)[first:end]


def _in_hex(raw: bytes) -> Iterator[bytes]:
    yield raw.hex().encode()
    yield raw.hex().upper().encode()
