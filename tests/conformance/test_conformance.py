"""Recorded exchanges get the recorded answers, and the comparison finds what it is there to find."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.conformance.__main__ import FLOOR
from tests.conformance.contract import kept_seconds
from tests.conformance.recording import folder
from tests.conformance.report import Report, replay_all

NOBODY = "00000000-0000-0000-0000-000000000000"
GROUP = f"/subscriptions/{NOBODY}/resourceGroups/one"
SERVER = f"{GROUP}/providers/Microsoft.Sql/servers/first"
OPERATION = "00000000-0000-0000-0000-000000000007"
POLL = f"{GROUP}/providers/Microsoft.Sql/locations/eastus/serverAzureAsyncOperation/{OPERATION}"


def test_as_many_exchanges_are_equal_as_ever():
    if not any(folder().glob("*.json")):
        pytest.skip(f"the recordings are not here ({folder()})")
    report = replay_all(folder(), kept_seconds())
    compared, equal = report.counted(later=False)
    assert 100 * equal / compared >= FLOOR["percent"]


def exchange(method: str, path: str, status: int, body: Any = None, **more: Any) -> dict[str, Any]:
    """One exchange in the form of the recordings, a minute after the hour unless `at` says otherwise."""
    headers = {"date": f"Mon, 20 Nov 2023 10:{more.pop('at', '01:00')} GMT", **more.pop("headers", {})}
    version = "2022-09-01" if path == GROUP else "2023-05-01-preview"
    return {
        "method": method,
        "host": "management.azure.com",
        "path": path,
        "query": f"api-version={version}",
        "status": status,
        "response_headers": headers,
        "response_body": body,
        **more,
    }


def a_group(**shown: Any) -> dict[str, Any]:
    """The creation of a group, with what its answer is changed to."""
    body = {
        "id": GROUP,
        "name": "one",
        "type": "Microsoft.Resources/resourceGroups",
        "location": "eastus",
        "properties": {"provisioningState": "Succeeded"},
    }
    return exchange("PUT", GROUP, 201, {**body, **shown}, request_body={"location": "eastus"})


def a_server(*, polled: str = "Succeeded") -> list[dict[str, Any]]:
    """The creation of a server, polled once while it runs and once when it is over."""
    started = {"operation": "UpsertLogicalServer", "startTime": "2023-11-20T10:01:01.5Z"}
    poll = {"name": OPERATION, "startTime": "2023-11-20T10:01:01.5Z"}
    properties = {"administratorLogin": "boss", "administratorLoginPassword": "SCRUBBED"}
    asked = {"location": "eastus", "properties": properties}
    where = {"azure-asyncoperation": f"https://management.azure.com{POLL}?api-version=2023-05-01-preview"}
    return [
        exchange("PUT", SERVER, 202, started, request_body=asked, headers=where),
        exchange("GET", POLL, 200, {**poll, "status": "InProgress"}, at="01:20"),
        exchange("GET", POLL, 200, {**poll, "status": polled}, at="02:10"),
    ]


def replayed(directory, *interactions: dict[str, Any]) -> Report:
    document = {"flow": "made_up", "area": "unknown", "interactions": list(interactions)}
    (directory / "made_up.json").write_text(json.dumps(document))
    return replay_all(directory)


def differences(report: Report) -> list[str]:
    return [text for verdict in report.verdicts for text in verdict.differences]


def test_a_flow_that_azure_could_have_answered_so_is_equal(tmp_path):
    report = replayed(tmp_path, a_group(), *a_server())
    assert in_bodies(report) == []
    assert report.counted(later=False)[0] == 4


def test_an_operation_that_takes_longer_than_any_recorded_one_is_a_difference(tmp_path):
    put, running, over = a_server()
    report = replayed(tmp_path, a_group(), put, {**running, "response_body": over["response_body"]})
    assert any(text.startswith("takes") for text in differences(report))


def in_bodies(report: Report) -> list[str]:
    """Without those of headers, which made-up exchanges lack, and of times, which they have only one of."""
    return [text for text in differences(report) if not text.startswith(("header", "takes"))]


@pytest.mark.parametrize(
    ("shown", "found"),
    [
        ({"location": "westus"}, ".location: 'eastus' instead of 'westus'"),
        ({"managedBy": "x"}, ".managedBy is missing"),
        ({"name": 3}, ".name: str instead of number"),
        ({"properties": {}}, ".properties.provisioningState is not recorded"),
    ],
)
def test_another_value_type_or_field_is_a_difference(tmp_path, shown, found):
    assert found in differences(replayed(tmp_path, a_group(**shown)))


def test_another_status_is_a_difference(tmp_path):
    assert differences(replayed(tmp_path, {**a_group(), "status": 409}))[0].startswith("status 201 instead of 409")


def test_an_operation_that_failed_for_want_of_room_fails_here_too(tmp_path):
    interactions = [a_group(), *a_server(polled="Failed")]
    interactions[-1]["response_body"]["error"] = {"code": "RegionDoesNotAllowProvisioning", "message": "no room"}
    report = replayed(tmp_path, *interactions)
    assert in_bodies(report) == []


def test_an_exchange_of_another_provider_is_left_out_with_a_reason(tmp_path):
    path = f"{GROUP}/providers/Microsoft.Compute/virtualMachines/v"
    report = replayed(tmp_path, a_group(), exchange("GET", path, 200, {}))
    assert list(report.left_out()) == ["another resource provider (microsoft.compute)"]


def test_a_later_area_is_counted_apart(tmp_path):
    path = f"{SERVER}/failoverGroups/f"
    report = replayed(tmp_path, a_group(), *a_server(), exchange("GET", path, 200, {}, at="03:00"))
    assert report.counted(later=True) == (1, 0)


def test_a_file_grouped_by_url_is_replayed_by_its_dates(tmp_path):
    put, running, over = a_server()
    get = exchange("GET", SERVER, 404, {"error": {"code": "ResourceNotFound", "message": "?"}}, at="00:30")
    report = replayed(
        tmp_path, a_group() | {"response_headers": {"date": "Mon, 20 Nov 2023 10:00:00 GMT"}}, put, running, over, get
    )
    assert [verdict.one.method for verdict in report.verdicts] == ["PUT", "GET", "PUT", "GET", "GET"]
    assert in_bodies(report) == []


def test_what_is_no_recording_is_passed_over(tmp_path):
    (tmp_path / "table.json").write_text('{"codes": []}')
    assert replayed(tmp_path, a_group()).counted(later=False) == (1, 1)
