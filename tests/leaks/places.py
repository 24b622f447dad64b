"""Everything that the product stores, sends, logs or shows, by the place where it was found."""

from __future__ import annotations

import io
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import redis
from celery import current_app
from django.db import connection
from django.test import Client
from kombu import pools
from rest_framework.test import APIClient

from controlplane import logs
from controlplane.console.display import row_address
from inventory.models import ServiceInstance
from operations.models import Operation
from rotation.models import Credential
from tests.integration.console import addresses

TABLES = """
SELECT format('%I.%I', n.nspname, c.relname) FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""
READ = {
    "string": lambda client, key: [client.get(key)],
    "list": lambda client, key: client.lrange(key, 0, -1),
    "set": lambda client, key: client.smembers(key),
    "hash": lambda client, key: [part for pair in client.hgetall(key).items() for part in pair],
    "zset": lambda client, key: client.zrange(key, 0, -1),
    "stream": lambda client, key: [repr(entry).encode() for entry in client.xrange(key)],
}


def in_postgresql() -> dict[str, bytes]:
    """Every table of ours and of Django, as COPY writes it, and the statements that its sessions ran last."""
    found = {}
    with connection.cursor() as cursor:
        cursor.execute(TABLES)
        for (table,) in cursor.fetchall():
            found[f"table {table}"] = _copied(cursor, f"SELECT * FROM {table}")
        found["statements of sessions"] = _copied(cursor, "SELECT query FROM pg_stat_activity")
    return found


def _copied(cursor: Any, query: str) -> bytes:
    with cursor.copy(f"COPY ({query}) TO STDOUT") as copy:
        return b"".join(bytes(block) for block in copy)


def in_valkey(url: str) -> dict[str, bytes]:
    """Every key with all that it holds; read by type, since DUMP may compress."""
    with redis.Redis.from_url(url) as client:
        keys = list(client.scan_iter())
        kinds = {key: client.type(key).decode() for key in keys}
        return {f"key {key.decode()}": b"\n".join(READ[kinds[key]](client, key)) for key in keys}


@contextmanager
def logged() -> Iterator[io.StringIO]:
    """All that is logged meanwhile, as production and as development would write it, down to the least important."""
    text, root = io.StringIO(), logging.getLogger()
    kept, level = root.handlers[:], root.level
    handlers = []
    for as_json in (True, False):
        logs.configure(as_json=as_json, level="DEBUG")
        handler = logging.StreamHandler(text)
        handler.setFormatter(root.handlers[0].formatter)
        handlers.append(handler)
    root.handlers = handlers
    try:
        yield text
    finally:
        root.handlers = kept
        root.setLevel(level)


@contextmanager
def messages_in(url: str) -> Iterator[None]:
    """Tasks are sent to this Valkey, where nobody takes them."""
    before = current_app.conf.broker_url

    def use(address: str) -> None:
        current_app.conf.update(broker_url=address, broker_write_url=address, broker_read_url=address)
        pools.reset()
        current_app._pool = current_app.amqp._producer_pool = None

    use(url)
    try:
        yield
    finally:
        use(before)


class Onlookers:
    """Read every page of the API and of the console, and keep what was answered."""

    def __init__(self, api: APIClient, console: Client) -> None:
        self._api, self._console = api, console
        self.answers: dict[str, bytes] = {}

    def look(self) -> None:
        for client, pages in ((self._api, self._api_pages()), (self._console, self._console_pages())):
            for address in pages:
                answer = client.get(address)
                seen = answer.content + repr(dict(answer.headers)).encode()
                self.answers[address] = self.answers.get(address, b"") + seen

    def _api_pages(self) -> list[str]:
        lists = ("workspaces", "subscriptions", "servers", "pools", "databases", "audit-events", "operations")
        pages = [f"/api/v1/{name}" for name in lists]
        pages += [f"/api/v1/operations/{operation.pk}" for operation in Operation.objects.all()]
        for service in ServiceInstance.objects.select_related("workspace"):
            workspace = f"/api/v1/workspaces/{service.workspace.name}"
            pages += [workspace, f"{workspace}/certificate", f"{workspace}/services"]
            pages += [f"{workspace}/services/{service.name}", f"{workspace}/services/{service.name}/credentials"]
        return [*pages, "/metrics", "/readyz"]

    @staticmethod
    def _console_pages() -> list[str]:
        rows = [*Operation.objects.all(), *Credential.objects.all()]
        return [*addresses.all_pages(), *map(row_address, rows)]
