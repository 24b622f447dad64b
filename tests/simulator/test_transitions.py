"""The table of lawful changes against the simulated Azure: what it calls lawful is done, what it refuses is refused."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import product

import orjson
import pytest

from inventory.transitions import TABLE, Backup, Circumstances, Home, Row, State, StepKind, Tier
from inventory.transitions.refusals import GIB, not_offered
from simulator.azure import Azure
from tests.simulator.builders import a_server, ask, settle, whole_id

STATES = [s for s in (State(*one) for one in product(Tier, Home, (False, True), Backup)) if not_offered(s) is None]
POOL_SKUS = {
    Tier.BASIC: ("BasicPool", 50),
    Tier.STANDARD: ("StandardPool", 50),
    Tier.PREMIUM: ("PremiumPool", 125),
    Tier.GENERAL_PURPOSE: ("GP_Gen5", 4),
    Tier.BUSINESS_CRITICAL: ("BC_Gen5", 4),
    Tier.HYPERSCALE: ("HS_Gen5", 4),
}
SKUS = {
    Tier.BASIC: "Basic",
    Tier.STANDARD: "S0",
    Tier.PREMIUM: "P1",
    Tier.GENERAL_PURPOSE: "GP_Gen5_2",
    Tier.BUSINESS_CRITICAL: "BC_Gen5_2",
    Tier.HYPERSCALE: "HS_Gen5_2",
}
SMALL_GIB = {Tier.BASIC: 2, Tier.STANDARD: 250}  # a limit that came from a larger tier is refused there
NEVER = Circumstances()
KINDS = (StepKind.MOVE, StepKind.CONVERT_TO_HYPERSCALE, StepKind.CONVERT_BACK, StepKind.CHANGE_BACKUP_REDUNDANCY)


@pytest.fixture
def azure() -> Azure:
    """Thousands of changes, one after the other: nobody is throttled."""
    return Azure(real=lambda: 0.0, throttled=False)


@pytest.fixture
def server(azure: Azure) -> str:
    """A server with a pool of each tier, with and without zones."""
    path = a_server(azure)
    for tier, (sku, capacity) in POOL_SKUS.items():
        for zone in (False, True) if tier not in (Tier.BASIC, Tier.STANDARD) else (False,):
            body = {
                "location": "eastus",
                "sku": {"name": sku, "capacity": capacity},
                "properties": {"zoneRedundant": zone},
            }
            answer = ask(azure, "PUT", f"{path}/elasticPools/{pool_name(tier, zone)}", body)
            assert answer.status == 202, answer.body
    settle(azure)
    return path


def pool_name(tier: Tier, zone: bool) -> str:
    return f"{tier.value.lower()}-{'zone' if zone else 'plain'}"


def body_of(azure: Azure, server: str, state: State, *, before: State | None = None) -> dict[str, object]:
    """What asks for this state; what stays as it was is left out."""
    properties: dict[str, object] = {"zoneRedundant": state.zone_redundant}
    if before is not None and before.tier is not state.tier and state.tier in SMALL_GIB:
        properties["maxSizeBytes"] = SMALL_GIB[state.tier] * GIB
    if before is None or before.backup is not state.backup:
        properties["requestedBackupStorageRedundancy"] = state.backup.value
    if before is not None and (before.tier, before.home, before.zone_redundant) == (
        state.tier,
        state.home,
        state.zone_redundant,
    ):
        return {"properties": properties}
    if state.home is Home.POOL:
        pool = f"{server}/elasticPools/{pool_name(state.tier, state.zone_redundant)}"
        return {"properties": {**properties, "elasticPoolId": whole_id(azure, pool)}}
    sku = "GP_S_Gen5_2" if state.home is Home.SERVERLESS else SKUS[state.tier]
    return {"sku": {"name": sku}, "properties": properties}


def changes_from(before: State) -> Iterator[tuple[Row, State]]:
    for after in STATES:
        row = next((row for row in TABLE if row.kind in KINDS and row.leads(before, after)), None)
        if row is not None and after != before:
            yield row, after


def tried(azure: Azure, server: str, before: State, after: State) -> str:
    """How Azure answers this change of a database that was created so: the code of its refusal, or the state then shown."""
    path = f"{server}/databases/d"
    made = ask(azure, "PUT", path, {"location": "eastus", **body_of(azure, server, before)})
    assert made.status == 202, made.body
    settle(azure)
    answer = ask(azure, "PATCH", path, body_of(azure, server, after, before=before))
    settle(azure)
    shown = orjson.loads(ask(azure, "GET", path).body)
    ask(azure, "DELETE", path)
    settle(azure)
    if answer.status >= 400:
        return str(orjson.loads(answer.body)["error"]["code"])
    return "done" if is_state(shown, after) else f"shows {shown}"


def is_state(shown: dict[str, object], state: State) -> bool:
    properties = shown["properties"]
    pool = str(properties.get("elasticPoolId", "")).rpartition("/")[2]
    wanted = pool_name(state.tier, state.zone_redundant) if state.home is Home.POOL else ""
    found = (shown["sku"]["tier"], pool, properties["zoneRedundant"], properties["currentBackupStorageRedundancy"])
    return found == (state.tier.value, wanted, state.zone_redundant, state.backup.value)


@pytest.mark.parametrize("tier", Tier)
def test_azure_does_what_the_table_calls_lawful_and_nothing_that_it_refuses(azure: Azure, server: str, tier: Tier):
    wrong = []
    for before in (state for state in STATES if state.tier is tier):
        for row, after in changes_from(before):
            refusal = row.refusal(before, after, NEVER)
            answer = tried(azure, server, before, after)
            if (answer == "done") != (refusal is None):
                wrong.append(f"{before} -> {after}: {refusal and refusal.code}, and Azure: {answer}")
    assert not wrong, f"{len(wrong)} differ:\n" + "\n".join(wrong[:20])
