"""Somebody changes things in Azure behind our back; it is found by comparison, and put back."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from cloud import factory
from cloud.changes import DatabaseChange
from controlplane.demo.check import Check
from inventory.models import Database
from inventory.states import Status
from operations.models import Operation
from provisioning.drift.reconcile import look_again_soon
from provisioning.models import Finding
from provisioning.targets import reference, server_row_of

RULE = "by-hand"


def change_and_watch(show: Callable[[], None], *, patience_seconds: float, look_seconds: float) -> Iterator[Check]:
    """Double the smallest database's limit and let the whole world reach its server, by Azure's own API; then wait until
    both are found and repaired."""
    ready = Database.objects.select_related("server", "pool").filter(status=Status.READY, pool__isnull=False)
    database = ready.order_by("size_bytes", "pk")[0]
    server = server_row_of(database)
    where, arm = reference(server), factory.sql_management()
    arm.begin_update_database(where, database.azure_name, DatabaseChange(max_size_bytes=2 * database.size_bytes))
    arm.set_firewall_rule(where, RULE, "0.0.0.0", "255.255.255.255")  # noqa: S104  # a rule's addresses
    began = time.monotonic()
    look_again_soon([server.key], 0.0)
    while not _both_resolved() and time.monotonic() < began + patience_seconds:
        show()
        time.sleep(look_seconds)
    yield _found_and_repaired(time.monotonic() - began)
    seen = arm.get_database(where, database.azure_name)
    rules = [rule.name for rule in arm.list_firewall_rules(where)]
    faults = (
        [] if seen and seen.max_size_bytes == database.size_bytes else [f"its limit is {seen and seen.max_size_bytes}"]
    )
    faults += [f"the rule {RULE} still stands"] if RULE in rules else []
    yield Check("Azure is as we want it again.", faults)


def _both_resolved() -> bool:
    return Finding.objects.filter(state=Finding.State.RESOLVED, repair_id__isnull=False).count() >= 2


def _found_and_repaired(seconds: float) -> Check:
    findings = list(Finding.objects.all())
    faults = [f"{one} is {one.state}" for one in findings if one.state != Finding.State.RESOLVED]
    faults += [] if len(findings) == 2 else [f"{len(findings)} differences were found, not 2: {findings}"]
    repairs = Operation.objects.filter(kind__startswith="repair_", state=Operation.State.SUCCEEDED).count()
    told = f"{repairs} repairs, {seconds:.0f} s from the change to the look that showed it undone"
    return Check("What was changed outside was found, and nothing else, and repaired.", faults, told)
