"""Azure's numbers that a request can break: the largest (or least) is granted, one more is refused with its code."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from simulator.azure import Azure
from simulator.http import Request, Response
from tests.simulator.builders import a_server, bearer, settle
from tests.simulator.refused import A_POOL, D1, GROUP, IN_POOL, POOL, SERVER, Step, d1, put
from tests.simulator.test_every_code import taken

RULE = {"startIpAddress": "10.0.0.1", "endIpAddress": "10.0.0.1"}
LOGIN = {"administratorLogin": "boss", "administratorLoginPassword": "Correct-Horse-9"}
SERVERS = f"{GROUP}/providers/Microsoft.Sql/servers"
SHORT, LONG = (f"{D1}/backup{term}TermRetentionPolicies/default" for term in ("Short", "Long"))
VAULT = f"{GROUP}/providers/Microsoft.KeyVault/vaults/a-vault"


def tags(number: int, *, name: int = 1, value: int = 1) -> Step:
    return "PATCH", GROUP, {"tags": {str(each).rjust(name, "n"): "v" * value for each in range(number)}}


def pool(sku: str, capacity: int, **properties: Any) -> Step:
    return put(POOL, {"name": sku, "capacity": capacity}, **properties)


def per_database(lowest: float, highest: float) -> dict[str, Any]:
    return {"perDatabaseSettings": {"minCapacity": lowest, "maxCapacity": highest}}


@dataclass(frozen=True)
class Edge:
    """After the steps `before`, `granted` is still accepted and `refused` is answered with the code."""

    what: str
    granted: Step
    refused: Step
    code: str
    before: tuple[Step, ...] = ()


HYPERSCALE, GIB = d1("HS_Gen5_2"), 1024**3
EDGES = [
    Edge(
        "server name", put(f"{SERVERS}/{'s' * 63}", **LOGIN), put(f"{SERVERS}/{'s' * 64}", **LOGIN), "InvalidServerName"
    ),
    Edge(
        "database name",
        put(f"{SERVER}/databases/{'d' * 128}"),
        put(f"{SERVER}/databases/{'d' * 129}"),
        "InvalidIdentifier",
    ),
    Edge(
        "pool name",
        put(f"{SERVER}/elasticPools/{'p' * 128}"),
        put(f"{SERVER}/elasticPools/{'p' * 129}"),
        "InvalidIdentifier",
    ),
    Edge(
        "rule name",
        put(f"{SERVER}/firewallRules/{'r' * 128}", **RULE),
        put(f"{SERVER}/firewallRules/{'r' * 129}", **RULE),
        "FirewallRuleNameTooLong",
    ),
    Edge("group name", put(f"/resourceGroups/{'g' * 90}"), put(f"/resourceGroups/{'g' * 91}"), "InvalidResourceGroup"),
    Edge("tags", tags(50), tags(51), "InvalidTags"),
    Edge("tag name", tags(1, name=512), tags(1, name=513), "InvalidTagNameCharacters"),
    Edge("tag value", tags(1, value=256), tags(1, value=257), "InvalidTagNameCharacters"),
    Edge(
        "server's DTUs",
        pool("BC_Gen5", 128),
        d1("GP_Gen5_32"),
        "ServerDtuQuotaExceeded",
        tuple(put(f"{SERVER}/elasticPools/q{each}", {"name": "BC_Gen5", "capacity": 128}) for each in range(3)),
    ),
    Edge(
        "server's DTUs in pools",
        pool("GP_Gen5", 24),
        put(f"{SERVER}/elasticPools/more", {"name": "GP_Gen5", "capacity": 6}),
        "ServerQuotaExceeded",
        tuple(put(f"{SERVER}/elasticPools/q{each}", {"name": "BC_Gen5", "capacity": 128}) for each in range(4)),
    ),
    Edge(
        "least per database",
        pool("GP_Gen5", 4, **per_database(4, 4)),
        pool("GP_Gen5", 4, **per_database(0.3, 4)),
        "InvalidInputValueForDatabaseDtuMin",
    ),
    Edge(
        "most per database",
        pool("GP_Gen5", 4, **per_database(0, 4)),
        pool("GP_Gen5", 4, **per_database(0, 6)),
        "ElasticPoolDbDtuMaxAboveLimit",
    ),
    Edge(
        "pool storage",
        pool("GP_Gen5", 2, maxSizeBytes=512 * GIB),
        pool("GP_Gen5", 2, maxSizeBytes=513 * GIB),
        "ElasticPoolStorageAboveLimitGB",
    ),
    Edge("pool tier", pool("GP_Gen5", 4), pool("HS_Gen5", 4), "InvalidTier"),
    Edge(
        "minimum in a pool of two",
        put(D1, **IN_POOL),
        put(f"{SERVER}/databases/d2", **IN_POOL),
        "ElasticPoolInconsistentVcoreGuaranteeSettings",
        (pool("GP_Gen5", 2, **per_database(2, 2)),),
    ),
    Edge(
        "database storage",
        d1("S0", maxSizeBytes=250 * GIB),
        d1("S0", maxSizeBytes=500 * GIB),
        "InvalidMaxSizeTierCombination",
    ),
    Edge("vCores", d1("GP_Gen5_128"), d1("GP_Gen5_192"), "UnsupportedCapacity"),
    Edge(
        "replicas",
        d1("HS_Gen5_2", highAvailabilityReplicaCount=4),
        d1("HS_Gen5_2", highAvailabilityReplicaCount=5),
        "InvalidParameterValue",
    ),
    Edge(
        "retention",
        put(SHORT, retentionDays=35),
        put(SHORT, retentionDays=36),
        "InvalidBackupRetentionPeriod",
        (d1("S0"),),
    ),
    Edge(
        "least retention",
        put(SHORT, retentionDays=1),
        put(SHORT, retentionDays=0),
        "InvalidBackupRetentionPeriod",
        (d1("S0"),),
    ),
    Edge(
        "retention of Basic",
        put(SHORT, retentionDays=1),
        put(SHORT, retentionDays=8),
        "InvalidBackupRetentionPeriod",
        (d1("Basic"),),
    ),
    Edge(
        "long retention",
        put(LONG, weeklyRetention="P10Y"),
        put(LONG, weeklyRetention="P11Y"),
        "InvalidParameterValue",
        (d1("S0"),),
    ),
    Edge(
        "vault retention",
        put(VAULT, softDeleteRetentionInDays=90),
        put(VAULT, softDeleteRetentionInDays=91),
        "BadRequest",
    ),
    Edge(
        "least vault retention",
        put(VAULT, softDeleteRetentionInDays=7),
        put(VAULT, softDeleteRetentionInDays=6),
        "BadRequest",
    ),
    Edge(
        "failovers",
        ("POST", f"{D1}/failover", None),
        ("POST", f"{D1}/failover", None),
        "DatabaseFailoverThrottled",
        (d1("S0"),),
    ),
    Edge(
        "databases of a pool",
        put(D1, **IN_POOL),
        put(f"{SERVER}/databases/d2", **IN_POOL),
        "ElasticPoolDatabaseCountOverLimit",
        (pool("HS_Gen5", 4), *(put(f"{SERVER}/databases/h{each}", **IN_POOL) for each in range(24))),
    ),
]


@pytest.mark.parametrize("edge", EDGES, ids=[edge.what for edge in EDGES])
def test_the_last_one_is_granted_and_one_more_is_refused(edge):
    azure = Azure(real=lambda: 0.0, throttled=False)
    a_server(azure)
    for step in (*edge.before, edge.granted):
        answered = taken(azure, step)
        assert answered.status < 300, answered.body
        settle(azure)
    refusal = taken(azure, edge.refused)
    assert refusal.status >= 400
    assert orjson.loads(refusal.body)["error"]["code"].startswith(edge.code)


def test_a_pool_keeps_its_family_of_tiers_even_while_it_is_empty():
    azure = Azure(real=lambda: 0.0, throttled=False)
    a_server(azure)
    assert taken(azure, A_POOL).status == 202
    settle(azure)
    assert taken(azure, pool("BC_Gen5", 4)).status == 202


@pytest.mark.parametrize(("value", "expected"), [("x" * 25_000, 200), ("x" * 25_001, 400)])
def test_a_secret_has_at_most_25_000_bytes(value, expected):
    assert vault_put({"value": value}).status == expected


@pytest.mark.parametrize(("number", "expected"), [(15, 200), (16, 400)])
def test_a_secret_has_at_most_15_tags(number, expected):
    assert vault_put({"value": "x", "tags": {str(each): "" for each in range(number)}}).status == expected


def vault_put(document: dict[str, Any]) -> Response:
    azure = Azure(real=lambda: 0.0)
    headers = {"authorization": f"Bearer {bearer(azure, 'https://vault.azure.net')}"}
    query = {"api-version": "7.4"}
    return azure.handle(Request("PUT", "v.vault.azure.net", 443, "/secrets/s", query, headers, orjson.dumps(document)))


READS = [("/subscriptions", "tenant"), ("/tenants", "tenant"), ("/subscriptions/{}/resourceGroups", "subscription")]


@pytest.mark.parametrize(("path", "scope"), READS)
def test_reads_are_counted_by_who_asks_and_of_what(path, scope):
    azure = Azure(real=lambda: 0.0)
    header = f"x-ms-ratelimit-remaining-{scope}-reads"
    answers = [read(azure, path) for _ in range(251)]
    assert [answer.headers[header] for answer in answers[:2]] == ["249", "248"]
    assert {answer.status for answer in answers[:250]} == {200}
    error = orjson.loads(answers[250].body)["error"]["code"]
    assert (answers[250].status, error) == (429, f"{scope.capitalize()}RequestsThrottled")
    assert int(answers[250].headers["retry-after"]) >= 1


def read(azure: Azure, path: str) -> Response:
    headers = {"authorization": f"Bearer {bearer(azure)}"}
    whole = path.format(azure.arm.subscriptions[0])
    return azure.handle(Request("GET", "localhost", 443, whole, {"api-version": "2022-12-01"}, headers))
