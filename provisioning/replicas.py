"""The two places of a database that is on its way to another server: the one that it leaves, and the replica at the other.

Two rows stand for them, with one name: the database's own, and its stand-in, which is first the replica and, once the two
have exchanged places, what was left behind. Whoever comes late finds each by its server.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Q, QuerySet

from cloud import factory
from cloud.classify import failure_of
from cloud.errors import Missing, NoRoomHere, RetryLater
from cloud.links import IN_STEP, GeoLink
from cloud.polls import Poll, PollState
from inventory.models import Database, SqlServer
from operations.models import Operation
from operations.outcomes import Next, Outcome, Wait
from provisioning import awaiting
from provisioning.asking import elsewhere
from provisioning.targets import reference, server_row_of, stand_in_of

PRIMARY = "Primary"
SEEDED, SWITCHED, KEPT = "InStep", "SwitchedOver", "OldPlaceReadOnly"
LOOKS, FIRST_LOOKS, LONGEST_WAIT = 10, 30.0, 600.0
ENDED_BADLY = (PollState.FAILED, PollState.CANCELED)
MOST_PERCENT = 95  # what is left of the operation when all is seeded


def new_place_of(operation: Operation) -> Database:
    """The row that stands on the server it moves to; the stand-in until that has a place."""
    return _rows(operation).filter(server_id=operation.input["to"]).first() or stand_in_of(operation)


def old_place_of(operation: Operation) -> Database:
    """The row that stands on the server it leaves."""
    return _rows(operation).get(server_id=operation.input["from"])


def server_named_in(operation: Operation, end: str) -> SqlServer:
    """The server that it moves `to`, or comes `from`."""
    return SqlServer.objects.get(pk=operation.input[end])


def link_of(operation: Operation) -> GeoLink | None:
    """The link as the new place sees it; None where there is none, or no database."""
    name = new_place_of(operation).azure_name
    try:
        links = factory.sql_management().list_links(reference(server_named_in(operation, "to")), name)
    except Missing:
        return None
    source = str(operation.choices["source_id"]).lower()
    return next((link for link in links if link.partner_id.lower() == source), None)


def is_online(operation: Operation) -> bool:
    """Whether Azure serves the database at the new place."""
    replica = new_place_of(operation)
    seen = factory.sql_management().get_database(reference(server_row_of(replica)), replica.azure_name)
    return seen is not None and seen.status == "Online"


def seeding(operation: Operation, link: GeoLink, *, seconds: float) -> Wait:
    """Wait for a replica that is being seeded, with its progress saved; `seconds` is how long it was expected to take."""
    told = _progress(operation, link, seconds=seconds)
    assert operation.claimed_at is not None
    left = (datetime.fromisoformat(told["expected_end_at"]) - operation.claimed_at).total_seconds()
    longest = LONGEST_WAIT if link.percent else FIRST_LOOKS  # until it is known how fast it goes
    wait = min(max(left / LOOKS, settings.SHORT_WAIT_SECONDS), longest)
    reason = f"Azure has seeded {link.percent} % of the replica ({link.state})."
    return Wait(wait, reason=reason, choices={"run": told})


def stage(operation: Operation, phase: str, *, until: str = "") -> dict[str, Any]:
    """A phase after the seeding, as a choice; `until`: when it ends at the latest."""
    assert operation.claimed_at is not None
    percent = {SEEDED: MOST_PERCENT, SWITCHED: 97, KEPT: 99}[phase]
    end = until or operation.claimed_at.isoformat()
    return {"run": {"phase": phase, "state": "InProgress", "percent": percent, "expected_end_at": end}}


def examine_seeding(operation: Operation) -> Outcome:
    """There is no link yet: Azure is at it, or has failed, or nothing came of it for too long."""
    assert operation.claimed_at is not None
    poll = _poll(operation)
    try:
        if poll is not None and poll.state in ENDED_BADLY:
            return awaiting.ask_anew(operation, failure_of(poll), "start_replica")
    except NoRoomHere:
        return elsewhere(operation, new_place_of(operation).pool_id)
    asked_at = datetime.fromisoformat(operation.choices["accepted_at"])
    running = poll is not None and poll.state is PollState.RUNNING
    if running or operation.claimed_at - asked_at < timedelta(seconds=settings.EXAMINE_AFTER_SECONDS):
        return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure has taken the request.")
    return awaiting.ask_anew(operation, RetryLater("ReplicaNotShown", "Azure shows no replica."), "start_replica")


def examine_switch(operation: Operation) -> Outcome:
    """The roles have not changed yet: Azure is at it, or has failed, or knows nothing of it any more."""
    poll = _poll(operation)
    if poll is not None and poll.state in ENDED_BADLY:
        return awaiting.ask_anew(operation, failure_of(poll), "fail_over")
    if poll is not None and poll.state is PollState.FORGOTTEN:
        return awaiting.ask_anew(operation, RetryLater("SwitchNotShown", "Azure shows no switch."), "fail_over")
    return Wait(settings.SHORT_WAIT_SECONDS, reason="Azure changes the roles of the two databases.")


def end_link(operation: Operation, *, then: str) -> Outcome:
    """End replication; go on to `then` once there is no link."""
    new = new_place_of(operation)

    def ask() -> object:
        link, where = link_of(operation), reference(server_row_of(new))
        return link and factory.sql_management().begin_delete_link(where, new.azure_name, link.id)

    outcome = awaiting.ask_and_look(
        operation, "the end of the link", is_done=lambda: link_of(operation) is None, ask=ask
    )
    return replace(outcome, to=then) if isinstance(outcome, Next) else outcome


def is_in_step(link: GeoLink) -> bool:
    return link.state == IN_STEP


def _poll(operation: Operation) -> Poll | None:
    if not operation.poll_url:
        return None
    return factory.sql_management().poll(server_named_in(operation, "to").subscription_id, operation.poll_url)


def _rows(operation: Operation) -> QuerySet[Database]:
    ours = Q(pk=operation.pk) | Q(pk=operation.target_key.partition(":")[2])
    rows = Database.objects.select_related("server", "pool", "region", "service__workspace")
    return rows.filter(ours).order_by("pk")


def _progress(operation: Operation, link: GeoLink, *, seconds: float) -> dict[str, Any]:
    """Azure's own percentage; the end follows from the time that it has taken so far, at first from what was expected."""
    assert operation.claimed_at is not None
    begun = datetime.fromisoformat(operation.choices.get("accepted_at") or operation.claimed_at.isoformat())
    passed = (operation.claimed_at - begun).total_seconds()
    whole = passed * 100 / link.percent if link.percent else max(seconds, passed)
    return {
        "phase": "Seeding",
        "state": link.state,
        "percent": min(link.percent, MOST_PERCENT),
        "expected_end_at": (begun + timedelta(seconds=whole)).isoformat(),
    }
