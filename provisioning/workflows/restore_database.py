"""A database comes back from its backups: made under a new Azure name, secured, given fresh passwords, proved, and only then
what its service's row and its stable secret lead to. Nothing is renamed in Azure.

Until the stable secret is promoted, what stood (or was deleted) is as it was, and a cancel leaves it so. Then the row and
its stand-in exchange names and places: what was replaced is removed, with a restore point of its own.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from cloud import factory
from cloud.errors import AlreadyThere, NoRoomHere
from cloud.protocols import DatabaseSpec, Origin, Restore
from inventory.models import Database, ServiceInstance
from operations.locks import Lock, Mode
from operations.models import Operation
from operations.outcomes import Next, Outcome, StepError
from operations.workflow import Workflow, acts, computes, decides, looks, signs_in
from provisioning import awaiting, securing
from provisioning.asking import elsewhere, spec_of, tags_seen
from provisioning.holding import hold, let_go, place_locks
from provisioning.places import leave_refused, settle_beside
from provisioning.restore_points import restore_point
from provisioning.restores import SWITCH_SECONDS
from provisioning.stand_ins import as_restored, is_taken_over, settle
from provisioning.targets import database_of, reference, restored_row_of, server_row_of
from provisioning.windows import is_over, wait_for_window
from rotation import issue
from rotation.holding import is_entra_only
from rotation.names import Purpose
from rotation.revoke import drop_next_user
from rotation.targets import active_credential


@acts
def look_up_source(operation: Operation) -> Outcome:
    """Ask Azure for the backups, before anything else happens; without them there is nothing to begin."""
    return Next(choices={"source_id": restore_point(operation)})


@decides
def leave_refused_place(operation: Operation) -> Outcome:
    leave_refused(operation, restored_row_of(operation))
    return Next()


@computes
def place(operation: Operation) -> Outcome:
    """Take room on the server that has the backups; a choice already made is kept."""
    stand_in = restored_row_of(operation)
    if stand_in.holds_room:
        return Next()
    source = Database.objects.select_related("server", "pool").get(pk=operation.input["source"])
    stand_in.service, stand_in.pool = (
        database_of(operation).service,
        source.pool,
    )  # as neighbours and zones count it; not saved
    settle_beside(operation, stand_in, server_row_of(source))
    return Next()


@looks
def await_place(operation: Operation) -> Outcome:
    stand_in = restored_row_of(operation)
    return awaiting.await_ready(stand_in.pool or server_row_of(stand_in))


@decides
def hold_place(operation: Operation) -> Outcome:
    stand_in = restored_row_of(operation)
    return hold(operation, server_row_of(stand_in), place_locks(stand_in, "restores a database"))


@acts
def start_restore(operation: Operation) -> Outcome:
    """Ask Azure for the database; one that carries our tag is ours from an earlier run."""
    stand_in = restored_row_of(operation)
    if operation.maybe_happened and _is_ours(operation, stand_in):
        return awaiting.taken_before(operation)
    try:
        answer = factory.sql_management().begin_create_database(
            reference(server_row_of(stand_in)), stand_in.azure_name, _spec(operation, stand_in)
        )
    except NoRoomHere:
        return elsewhere(operation, stand_in.pool_id or stand_in.server_id)
    except AlreadyThere as error:  # ours, but not shown yet: the name is made from our id
        raise StepError(error.code, error.message, transient=True) from error
    return awaiting.accepted(operation, answer)


@looks
def await_restore(operation: Operation) -> Outcome:
    """Go on once the server's listing shows the database online; hours cost nothing."""
    stand_in = restored_row_of(operation)
    return awaiting.await_state(
        operation,
        stand_in,
        state=stand_in.observed_status,
        wanted="Online",
        then="secure_retention",
        examine="examine_restore",
    )


@acts
def examine_restore(operation: Operation) -> Outcome:
    stand_in = restored_row_of(operation)
    subscription_id = server_row_of(stand_in).subscription_id
    try:
        return awaiting.examine_poll(
            operation, stand_in, subscription_id=subscription_id, back_to="await_restore", ask_again="start_restore"
        )
    except NoRoomHere:
        return elsewhere(operation, stand_in.pool_id or stand_in.server_id)


@acts
def secure_retention(operation: Operation) -> Outcome:
    """A restored database begins with Azure's own retention: give it its service's."""
    return securing.ensure_retention(operation, restored_row_of(operation))


@acts
def secure_encryption(operation: Operation) -> Outcome:
    return securing.ensure_encryption(operation, restored_row_of(operation))


@decides
def await_window(operation: Operation) -> Outcome:
    """What replaces a database that serves waits for its owner's window; nobody is kept from place or credential meanwhile."""
    if operation.input["undeletes"]:
        return Next()
    return let_go(operation, wait_for_window(operation, expected_seconds=SWITCH_SECONDS))


@decides
def hold_database(operation: Operation) -> Outcome:
    """Have the place as it is, and the credential to ourselves from here on; while Azure restores, it may well be rotated.

    No circle can form: nobody who shares a database waits for anything else meanwhile.
    """
    database, stand_in = database_of(operation), restored_row_of(operation)
    alone = Lock(database.key, Mode.EXCLUSIVE, "replaces the database")
    outcome = hold(operation, server_row_of(stand_in), [*place_locks(stand_in, "restores a database"), alone])
    if not isinstance(outcome, Next):
        return outcome
    active = active_credential(database, Purpose.SERVICE)
    return Next(choices={"slot": active.slot if active else "a"})


@acts
def stage_password(operation: Operation) -> Outcome:
    return issue.stage_password(operation, as_restored(operation), slot=_slot(operation))


@signs_in
def create_user(operation: Operation) -> Outcome:
    """It came with the password that it had then: give it the fresh one."""
    return issue.create_user(operation, as_restored(operation), slot=_slot(operation))


@signs_in
def scramble_other(operation: Operation) -> Outcome:
    return issue.scramble_other(operation, as_restored(operation), slot=_slot(operation))


@signs_in
def drop_cast_users(operation: Operation) -> Outcome:
    """They came with passwords that they had then: drop both; where DICOM Cast is wished for it is issued to at the end."""
    restored = as_restored(operation)
    is_dicom = restored.service is not None and restored.service.kind == ServiceInstance.Kind.DICOM
    if not is_dicom or is_entra_only(restored):
        return Next()
    return drop_next_user(operation, restored, Purpose.CAST, only_while=lambda: not is_taken_over(restored))


@signs_in
def verify_login(operation: Operation) -> Outcome:
    return issue.verify_login(operation, as_restored(operation), set_again="create_user", slot=_slot(operation))


@acts
def publish_secret(operation: Operation) -> Outcome:
    """Lead consumers to the restored database: from here on there is only forward."""
    restored, slot = as_restored(operation), _slot(operation)
    missed = not operation.input["undeletes"] and is_over(operation)
    if missed and not (operation.maybe_happened and issue.is_published(operation, restored, slot=slot)):
        return Next(to="await_window")
    return issue.publish_secret(operation, restored, slot=slot)


RESTORE_DATABASE = Workflow(
    kind="restore_database",
    settle=settle,
    steps=(
        look_up_source,
        leave_refused_place,
        place,
        await_place,
        hold_place,
        start_restore,
        await_restore,
        examine_restore,
        secure_retention,
        secure_encryption,
        await_window,
        hold_database,
        stage_password,
        create_user,
        scramble_other,
        drop_cast_users,
        verify_login,
        publish_secret,
    ),
    point_of_no_return="publish_secret",
    deadline=timedelta(hours=36),
    indispensable=(
        *("stage_password", "create_user", "scramble_other", "drop_cast_users"),
        *("verify_login", "publish_secret"),
    ),
)


def _slot(operation: Operation) -> str:
    return str(operation.choices["slot"])


def _spec(operation: Operation, stand_in: Database) -> DatabaseSpec:
    """Its size comes with the backup; tags do not."""
    moment = operation.input["moment"]
    restore = Restore(
        Origin(operation.input["origin"]),
        operation.choices["source_id"],
        datetime.fromisoformat(moment) if moment else None,
    )
    return replace(spec_of(operation, stand_in, named_for=database_of(operation)), restore=restore)


def _is_ours(operation: Operation, stand_in: Database) -> bool:
    tags = tags_seen(stand_in)
    return tags is not None and tags.get("operation") == str(operation.pk)
