"""A database: placed, created, secured, given a login that works, and only then called ready."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from cloud.classify import kind_of
from cloud.errors import NoCapacity, NoRoomHere
from cloud.protocols import DatabaseSpec
from inventory.models import Database, ServiceInstance
from inventory.states import Status, move
from operations import clock
from operations.errors import QuotaExhausted
from operations.models import Operation
from operations.outcomes import END, Ask, Next, Outcome, StepError
from operations.workflow import Ending, Workflow, acts, computes, decides, looks, signs_in
from placement.services import give_room_back
from provisioning import awaiting, securing
from provisioning.asking import elsewhere, spec_of, tags_seen
from provisioning.holding import hold, place_locks
from provisioning.keys.giving import PREPARATION, past_keys, shown_key, verify_key
from provisioning.keys.using import record_key
from provisioning.places import leave_refused, settle_in_pool, settle_on_server
from provisioning.targets import database_of, management_for, reference, server_row_of
from rotation import issue
from rotation.names import SLOTS, Purpose

CAST = SLOTS[Purpose.CAST][0]


@decides
def leave_refused_place(operation: Operation) -> Outcome:
    """Give room back that Azure has refused, or that never came to be; nothing to do the first time."""
    leave_refused(operation, database_of(operation))
    return Next()


@computes
def place(operation: Operation) -> Outcome:
    """Take room in a pool or on a server; a choice already made is kept."""
    database = database_of(operation)
    if database.holds_room:
        return Next()
    try:
        if database.service_tier == Database.Tier.HYPERSCALE:
            settle_on_server(operation, database)
        else:
            settle_in_pool(operation, database)
    except QuotaExhausted as error:
        return Ask(error.code, str(error))
    return Next()


@looks
def await_place(operation: Operation) -> Outcome:
    """Go on once pool and server are there; choose again where Azure had no room for them."""
    database = database_of(operation)
    place = database.pool or server_row_of(database)
    if place.status == Status.FAILED and issubclass(kind_of(place.error_code), NoRoomHere | NoCapacity):
        return elsewhere(operation, place.pk)
    return awaiting.await_ready(place)


@decides
def hold_place(operation: Operation) -> Outcome:
    database = database_of(operation)
    held = hold(operation, server_row_of(database), place_locks(database, "creates a database"))
    return past_keys(held, database, to="start_create")


@acts
def start_create(operation: Operation) -> Outcome:
    """Ask Azure for the database; one that carries our tag is ours from an earlier run."""
    database = database_of(operation)
    if (operation.maybe_happened or operation.input.get("again")) and _is_ours(database):
        return awaiting.taken_before(operation)
    try:
        answer = management_for(operation).begin_create_database(
            reference(server_row_of(database)), database.azure_name, _spec(operation, database)
        )
    except NoRoomHere:
        return elsewhere(operation, database.pool_id or database.server_id)
    return awaiting.accepted(operation, answer)


@looks
def await_create(operation: Operation) -> Outcome:
    """Go on once the server's listing shows the database online; the observer wakes us when it changes."""
    database = database_of(operation)
    return awaiting.await_state(
        operation,
        database,
        state=database.observed_status,
        wanted="Online",
        then="secure_retention",
        examine="examine_create",
    )


@acts
def examine_create(operation: Operation) -> Outcome:
    """Read why it is not there; where Azure found no room after all, choose another place."""
    database = database_of(operation)
    try:
        return awaiting.examine_poll(
            operation,
            database,
            subscription_id=server_row_of(database).subscription_id,
            back_to="await_create",
            ask_again="start_create",
        )
    except NoRoomHere:
        return elsewhere(operation, database.pool_id or database.server_id)


@acts
def secure_retention(operation: Operation) -> Outcome:
    return securing.ensure_retention(operation, database_of(operation))


@acts
def secure_encryption(operation: Operation) -> Outcome:
    database = database_of(operation)
    return past_keys(securing.ensure_encryption(operation, database), database, to="stage_password")


@acts
def stage_password(operation: Operation) -> Outcome:
    return issue.stage_password(operation, database_of(operation))


@signs_in
def create_user(operation: Operation) -> Outcome:
    return issue.create_user(operation, database_of(operation))


@signs_in
def verify_login(operation: Operation) -> Outcome:
    return issue.verify_login(operation, database_of(operation), set_again="create_user")


@acts
def publish_secret(operation: Operation) -> Outcome:
    """Let the service read its credential; what follows is for DICOM Cast alone."""
    done = issue.publish_secret(operation, database_of(operation))
    return done if operation.input.get("cast") else replace(done, to=END)


@acts
def stage_cast_password(operation: Operation) -> Outcome:
    return issue.stage_password(operation, database_of(operation), slot=CAST)


@signs_in
def create_cast_user(operation: Operation) -> Outcome:
    return issue.create_user(operation, database_of(operation), slot=CAST, stage_again="stage_cast_password")


@signs_in
def verify_cast_login(operation: Operation) -> Outcome:
    return issue.verify_login(operation, database_of(operation), set_again="create_cast_user", slot=CAST)


@acts
def publish_cast_secret(operation: Operation) -> Outcome:
    return issue.publish_secret(operation, database_of(operation), slot=CAST)


def settle(operation: Operation, ending: Ending) -> None:
    """Ready; or failed, keeping its place until it is retried or deleted; or gone, when it was cancelled before it began."""
    database = database_of(operation)
    if ending is Ending.SUCCEEDED:
        move(database, Status.READY, ready_at=clock.now(), error_code="", error_message="")
        issue.record_issued(operation, database)
        record_key(database, shown_key(operation, database))
        if operation.input.get("cast"):
            issue.record_issued(operation, database, slot=CAST)
    elif ending is Ending.FAILED:
        move(database, Status.FAILED, error_code=operation.error_code, error_message=operation.error_message)
    elif operation.input.get("again"):  # what an earlier attempt left in Azure is removed by a deletion only
        move(database, Status.FAILED, error_code="Cancelled", error_message="The new attempt was cancelled.")
    else:
        give_room_back(database)
        move(database, Status.DELETED, deleted_at=clock.now())
        ServiceInstance.objects.filter(databases=database).update(deleted_at=clock.now())


FOR_CAST = (stage_cast_password, create_cast_user, verify_cast_login, publish_cast_secret)
CREATE_DATABASE = Workflow(
    kind="create_database",
    settle=settle,
    steps=(
        leave_refused_place,
        place,
        await_place,
        hold_place,
        *PREPARATION,
        start_create,
        await_create,
        examine_create,
        secure_retention,
        secure_encryption,
        verify_key,
        stage_password,
        create_user,
        verify_login,
        publish_secret,
        *FOR_CAST,
    ),
    point_of_no_return="start_create",
    deadline=timedelta(hours=4),
    indispensable=(
        *("stage_password", "create_user", "verify_login", "publish_secret"),
        *(step.name for step in FOR_CAST),
    ),
)


def _spec(operation: Operation, database: Database) -> DatabaseSpec:
    """Hyperscale takes no max size."""
    single = database.service_tier == Database.Tier.HYPERSCALE
    size = None if single else database.size_bytes
    return replace(spec_of(operation, database, named_for=database), max_size_bytes=size)


def _is_ours(database: Database) -> bool:
    tags = tags_seen(database)
    if tags is not None and tags.get("database") != str(database.pk):
        raise StepError("NameTaken", "A database of this name exists and is not ours.")
    return tags is not None
