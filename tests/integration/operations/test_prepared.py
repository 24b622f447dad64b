from __future__ import annotations

import pytest
from django.db import connection
from django.db.utils import DataError

from operations import prepared


def test_a_reused_connection_that_has_died_is_replaced(committed_db: None):
    connection.ensure_connection()
    connection.health_check_enabled, connection.health_check_done = True, False
    ours = prepared.rows("SELECT pg_backend_pid()", [])[0][0]
    _end_backend(ours)
    connection.health_check_done = False
    assert prepared.rows("SELECT pg_backend_pid()", [])[0][0] != ours


def test_numbers_above_two_billion_stay_whole(committed_db: None):
    assert prepared.rows("SELECT %s::bigint + %s::bigint", [10 * 2**30, 1]) == [(10 * 2**30 + 1,)]
    assert prepared.records("SELECT %s::bigint AS size", [10 * 2**30]) == [{"size": 10 * 2**30}]


def test_errors_are_those_of_django(committed_db: None):
    with pytest.raises(DataError):
        prepared.rows("SELECT 1 / %s::int", [0])


def _end_backend(pid: int) -> None:
    other = connection.copy()
    try:
        with other.cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])
    finally:
        other.close()
