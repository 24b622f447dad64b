"""Fortis grows through 4 TB: its FHIR database is converted to Hyperscale while a consumer signs in without a pause."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator

from controlplane.demo import changes
from controlplane.demo.check import Check
from controlplane.demo.clients import RestApi
from controlplane.demo.consumers import Consumers
from controlplane.demo.customers import Wanted
from inventory.models import Database
from inventory.states import Status

INTO_HYPERSCALE = Wanted("fortis", "fhir", "fhir", 6 * 1024)
CACHE_SECONDS = 3.0


def grow(operator: RestApi, follow: Callable[[list[str]], None]) -> Iterator[Check]:
    """Ask for more than a pool holds, with the plan that was shown; follow it to its end, then say what was seen."""
    database = Database.objects.get(
        service__workspace__name=INTO_HYPERSCALE.workspace, service__name=INTO_HYPERSCALE.name, status=Status.READY
    )
    consumers = Consumers([database.azure_name], threads=1, cache_seconds=CACHE_SECONDS)
    with consumers.at_work() as seen:
        follow([changes.grow(operator, INTO_HYPERSCALE)])
    yield _converted(database)
    yield _signed_in(seen)


def _converted(before: Database) -> Check:
    after = Database.objects.get(pk=before.pk)
    wanted = (
        Status.READY,
        Database.Tier.HYPERSCALE,
        before.azure_name,
        before.server_id,
        INTO_HYPERSCALE.size_gb * 2**30,
    )
    found = (after.status, after.service_tier, after.azure_name, after.server_id, after.size_bytes)
    faults = [] if found == wanted else [f"{before.azure_name}: {found} instead of {wanted}"]
    return Check("It is a Hyperscale database under the same name, on the same server.", faults, after.azure_name)


def _signed_in(seen: Counter[str]) -> Check:
    """While Azure switches nobody comes in; but nobody is ever told that the password is wrong."""
    faults = [f"{seen[what]} {what}" for what in ("refused at first", "failed logins") if seen[what]]
    faults += [] if seen["logins"] else ["nobody signed in"]
    away = sum(count for what, count in seen.items() if what.startswith("unavailable"))
    told = f"{seen['logins']} logins, {away} while it was switched over"
    return Check("Its consumer kept its credential through the switch.", faults, told)
