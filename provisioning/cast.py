"""DICOM Cast: an option of a DICOM service, with a credential of its own on the service's database."""

from __future__ import annotations

from inventory.models import AuthMode, Database, ServiceInstance, Workspace
from operations import audit
from operations.errors import OperationInProgress
from operations.models import Operation
from provisioning.errors import CastNotSupported
from provisioning.standing import Standing, check_room
from rotation.models import Credential
from rotation.names import SLOTS, Purpose, credential_key
from rotation.services import request_cast_credential, request_revocation
from rotation.targets import active_credential

SWITCHES = ("issue_cast_credential", "revoke_credential")


def check_cast(workspace: Workspace, kind: str) -> None:
    """DICOM Cast signs in by password, beside a DICOM service. Raises CastNotSupported."""
    if kind != ServiceInstance.Kind.DICOM:
        raise CastNotSupported(f"DICOM Cast is an option of a DICOM service; this is one of kind {kind}.")
    if workspace.auth_mode == AuthMode.ENTRA_ONLY:
        raise CastNotSupported("DICOM Cast signs in by password; in this workspace only Entra may sign in.")


def meet_cast(database: Database, found: Standing, *, wanted: bool, actor: str) -> Operation | None:
    """Switch DICOM Cast on or off for a database that stands: the operation that does so, None where it is so already.

    One that failed is begun anew. Raises OperationInProgress while it is being switched the other way, TooManyOperations.
    """
    service = database.service
    assert service is not None, "it was found by its service"
    running = _switching(database)
    if running is None and wanted and not _is_so(database, wanted=wanted):
        check_room(found)
    if service.has_cast != wanted:
        if running is not None:
            raise OperationInProgress(running)
        return _switch(database, service, on=wanted, actor=actor)
    if running is not None or _is_so(database, wanted=wanted):
        return running
    return _begin(database, on=wanted, actor=actor)


def _switching(database: Database) -> Operation | None:
    """What switches it, at work or in line."""
    key = credential_key(database, Purpose.CAST)
    return Operation.objects.filter(target_key=key, kind__in=SWITCHES).exclude(state__in=Operation.TERMINAL).first()


def _is_so(database: Database, *, wanted: bool) -> bool:
    if wanted:
        return active_credential(database, Purpose.CAST) is not None
    users = Credential.objects.filter(database=database, slot__in=SLOTS[Purpose.CAST])
    return not users.exclude(status=Credential.Status.RETIRED).exists()


def _switch(database: Database, service: ServiceInstance, *, on: bool, actor: str) -> Operation:
    operation = _begin(database, on=on, actor=actor)
    ServiceInstance.objects.filter(pk=service.pk).update(has_cast=on)
    audit.record(
        "service.changed",
        actor=actor,
        target=f"service:{service.pk}",
        workspace=service.workspace.name,
        operation_id=operation.pk,
        before={"cast": not on},
        after={"cast": on},
    )
    return operation


def _begin(database: Database, *, on: bool, actor: str) -> Operation:
    return (request_cast_credential if on else request_revocation)(database, actor=actor)
