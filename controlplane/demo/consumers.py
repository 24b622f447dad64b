"""Consumers that sign in for ever over real TDS, as documented, and count what they see."""

from __future__ import annotations

import json
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from itertools import cycle

from clients.cached_credential import CachedCredential, Document, connect
from cloud import factory
from cloud.errors import CloudError, LoginRefused
from cloud.protocols import LoginSpec
from cloud.secrets import Secret


class VaultAway(OSError):
    """Key Vault did not answer."""


def read(name: str) -> Document:
    """The newest version of a secret, as a consumer reads it."""
    try:
        found = factory.secret_store().get(name)
    except CloudError as error:
        raise VaultAway(error.code) from error
    assert found is not None, f"{name} is not there"
    document: Document = json.loads(found[0].reveal())
    return document


def sign_in(document: Document) -> None:
    login = LoginSpec(document["endpoint"], document["database"], document["user"], Secret(document["password"]))
    factory.sql_logins().verify(login)


class Consumers:
    """`threads` of them take turns over all databases; each database's credential is cached for `cache_seconds`."""

    def __init__(self, names: Sequence[str], *, threads: int, cache_seconds: float) -> None:
        self.counts: Counter[str] = Counter()
        self._caches = {name: CachedCredential(partial(read, name), seconds=cache_seconds) for name in names}
        self._threads = threads
        self._lock = threading.Lock()
        self._over = threading.Event()

    @contextmanager
    def at_work(self) -> Iterator[Counter[str]]:
        threads = [threading.Thread(target=self._work, args=(n,), daemon=True) for n in range(self._threads)]
        for thread in threads:
            thread.start()
        try:
            yield self.counts
        finally:
            self._over.set()
            for thread in threads:
                thread.join()

    def _work(self, number: int) -> None:
        names = list(self._caches)
        names = names[number % len(names) :] + names[: number % len(names)]
        for name in cycle(names):
            if self._over.is_set():
                return
            self._sign_in(self._caches[name])

    def _sign_in(self, cache: CachedCredential) -> None:
        def attempt(document: Document) -> None:
            try:
                sign_in(document)
            except LoginRefused:
                self._count("refused at first")
                raise

        began = time.perf_counter()
        try:
            connect(cache, attempt, refusal=LoginRefused)
            self._count("logins")
        except LoginRefused:
            self._count("failed logins")
        except (CloudError, VaultAway) as error:
            self._count(f"unavailable: {getattr(error, 'code', error)}")
        with self._lock:
            self.counts["microseconds"] += int(1e6 * (time.perf_counter() - began))

    def _count(self, what: str) -> None:
        with self._lock:
            self.counts[what] += 1
