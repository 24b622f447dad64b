"""Ten thousand operations of one workspace are no queue for another's, and cost no more to look through than one."""

from __future__ import annotations

import json

from django.db import connection, transaction

from operations import claims
from operations.claims import BATCHED, ONE_BY_ONE, claim
from operations.models import Operation, Priority
from operations.workflow import Mode, steps_served

from .conftest import World

CROWD = 10_000


COPY_ROW = """
INSERT INTO operations_operation SELECT copy.* FROM operations_operation o, generate_series(2, %s) AS number,
    jsonb_populate_record(o, jsonb_build_object('id', gen_random_uuid(), 'target_key', o.workspace || number)) AS copy
WHERE o.id = %s
"""


def a_crowd(size: int = CROWD, workspace: str = "big", step: str = "check", **columns: object) -> None:
    """So many due operations of one workspace, each on a target of its own."""
    first = Operation.objects.create(
        kind="toy", target_key=f"{workspace}1", workspace=workspace, step=step, actor="tests", **columns
    )
    with connection.cursor() as cursor:
        cursor.execute(COPY_ROW, [size, first.pk])


def taken(modes: tuple[Mode, ...], limit: int) -> list[str]:
    """Workspaces of the rows that a claim took, in the order of their turns; nothing is kept."""
    with transaction.atomic():
        workspaces = [held.operation.workspace for held in claim(modes, limit=limit)]
        transaction.set_rollback(True)
    return workspaces


def pages_read(limit: int) -> int:
    """Pages of PostgreSQL that finding the next turns touches."""
    known = steps_served(BATCHED)
    arguments = {
        "kinds": [kind for kind, _ in known],
        "steps": [step.name for _, step in known],
        "last": "",
        "limit": limit,
    }
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute("ANALYZE operations_operation")  # as autovacuum does
        query = f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {claims.FAIRLY} SELECT * FROM due"
        cursor.execute(query, arguments)
        plan = cursor.fetchone()[0]
    root = (json.loads(plan) if isinstance(plan, str) else plan)[0]["Plan"]
    return int(root["Shared Hit Blocks"] + root["Shared Read Blocks"])


def test_a_newcomer_is_second_in_line_behind_ten_thousand(world: World):
    a_crowd()
    a_crowd(1, workspace="small")
    claims.turns.forget()
    assert taken(BATCHED, 2) == ["big", "small"]
    assert taken(BATCHED, 50).count("small") == 1


def test_workspaces_take_turns_from_claim_to_claim(world: World):
    for workspace in ("a", "b", "c"):
        a_crowd(5, workspace=workspace, step="act")
    claims.turns.forget()
    assert [held.operation.workspace for _ in range(6) for held in claim(ONE_BY_ONE, limit=1)] == list("abcabc")


def test_users_come_before_rotation_repair_rebalancing_and_sampling(world: World):
    for priority in reversed(Priority):
        a_crowd(2, workspace=f"w{priority}", priority=priority)
    order = [held.operation.priority for held in claim(BATCHED, limit=10)]
    assert order == sorted(order)
    assert order[:2] == [Priority.USER, Priority.USER]


def test_finding_the_next_fifty_costs_the_same_behind_ten_thousand(world: World):
    a_crowd(100)
    few = pages_read(50)
    Operation.objects.all().delete()
    a_crowd()
    assert pages_read(50) < 3 * few + 100


def test_a_worker_leaves_the_lanes_of_others_alone(world: World, settings):
    a_crowd(3, step="act")
    settings.WORKER_LANES = ["sql", "compute"]
    assert claim(Mode, limit=10) == []
    settings.WORKER_LANES = ["rows"]
    assert claim(Mode, limit=10) == []
    settings.WORKER_LANES = ["azure"]
    assert len(claim(Mode, limit=10)) == 3
