"""A database moves to another server: a replica is seeded there while all goes on here, then the two change roles, and what
consumers read leads to the new endpoint. What was left behind stays readable until they say that they have followed, or, in a
window, until the time for it is over; then the link ends and it is removed.

Until the roles change a cancel removes the replica, and nothing has happened. Room is taken at the new place before, and the
old one is held until its database is gone.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from django.conf import settings

from cloud import factory
from cloud.errors import AlreadyThere, CloudError, InProgress, NoRoomHere, Rejected
from cloud.protocols import DatabaseSpec
from operations import clock
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import END, UNDONE, Ask, Next, Outcome, StepError, Wait
from operations.workflow import Workflow, acts, computes, decides, looks, signs_in
from provisioning import awaiting, rehoming, replicas, securing
from provisioning.asking import elsewhere, spec_of, tags_seen
from provisioning.beginnings import HOLD, Copying
from provisioning.holding import hold, let_go, place_locks
from provisioning.places import leave_refused
from provisioning.targets import database_of, reference, server_row_of, stand_in_of
from provisioning.windows import is_over, wait_for_window, wait_to_begin
from rotation import readdress
from rotation.names import credential_key
from rotation.proof import prove_login


@decides
def leave_refused_place(operation: Operation) -> Outcome:
    leave_refused(operation, stand_in_of(operation))
    return Next()


@computes
def place(operation: Operation) -> Outcome:
    """Take room on the other server; a choice already made is kept."""
    stand_in = stand_in_of(operation)
    if not stand_in.holds_room:
        rehoming.settle_on(operation, stand_in, database_of(operation))
    return Next()


@looks
def await_place(operation: Operation) -> Outcome:
    stand_in = stand_in_of(operation)
    return awaiting.await_ready(stand_in.pool or server_row_of(stand_in))


@decides
def await_beginning(operation: Operation) -> Outcome:
    """Seed so late that the replica is ready for the next window, and not for long before: it is paid for."""
    return wait_to_begin(operation, Copying(_expected(operation), rehoming.SWITCH_SECONDS, HOLD))


@decides
def hold_place(operation: Operation) -> Outcome:
    """Keep both servers and pools as they are."""
    return hold(operation, server_row_of(replicas.new_place_of(operation)), _place_locks(operation))


@acts
def start_replica(operation: Operation) -> Outcome:
    """Ask Azure for the replica; one that carries our tag is ours from an earlier run."""
    new, old = replicas.new_place_of(operation), replicas.old_place_of(operation)
    source = factory.sql_management().get_database(reference(server_row_of(old)), old.azure_name)
    if source is None:
        raise StepError("DatabaseMissing", "Azure does not show the database.", transient=True)
    if operation.maybe_happened and (tags_seen(new) or {}).get("operation") == str(operation.pk):
        taken = awaiting.taken_before(operation)
        return replace(taken, choices={**taken.choices, "source_id": source.arm_id})
    spec = replace(_spec(operation), secondary_of=source.arm_id)
    try:
        answer = factory.sql_management().begin_create_database(reference(server_row_of(new)), new.azure_name, spec)
    except NoRoomHere:
        return elsewhere(operation, new.pool_id or new.server_id)
    except AlreadyThere as error:  # ours, but not shown yet: the name is made from our id
        raise StepError(error.code, error.message, transient=True) from error
    return awaiting.accepted(operation, answer, source_id=source.arm_id)


@acts
def await_replica(operation: Operation) -> Outcome:
    """Go on once the replica is in step; hours of seeding cost a look now and then."""
    link = replicas.link_of(operation)
    if link is None:
        return replicas.examine_seeding(operation)
    if not replicas.is_in_step(link) or not replicas.is_online(operation):
        return replicas.seeding(operation, link, seconds=_expected(operation))
    return Next(choices={**replicas.stage(operation, replicas.SEEDED), "link": link.id})


@acts
def secure_retention(operation: Operation) -> Outcome:
    """A replica begins with Azure's own retention: give it its service's."""
    return securing.ensure_retention(operation, replicas.new_place_of(operation))


@decides
def await_window(operation: Operation) -> Outcome:
    """The switch drops connections: it waits for its owner's window; the replica keeps in step meanwhile, and nobody is kept
    from the places, or from the credential."""
    return let_go(operation, wait_for_window(operation, expected_seconds=rehoming.SWITCH_SECONDS))


@decides
def hold_database(operation: Operation) -> Outcome:
    """Have both places as they are, and the credential to ourselves until its new endpoint is published.

    No circle can form: nobody who shares a database waits for anything else meanwhile.
    """
    alone = Lock(database_of(operation).key, Mode.EXCLUSIVE, "moves the database to another server")
    return hold(operation, server_row_of(replicas.new_place_of(operation)), [*_place_locks(operation), alone])


@acts
def fail_over(operation: Operation) -> Outcome:
    """Let the replica become the primary, with nothing lost: from here on there is only forward."""
    link = replicas.link_of(operation)
    if link is None:
        return Ask("LinkGone", "The replica has lost its link; it may be behind, so it does not take over.")
    if link.role == replicas.PRIMARY:
        return Next()
    if not operation.maybe_happened and is_over(operation):
        return Next(to="await_window")
    new = replicas.new_place_of(operation)
    try:
        answer = factory.sql_management().begin_fail_over(reference(server_row_of(new)), new.azure_name, link.id)
    except InProgress:
        if operation.maybe_happened:
            return Next(poll_url="")
        raise
    except Rejected as error:
        return Ask(error.code, error.message)
    return Next(poll_url=answer.poll_url or "")


@acts
def await_failover(operation: Operation) -> Outcome:
    """Go on once the new place is the primary and served; what Azure has failed at is asked for again."""
    link = replicas.link_of(operation)
    if link is not None and link.role == replicas.PRIMARY and replicas.is_online(operation):
        return Next()
    try:
        return replicas.examine_switch(operation)
    except (CloudError, StepError) as error:
        if getattr(error, "transient", False):
            raise
        return Ask(error.code, str(error))


@decides
def record_arrival(operation: Operation) -> Outcome:
    rehoming.exchange(operation)
    assert operation.claimed_at is not None
    arrived = {"arrived_at": operation.claimed_at.isoformat(), **replicas.stage(operation, replicas.SWITCHED)}
    return Next(choices=arrived)


@acts
def secure_encryption(operation: Operation) -> Outcome:
    return securing.ensure_encryption(operation, replicas.new_place_of(operation))


@acts
def publish_endpoint(operation: Operation) -> Outcome:
    return readdress.publish_endpoint(operation, replicas.new_place_of(operation))


@signs_in
def verify_login(operation: Operation) -> Outcome:
    return prove_login(operation, replicas.new_place_of(operation))


@decides
def announce_endpoint(operation: Operation) -> Outcome:
    """Tell everybody where it is now and until when the old endpoint can be read; its credential and places are free again."""
    kept_until = rehoming.announce(operation)
    return Next(choices={"kept_until": kept_until, **replicas.stage(operation, replicas.KEPT, until=kept_until)})


@looks
def await_followers(operation: Operation) -> Outcome:
    """Keep the old place readable until consumers have acknowledged, or their time is over, or all of it shall go."""
    database = database_of(operation)
    left = (datetime.fromisoformat(operation.choices["kept_until"]) - clock.now()).total_seconds()
    if left <= 0 or _nobody_minds(operation):
        return Next()
    seconds = min(left, settings.CREDENTIAL_LOOK_SECONDS)
    reason = "The old place stays readable until its consumers have acknowledged the new endpoint."
    return Wait(seconds, on=credential_key(database), reason=reason)


@decides
def await_parting(operation: Operation) -> Outcome:
    """Who has not followed is cut off when the old place goes: that waits for a window as the switch did."""
    if _nobody_minds(operation):
        return Next()
    return let_go(operation, wait_for_window(operation, expected_seconds=rehoming.SWITCH_SECONDS))


@decides
def hold_old_place(operation: Operation) -> Outcome:
    return hold(operation, server_row_of(replicas.old_place_of(operation)), _place_locks(operation))


@acts
def end_link(operation: Operation) -> Outcome:
    """Each on its own from here on; the steps after this one are only for taking things back."""
    if not operation.maybe_happened and is_over(operation) and not _nobody_minds(operation):
        return Next(to="await_parting")
    return replicas.end_link(operation, then=END)


@acts
def take_back(operation: Operation) -> Outcome:
    """End the link of a replica that is in step; one that is being seeded goes by being dropped."""
    if "source_id" not in operation.choices:
        return Next(to=UNDONE)
    link = replicas.link_of(operation)
    if link is None or not replicas.is_in_step(link):
        return Next(to=UNDONE)
    return replicas.end_link(operation, then=UNDONE)


REHOME_DATABASE = Workflow(
    kind=rehoming.KIND,
    settle=rehoming.settle,
    steps=(
        leave_refused_place,
        place,
        await_place,
        await_beginning,
        hold_place,
        start_replica,
        await_replica,
        secure_retention,
        await_window,
        hold_database,
        fail_over,
        await_failover,
        record_arrival,
        secure_encryption,
        publish_endpoint,
        verify_login,
        announce_endpoint,
        await_followers,
        await_parting,
        hold_old_place,
        end_link,
        take_back,
    ),
    begins="start_replica",
    point_of_no_return="fail_over",
    undo="take_back",
    deadline=timedelta(
        days=12
    ),  # 200 hours for 100 TB at 500 GB an hour, a day and a half of following, and time to look
    indispensable=("start_replica", "await_replica", "fail_over", "await_failover", "publish_endpoint", "verify_login"),
)


def _nobody_minds(operation: Operation) -> bool:
    """Its consumers have followed, or all of it shall go."""
    is_to_go = Operation.objects.filter(follows=operation).exists()
    return is_to_go or readdress.is_acknowledged(database_of(operation))


def _spec(operation: Operation) -> DatabaseSpec:
    new = replicas.new_place_of(operation)
    return spec_of(operation, new, named_for=database_of(operation))


def _place_locks(operation: Operation) -> list[Lock]:
    """Of both places, in the order in which they are asked for."""
    places = (replicas.new_place_of(operation), replicas.old_place_of(operation))
    reason = "moves a database to another server"
    return sorted({lock for row in places for lock in place_locks(row, reason)})


def _expected(operation: Operation) -> float:
    return rehoming.seeding_seconds(database_of(operation).size_bytes)
