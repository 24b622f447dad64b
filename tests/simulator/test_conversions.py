"""Into Hyperscale and back: phases, the cutover and who may ask for it, what is refused, whose sessions end."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import orjson
import pytest

from simulator.azure import Azure
from simulator.faults import FaultKind, FaultRule
from simulator.http import Request, Response
from simulator.tds.engine import SqlSession, connect
from simulator.tds.errors import SqlError
from tests.simulator.builders import PASSWORD, a_database, a_pool, a_server, ask, settle, whole_id

HYPERSCALE = {"sku": {"name": "HS_Gen5_2"}}
HELD = {**HYPERSCALE, "properties": {"manualCutover": True}}
CUT_OVER = {"properties": {"performCutover": True}}
PHASES = ["LogTransitionInProgress", "Copying", "BuildingHyperscaleComponents", "Catchup"]


@pytest.fixture
def azure() -> Azure:
    return Azure(real=lambda: 0.0)


def operation(azure: Azure, path: str) -> dict[str, Any]:
    """The latest one of the database."""
    listed = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"]
    properties: dict[str, Any] = listed[-1]["properties"]
    return properties


def phase(azure: Azure, path: str) -> str:
    return str(operation(azure, path).get("operationPhaseDetails", {}).get("phase", ""))


def tier(azure: Azure, path: str) -> str:
    return str(orjson.loads(ask(azure, "GET", path).body)["sku"]["tier"])


def changed(azure: Azure, path: str, document: object) -> None:
    answer = ask(azure, "PATCH", path, document)
    assert answer.status == 202, answer.body


def code(answer: Response) -> tuple[int, str]:
    return answer.status, orjson.loads(answer.body)["error"]["code"]


def phases_until(azure: Azure, path: str, last: str) -> list[str]:
    """The phases passed, each once, until `last` shows; empty: until the operation is over."""
    seen: list[str] = []
    for _ in range(10_000):
        now = phase(azure, path)
        if now and now not in seen:
            seen.append(now)
        if now == last:
            return seen
        azure.clock.advance(timedelta(seconds=5))
    raise AssertionError(f"{last} was never reached: {seen}")


def a_session(azure: Azure, database: str = "d1") -> SqlSession:
    return connect(azure.sql_directory, server="one", database=database, user="fleetadmin", password=PASSWORD)


def is_open(session: SqlSession) -> bool:
    try:
        session.execute("SELECT 1")
    except SqlError:
        return False
    return True


def signs_in(azure: Azure) -> bool:
    try:
        a_session(azure).close()
    except SqlError as error:
        if error.number != 40613:
            raise
        return False
    return True


def converted(azure: Azure, name: str = "d1") -> str:
    path = a_database(azure, a_server(azure), name)
    changed(azure, path, HYPERSCALE)
    settle(azure)
    return path


def test_a_conversion_shows_its_phases_and_cuts_over_by_itself(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, HYPERSCALE)
    assert phases_until(azure, path, "CutoverInProgress") == [*PHASES, "CutoverInProgress"]
    assert tier(azure, path) == "GeneralPurpose"
    assert phases_until(azure, path, "") == ["CutoverInProgress"]
    assert (tier(azure, path), operation(azure, path)["state"]) == ("Hyperscale", "Succeeded")


def test_a_manual_cutover_waits_until_it_is_asked_for(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, HELD)
    assert phases_until(azure, path, "WaitingForCutover") == [*PHASES, "WaitingForCutover"]
    azure.clock.advance(timedelta(hours=23))
    assert (phase(azure, path), tier(azure, path)) == ("WaitingForCutover", "GeneralPurpose")
    changed(azure, path, CUT_OVER)
    assert phase(azure, path) == "CutoverInProgress"
    azure.clock.advance(timedelta(minutes=1))
    assert tier(azure, path) == "Hyperscale"


def test_a_cutover_that_nobody_asks_for_within_a_day_leaves_the_database_as_it_was(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, HELD)
    phases_until(azure, path, "WaitingForCutover")
    session = a_session(azure)
    azure.clock.advance(timedelta(hours=24, minutes=1))
    assert (tier(azure, path), operation(azure, path)["state"]) == ("GeneralPurpose", "Cancelled")
    assert is_open(session)


def test_sessions_end_at_the_cutover_and_at_no_other_moment(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, HYPERSCALE)
    session = a_session(azure)
    while phase(azure, path) != "CutoverInProgress":
        assert is_open(session)
        azure.clock.advance(timedelta(seconds=5))
    assert not is_open(session)
    assert not signs_in(azure)
    azure.clock.advance(timedelta(minutes=1))
    assert signs_in(azure)


def test_business_critical_loses_its_sessions_in_the_first_phase_too(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, {"sku": {"name": "BC_Gen5_2"}})
    settle(azure)
    session = a_session(azure)
    changed(azure, path, HYPERSCALE)
    for _ in range(100):
        azure.clock.advance(timedelta(seconds=5))
        if phase(azure, path) != "LogTransitionInProgress" or not is_open(session):
            break
    assert (phase(azure, path), is_open(session)) == ("LogTransitionInProgress", False)
    assert signs_in(azure)


def test_a_cancelled_conversion_leaves_the_database_as_it_was(azure: Azure):
    path = a_database(azure, a_server(azure))
    session = a_session(azure)
    changed(azure, path, HYPERSCALE)
    phases_until(azure, path, "Copying")
    running = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"][-1]["name"]
    assert ask(azure, "POST", f"{path}/operations/{running}/cancel").status == 200
    settle(azure)
    assert (tier(azure, path), operation(azure, path)["state"]) == ("GeneralPurpose", "Cancelled")
    assert is_open(session)


def test_the_cutover_itself_cannot_be_cancelled(azure: Azure):
    path = a_database(azure, a_server(azure))
    changed(azure, path, HYPERSCALE)
    phases_until(azure, path, "CutoverInProgress")
    assert operation(azure, path)["isCancellable"] is False
    running = orjson.loads(ask(azure, "GET", f"{path}/operations").body)["value"][-1]["name"]
    assert code(ask(azure, "POST", f"{path}/operations/{running}/cancel")) == (409, "CannotCancelOperation")


def test_a_failed_conversion_disturbs_nobody(azure: Azure):
    path = a_database(azure, a_server(azure))
    session = a_session(azure)
    azure.faults.add(FaultRule(FaultKind.FAILED_OPERATION, method="PATCH", code="InternalServerError"))
    changed(azure, path, HYPERSCALE)
    settle(azure)
    assert (tier(azure, path), operation(azure, path)["state"]) == ("GeneralPurpose", "Failed")
    assert is_open(session)
    assert signs_in(azure)


def test_a_cutover_is_asked_for_only_where_one_waits(azure: Azure):
    path = a_database(azure, a_server(azure))
    assert code(ask(azure, "PATCH", path, CUT_OVER)) == (400, "ManualCutoverUnsupported")
    changed(azure, path, HELD)
    assert code(ask(azure, "PATCH", path, CUT_OVER)) == (409, "ConflictingDatabaseOperation")
    not_there = {"sku": {"name": "GP_Gen5_4"}, "properties": {"manualCutover": True}}
    other = a_database(azure, a_server(azure), "d2")
    assert code(ask(azure, "PATCH", other, not_there)) == (400, "ManualCutoverUnsupported")


def test_the_copy_takes_longer_the_more_there_is(azure: Azure):
    path = a_database(azure, a_server(azure))
    document = orjson.dumps({"database": whole_id(azure, path), "storage_gb": 30})
    assert azure.handle(Request("POST", "localhost", 443, "/_sim/workload", {}, {}, document)).status == 201
    changed(azure, path, HYPERSCALE)
    started = azure.clock.now()
    settle(azure)
    assert 20 <= (azure.clock.now() - started) / 60 < 26  # 30 GB at half a minute each, and five to ten for the rest


def test_in_memory_objects_are_refused(azure: Azure):
    path = a_database(azure, a_server(azure))
    session = a_session(azure)
    with pytest.raises(SqlError, match="MEMORY_OPTIMIZED"):
        session.execute("CREATE TABLE dbo.hot (id int) WITH (MEMORY_OPTIMIZED = ON)")
    changed(azure, path, {"sku": {"name": "BC_Gen5_2"}})
    settle(azure)
    a_session(azure).execute("CREATE TABLE dbo.hot (id int) WITH (MEMORY_OPTIMIZED = ON)")
    shown = a_session(azure).execute("SELECT name FROM sys.tables WHERE is_memory_optimized = 1")
    assert [tuple(row) for row in shown[0].rows] == [("hot",)]
    refused = ask(azure, "PATCH", path, HYPERSCALE)
    assert code(refused) == (400, "TierChangeUnsupportedDueToMemoryOptimizedObject")


def test_a_zoned_pool_s_database_does_not_go_to_an_unzoned_hyperscale_pool(azure: Azure):
    server = a_server(azure)
    zoned = a_pool(azure, server, "zoned", zoneRedundant=True)
    path = a_database(azure, server, pool=zoned)
    sku = {"name": "HS_Gen5", "tier": "Hyperscale", "family": "Gen5", "capacity": 4}
    assert ask(azure, "PUT", f"{server}/elasticPools/big", {"location": "eastus", "sku": sku}).status == 202
    settle(azure)
    into = {"properties": {"elasticPoolId": whole_id(azure, f"{server}/elasticPools/big")}}
    assert code(ask(azure, "PATCH", path, into)) == (400, "ChangeUnsupportedOnEntity")


def test_it_goes_back_only_as_a_single_general_purpose_database_within_45_days(azure: Azure):
    path = converted(azure)
    session = a_session(azure)
    changed(azure, path, {"sku": {"name": "GP_Gen5_2"}})
    settle(azure)
    assert tier(azure, path) == "GeneralPurpose"
    assert not is_open(session)
    other = converted(azure, "d2")
    refused = (400, "HyperscaleReverseMigrationNotSupported")
    azure.clock.advance(timedelta(days=45, minutes=1))
    assert code(ask(azure, "PATCH", other, {"sku": {"name": "GP_Gen5_2"}})) == refused


def test_a_conversion_goes_on_after_a_restart(tmp_path):
    azure = Azure(tmp_path, real=lambda: 0.0)
    path = a_database(azure, a_server(azure))
    changed(azure, path, HELD)
    phases_until(azure, path, "WaitingForCutover")
    azure.close()
    azure = Azure(tmp_path, real=lambda: 0.0)
    assert phase(azure, path) == "WaitingForCutover"
    changed(azure, path, CUT_OVER)
    settle(azure)
    assert tier(azure, path) == "Hyperscale"
