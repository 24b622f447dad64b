"""One clock for everything: PostgreSQL's `operations_now()`, leases, the simulated Azure. It moves only when told to."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from unittest.mock import patch
from uuid import UUID

from django.db import connection

CLOCKS = ("operations_now", "business_now")
VIRTUAL = """
CREATE OR REPLACE FUNCTION {clock}() RETURNS timestamptz LANGUAGE sql STABLE PARALLEL SAFE
    AS $$ SELECT current_setting('simulation.now')::timestamptz $$
"""


class VirtualTime:
    """Seconds since the run began. The first moment is in the future, so that no real clock is ever ahead of it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        tomorrow = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0) + timedelta(days=2)
        self._began = tomorrow

    @property
    def began(self) -> float:
        """Seconds since the epoch at the first moment."""
        return self._began.timestamp()

    def now(self) -> datetime:
        return self._began + timedelta(seconds=self.seconds)

    def elapsed(self) -> float:
        return self.seconds

    def move_to(self, seconds: float) -> None:
        """Forward only."""
        self.seconds = max(self.seconds, seconds)

    def tell_database(self) -> None:
        """Let this thread's session know what time it is."""
        with connection.cursor() as cursor:
            cursor.execute("SELECT set_config('simulation.now', %s, false)", [self.now().isoformat()])


@contextmanager
def virtual_database_clock() -> Iterator[None]:
    """In this (test) database, the two clocks show what each session was told."""
    with connection.cursor() as cursor:
        kept = [_definition(clock) for clock in CLOCKS]
        for clock in CLOCKS:
            cursor.execute(VIRTUAL.format(clock=clock))
        try:
            yield
        finally:
            for definition in kept:
                cursor.execute(definition)


@contextmanager
def same_every_time(time: VirtualTime, seed: int) -> Iterator[None]:
    """The sources of chance and time in the product, replaced by ones that a seed fixes."""
    chance = random.Random(f"product:{seed}")
    monotonic = SimpleNamespace(monotonic=time.elapsed)
    sources = {
        "operations.claims.time": monotonic,
        "operations.engine.time": monotonic,
        "operations.backoff.random": chance,
        "uuid_utils.compat.uuid7": lambda: _uuid7(time, chance),
        "provisioning.places.secrets": SimpleNamespace(token_hex=lambda size: chance.randbytes(size).hex()),
    }
    with ExitStack() as stack:
        for name, source in sources.items():
            stack.enter_context(patch(name, source))
        yield


def _definition(function: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT pg_get_functiondef(%s::regproc)", [function])
        found: str = cursor.fetchone()[0]
    return found


def _uuid7(time: VirtualTime, chance: random.Random) -> UUID:
    """Time first, as the product's own; ids of one millisecond are told apart by chance."""
    milliseconds = int(time.now().timestamp() * 1000)
    bits = milliseconds << 80 | 7 << 76 | chance.getrandbits(12) << 64 | 2 << 62 | chance.getrandbits(62)
    return UUID(int=bits)
