"""Every code that the simulator refuses with is caused by some test."""

from __future__ import annotations

import re
from pathlib import Path
from urllib.parse import parse_qsl

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_server, ask, settle, whole_id
from tests.simulator.refused import REFUSED, SERVER, Step

ROOT = Path(__file__).parents[2]
RAISED = re.compile(r'(?:invalid|conflict)\(\s*"([A-Z]\w+)"|ArmError\(\s*\d+,\s*"([A-Z]\w+)"')


@pytest.mark.parametrize("code", REFUSED)
def test_a_request_is_refused_with_its_code(code):
    azure = Azure(real=lambda: 0.0, throttled=False)
    a_server(azure)
    *before, last = REFUSED[code]
    for step in before:
        assert taken(azure, step).status < 300, step
        if not step[0].startswith("BEGIN "):
            settle(azure)
    refusal = taken(azure, last)
    assert (refusal.status >= 400, orjson.loads(refusal.body)["error"]["code"]) == (True, code)


def test_a_database_has_no_license_type_but_those_of_its_pool():
    azure = Azure(real=lambda: 0.0, throttled=False)
    wish = {"location": "eastus", "sku": {"name": "GP_Gen5_2"}, "properties": {"licenseType": "Free"}}
    refusal = ask(azure, "PUT", f"{a_server(azure)}/databases/d1", wish)
    assert (refusal.status, orjson.loads(refusal.body)["error"]["code"]) == (400, "InvalidLicenseType")


def taken(azure: Azure, step: Step) -> Response:
    """The answer to one step; BEGIN before the method leaves its operation running."""
    method, path, document = step
    if path.startswith("/_sim/"):
        return azure.handle(Request(method, "localhost", 8443, path, {}, {}, orjson.dumps(document)))
    path, _, query = path.partition("?")
    said = orjson.loads(orjson.dumps(document).replace(b"{root}", whole_id(azure, "").encode()))
    return ask(azure, method.removeprefix("BEGIN "), path, said, **dict(parse_qsl(query)))


def test_a_closed_region_is_found_out_only_after_the_server_was_accepted():
    azure = Azure(real=lambda: 0.0, throttled=False)
    a_server(azure)
    azure.arm.quotas.closed_regions = frozenset({"westus"})
    login = {"administratorLogin": "boss", "administratorLoginPassword": "Correct-Horse-9"}
    begun = ask(azure, "PUT", SERVER.replace("one", "two"), {"location": "westus", "properties": login})
    settle(azure)
    operation = azure.arm.operations.get(begun.headers["x-ms-request-id"])
    assert (begun.status, operation.status) == (202, "Failed")
    assert operation.error["code"] == "RegionDoesNotAllowProvisioning"
    assert ask(azure, "GET", SERVER.replace("one", "two")).status == 404


def test_every_code_in_the_source_is_met_in_a_test():
    source = "".join(file.read_text() for file in (ROOT / "simulator" / "arm").glob("*.py"))
    codes = {one or other for one, other in RAISED.findall(source)}
    tests = "".join(file.read_text() for file in (ROOT / "tests" / "simulator").glob("*.py"))
    assert len(codes) > 100
    assert {code for code in codes if not re.search(rf"\b{code}\b", tests)} == set()
