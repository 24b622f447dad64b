"""Statements that PostgreSQL plans once a connection instead of each time: for the few that every request or batch repeats."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from django.db import connection
from psycopg.rows import dict_row


def rows(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Any, ...]]:
    """The rows of a constant statement; parameters are bound by the server and must have the types that it compares with.

    Django's own cursors bind on the client. Its binding on the server is not used: it writes a number above 2^31 that is
    added to a bigint column as a truncated int4.
    """
    with connection.wrap_database_errors, psycopg.Cursor(_living()) as cursor:
        return cursor.execute(sql, parameters, prepare=True).fetchall()


def records(sql: str, parameters: Sequence[Any] | Mapping[str, Any]) -> list[dict[str, Any]]:
    """As `rows`, each by its columns' names, for wide rows: values travel in binary, and JSON comes parsed."""
    with connection.wrap_database_errors, psycopg.Cursor(_living(), row_factory=dict_row) as cursor:
        return cursor.execute(sql, parameters, prepare=True, binary=True).fetchall()


def _living() -> psycopg.Connection[Any]:
    """Django's connection; a reused one that has died is replaced first, as by Django's own cursors."""
    connection.close_if_health_check_failed()
    connection.ensure_connection()
    found: psycopg.Connection[Any] = connection.connection
    return found
