"""Every credential is rotated while its consumers sign in without a pause; not one of them may be refused."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator

from controlplane.demo.check import Check
from controlplane.demo.consumers import Consumers
from inventory.models import Database
from operations.models import Operation
from rotation.models import Credential
from rotation.orphans import orphaned_versions
from rotation.services import request_rotation

CONSUMERS = 2  # threads; each signs in to one database after the other
CACHE_SECONDS = 3.0  # far below the overlap that the Makefile gives the demo
KINDS = ("rotate_credential", "retire_credential")


def rotate_everything(show: Callable[[], None], *, patience_seconds: float, look_seconds: float) -> Iterator[Check]:
    """Rotate the credential of every ready database, until the old users are retired; then say what was seen."""
    databases = list(Database.objects.filter(status="ready").select_related("service__workspace"))
    consumers = Consumers([d.azure_name for d in databases], threads=CONSUMERS, cache_seconds=CACHE_SECONDS)
    with consumers.at_work() as seen:
        for database in databases:
            request_rotation(database, actor="demo", reason="demonstration")
        until = time.monotonic() + patience_seconds
        while _open_work() and time.monotonic() < until:
            show()
            time.sleep(look_seconds)
    yield _rotated(databases)
    yield _signed_in(seen)
    yield Check("No version is left that belongs to nobody.", [o for d in databases for o in orphaned_versions(d)])


def _open_work() -> bool:
    return Operation.objects.filter(kind__in=KINDS).exclude(state__in=Operation.TERMINAL).exists()


def _rotated(databases: list[Database]) -> Check:
    """The second user is the only one that works; the first one was retired."""
    users = {(c.database_id, c.slot): c.status for c in Credential.objects.filter(database__in=databases)}
    wrong = [d for d in databases if (users.get((d.pk, "b")), users.get((d.pk, "a"))) != ("active", "retired")]
    faults = [f"{d.azure_name}: its users are {users.get((d.pk, 'a'))} and {users.get((d.pk, 'b'))}" for d in wrong]
    return Check("Every credential was rotated, every old user retired.", faults, f"{len(databases)} databases")


def _signed_in(seen: Counter[str]) -> Check:
    """Failures, refusals at the first attempt included: a service that reads as documented has none."""
    refused = {what: seen[what] for what in ("refused at first", "failed logins") if seen[what]}
    faults = [f"{count} {what}" for what, count in refused.items()]
    faults += [] if seen["logins"] else ["nobody signed in"]
    told = f"{seen['logins']} logins, {seen['failed logins']} failed"
    return Check("Consumers signed in all the while, and none was refused.", faults, told)
