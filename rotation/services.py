"""What may be asked of credentials: one more, a rotation now, a look at who is signed in, an end, and to make way for a
removal."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.db.models.functions import Least

from inventory.models import Database, Workspace
from operations.errors import OperationInProgress, OperationRefused, TooLateToCancel
from operations.models import Operation, Priority
from operations.services import active_operation, cancel, retry, submit
from rotation.holding import is_entra_only
from rotation.models import Credential
from rotation.names import Purpose, credential_key, sessions_key
from rotation.schedule import next_rotation_at, policy_of
from rotation.targets import active_credential

CAST_ISSUE = "issue_cast_credential"


class SessionsNotCounted(OperationRefused):
    """A session that began with a token carries another name than its user's."""

    code = "SessionsNotCounted"


class CredentialNotWanted(OperationRefused):
    """There is nothing to issue, or nobody to issue it."""

    code = "CredentialNotWanted"


@transaction.atomic
def request_rotation(
    database: Database, *, actor: str, reason: str = "", purpose: Purpose = Purpose.SERVICE
) -> Operation:
    """Renew the credential now, or check the identity where only Entra may sign in. Raises OperationInProgress while that is
    under way, or the old user overlaps."""
    kind = "check_identity" if is_entra_only(database) else "rotate_credential"
    return _submit(kind, database, purpose, actor=actor, wish={"reason": reason})


@transaction.atomic
def request_first_credential(database: Database, *, actor: str, reason: str) -> Operation:
    """Give a database that was adopted its first credential of ours. Raises CredentialNotWanted, OperationInProgress."""
    if is_entra_only(database):
        raise CredentialNotWanted("Only Entra may sign in there.")
    if active_credential(database, Purpose.SERVICE) is not None:
        raise CredentialNotWanted("It has a credential; that one is rotated.")
    if database.server is None or not database.server.admin_secret_version:
        raise CredentialNotWanted("Its server's administrator is not ours yet: rotate that password first.")
    wish = {"reason": reason}
    return _submit("issue_credential", database, Purpose.SERVICE, actor=actor, wish=wish, priority=Priority.USER)


@transaction.atomic
def request_retirement(database: Database, *, actor: str, purpose: Purpose = Purpose.SERVICE) -> Operation:
    """Take the superseded user and versions out of use. Raises OperationInProgress while another does so."""
    return _submit("retire_credential", database, purpose, actor=actor, wish={})


@transaction.atomic
def request_cast_credential(database: Database, *, actor: str) -> Operation:
    """Give the database a credential for DICOM Cast too. Raises OperationInProgress while an old one is worked on."""
    return _submit(CAST_ISSUE, database, Purpose.CAST, actor=actor, wish={}, priority=Priority.USER)


@transaction.atomic
def issue_cast_again(database: Database, *, actor: str) -> None:
    """Give a restored database a new credential for DICOM Cast, and sweep up what was read before.

    What runs is asked to stop, and this runs next. A first issue that runs, or an emergency in line, ends in the same.
    """
    running = active_operation(credential_key(database, Purpose.CAST))
    if running is not None and (running.kind == CAST_ISSUE or _in_line(running) is not None):
        return
    if running is not None:
        ask_to_stop(running, actor=actor)
    how = {"follows": running, "priority": Priority.USER}
    _submit(CAST_ISSUE, database, Purpose.CAST, actor=actor, wish={"again": True}, **how)


@transaction.atomic
def request_revocation(database: Database, *, actor: str) -> Operation:
    """Take the credential of DICOM Cast away: what runs is asked to stop, and this runs next.

    Raises OperationInProgress where another operation stands in line already.
    """
    running = active_operation(credential_key(database, Purpose.CAST))
    waiting = _in_line(running) if running else None
    if waiting is not None:
        raise OperationInProgress(waiting)
    if running is not None:
        ask_to_stop(running, actor=actor)
    how = {"follows": running, "priority": Priority.USER}
    return _submit("revoke_credential", database, Purpose.CAST, actor=actor, wish={}, **how)


@transaction.atomic
def request_session_count(database: Database, *, actor: str) -> Operation:
    """Count the sessions of both users now; the count that is under way serves for this wish too.

    Raises SessionsNotCounted where only Entra may sign in.
    """
    if is_entra_only(database):
        raise SessionsNotCounted(
            "Only Entra may sign in there; sessions are counted by name of a user with a password."
        )
    running = active_operation(sessions_key(database))
    how = {"target": sessions_key(database), "priority": Priority.USER}
    return running or _submit("count_sessions", database, Purpose.SERVICE, actor=actor, wish={}, **how)


@transaction.atomic
def request_emergency_rotation(
    database: Database,
    *,
    actor: str,
    reason: str,
    parent: Operation | None = None,
    purpose: Purpose = Purpose.SERVICE,
) -> Operation:
    """Replace both users without an overlap, before anything else happens to the credential.

    What runs is asked to stop; past the point of no return it ends first. Repeating it gives the one that stands in line.
    """
    running = active_operation(credential_key(database, purpose))
    waiting = _in_line(running) if running else None
    if waiting is not None:
        return waiting
    if running is not None:
        ask_to_stop(running, actor=actor)
    wish = {"emergency": True, "reason": reason}
    return _submit(
        "rotate_credential",
        database,
        purpose,
        actor=actor,
        wish=wish,
        follows=running,
        parent=parent,
        priority=Priority.USER,
    )


def retire_all(database: Database) -> None:
    """None of its users is told to work any more: it is gone, and its secrets are disabled. In the caller's transaction."""
    Credential.objects.filter(database=database).update(
        status=Credential.Status.RETIRED, retire_after=None, retire_by=None, rotate_after=None
    )


def follow_policy(workspace: Workspace) -> None:
    """Give the workspace's credentials the due dates of its present policy; in the caller's transaction.

    One that has been alerted, or whose rotation fails, keeps the earlier or later date that it has for that reason.
    """
    rows = Credential.objects.filter(database__service__workspace=workspace, status=Credential.Status.ACTIVE)
    for row in rows.filter(failures=0, promoted_at__isnull=False).select_related("database__service__workspace"):
        assert row.promoted_at is not None, "the query asks for it"
        due = next_rotation_at(row.database_id, row.promoted_at, policy_of(row.database))
        alerted = row.alerted_days is not None and row.rotate_after is not None
        Credential.objects.filter(pk=row.pk).update(rotate_after=Least("rotate_after", due) if alerted else due)


def make_way(database: Database, *, actor: str) -> None:
    """Ask work on the credentials to stop, because the database goes; in the caller's transaction."""
    for purpose in Purpose:
        running = active_operation(credential_key(database, purpose))
        if running is not None:
            ask_to_stop(running, actor=actor)


def ask_to_stop(operation: Operation, *, actor: str) -> None:
    """Cancel it unless it is too late; then it ends by itself, also where it waited for a human."""
    try:
        cancel(operation, actor=actor)
    except TooLateToCancel:
        retry(operation, actor=actor, reason="Something more urgent waits for it.")


def _in_line(running: Operation) -> Operation | None:
    """What runs next on the same credential."""
    return Operation.objects.filter(follows=running).first()


def _submit(
    kind: str, database: Database, purpose: Purpose, *, actor: str, wish: Mapping[str, Any], **how: Any
) -> Operation:
    workspace = database.service.workspace.name if database.service else ""
    options = {"target": credential_key(database, purpose), "priority": Priority.ROTATION, **how}
    return submit(kind, actor=actor, workspace=workspace, wish=wish, **options)
