"""Does everybody whom the configuration names answer? Asked once at the start, and told by the variable that names them."""

from __future__ import annotations

from collections.abc import Callable

import redis
from django.conf import settings
from django.db import DatabaseError, connections

from cloud import factory
from cloud.errors import CloudError
from cloud.protocols import ServerRef

CONNECT_SECONDS = 5.0
NOBODYS = "spp-is-it-reachable"  # asked for by name; that it is absent is an answer
FAILURES = (DatabaseError, redis.RedisError, CloudError, OSError)


def unreachable() -> str:
    """The first variable whose server does not answer, and why; empty when all do. Whoever comes later needs the earlier
    ones. The address that was given is not told: it may hold a password."""
    for variable, ask in ASKED.items():
        try:
            ask()
        except FAILURES as error:
            first_line = str(error).strip().partition("\n")[0]
            return f"{variable}: {type(error).__name__}: {first_line}"
    return ""


def _database() -> None:
    with connections["default"].cursor() as cursor:
        cursor.execute("SELECT 1")


def _broker() -> None:
    if not settings.BROKER_URL.startswith(("redis://", "rediss://")):
        return
    patience = {"socket_timeout": CONNECT_SECONDS, "socket_connect_timeout": CONNECT_SECONDS}
    with redis.Redis.from_url(settings.BROKER_URL, **patience) as broker:
        broker.ping()


def _resource_manager() -> None:
    for subscription_id in settings.AZURE_SUBSCRIPTION_IDS:
        factory.sql_management().get_server(ServerRef(subscription_id, NOBODYS, NOBODYS))


def _vault() -> None:
    if settings.AZURE_VAULT_URL:
        factory.secret_store().versions(NOBODYS)


ASKED: dict[str, Callable[[], None]] = {
    "DATABASE_URL": _database,
    "BROKER_URL": _broker,
    "AZURE_ARM_URL (or the identity: AZURE_AUTHORITY_HOST, AZURE_TENANT_ID, AZURE_CLIENT_ID)": _resource_manager,
    "AZURE_VAULT_URL": _vault,
}
