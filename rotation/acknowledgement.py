"""A service says that it uses the new version of its credential; then the old user goes as soon as nobody uses it."""

from __future__ import annotations

from django.db import transaction
from django.db.models.functions import Least

from inventory.models import ServiceInstance
from operations import audit, clock
from operations.errors import OperationRefused
from operations.waking import wake
from rotation.models import Credential
from rotation.names import other_slot

Status = Credential.Status


class VersionNotActive(OperationRefused):
    """Only the version that consumers are told to read now can be acknowledged."""

    code = "VersionNotActive"


@transaction.atomic
def acknowledge(service: ServiceInstance, version: str, *, actor: str) -> Credential:
    """Record that all of the service uses this version of its secret: the old user then waits for its sessions alone, at the
    latest for its deadline. Repeating it changes nothing. Raises VersionNotActive."""
    rows = Credential.objects.select_for_update(of=("self",)).select_related("database__service__workspace")
    active = rows.filter(database__service=service, status=Status.ACTIVE, stable_version=version).first()
    if active is None:
        raise VersionNotActive("This is not the version that consumers are told to read. Read the newest one.")
    if active.acknowledged_at is None:
        _record(active, actor=actor)
    return active


def _record(active: Credential, *, actor: str) -> None:
    now, database = clock.now(), active.database
    active.acknowledged_at = now
    active.save(update_fields=["acknowledged_at"])
    old = Credential.objects.filter(database=database, slot=other_slot(active.slot), status=Status.OVERLAPPING)
    old.update(retire_after=Least("retire_after", now))
    audit.record(
        "credential.acknowledged",
        actor=actor,
        target=active.key,
        workspace=database.service.workspace.name if database.service else "",
        after={"secret": active.stable_secret, "version": active.stable_version, "user": active.user_name},
    )
    wake([active.key])
