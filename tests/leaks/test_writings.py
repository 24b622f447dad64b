"""A password is found however it was written down, and nothing else is."""

from __future__ import annotations

import base64
import json
from urllib.parse import quote

import pytest

from rotation.passwords import new_password
from tests.leaks.writings import leaks

PASSWORD = "Quote'Slash\\Plus+Tilde~Star*Bang!Less<Amp&42"  # worse than any of ours
WRITTEN = {
    "as it is": PASSWORD.encode(),
    "in JSON": json.dumps({"password": PASSWORD}).encode(),
    "in JSON within JSON": json.dumps(json.dumps({"password": PASSWORD})).encode(),
    "in T-SQL": ("ALTER USER [svc_a] WITH PASSWORD = N'" + PASSWORD.replace("'", "''") + "'").encode(),
    "in an address": ("postgres://u:" + quote(PASSWORD, safe="") + "@h").encode(),
    "in UTF-16": f"pwd={PASSWORD};".encode("utf-16-le"),
    "in hex": b"\\x" + f"<{PASSWORD}>".encode().hex().encode(),
    **{f"in base64 after {n}": base64.b64encode(b"x" * n + PASSWORD.encode() + b"yz") for n in range(4)},
    "in base64 of UTF-16": base64.urlsafe_b64encode(f"x{PASSWORD}y".encode("utf-16-le")),
}


@pytest.mark.parametrize("where", WRITTEN)
def test_it_is_found(where: str):
    assert leaks({"here": b"before " + WRITTEN[where] + b" after", "there": b"nothing"}, [PASSWORD]) == ["here"]


def test_one_of_ours_is_not_found_where_another_stands():
    ours, another = new_password().reveal(), new_password().reveal()
    places = {where: base64.b64encode(another.encode()) + another.encode() for where in WRITTEN}
    assert leaks(places, [ours]) == []
