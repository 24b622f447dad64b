"""What Azure has with our tag and without a row of ours. It is never removed by itself: an operator says so, with a reason."""

from __future__ import annotations

from dataclasses import dataclass

from django.conf import settings
from django.db import transaction

from cloud.protocols import ServerRef
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations.errors import OperationRefused
from operations.models import Operation, Priority
from operations.services import submit
from provisioning.drift.findings import tell
from provisioning.models import Finding

KINDS = {"databases": "database", "elasticpools": "pool"}


class NotAnOrphan(OperationRefused):
    """Only what is found open as an orphan of our own making may be removed."""

    code = "NotAnOrphan"


class ReasonMissing(OperationRefused):
    """Data may go with it, so the operator says why."""

    code = "ReasonMissing"


@dataclass(frozen=True, slots=True)
class Address:
    """What an ARM id names: a server, or a pool or database on one."""

    kind: str
    server: ServerRef
    name: str

    @classmethod
    def of(cls, arm_id: str) -> Address:
        """Raises ValueError for an id of anything else."""
        parts = arm_id.lower().strip("/").split("/")
        known = dict(zip(parts[::2], parts[1::2], strict=True))
        server = ServerRef(known["subscriptions"], known["resourcegroups"], known["servers"])
        child = next((name for name in KINDS if name in known), None)
        return cls(KINDS[child], server, known[child]) if child else cls("server", server, server.name)


@transaction.atomic
def request_removal(finding: Finding, *, actor: str, reason: str) -> Operation:
    """Remove an orphan of ours. Raises ReasonMissing, NotAnOrphan, and OperationInProgress while it is being removed."""
    if not reason.strip():
        raise ReasonMissing("Say why: the reason is kept in the audit log.")
    row = Finding.objects.select_for_update().get(pk=finding.pk)
    if row.state != Finding.State.OPEN or not is_removable(row):
        raise NotAnOrphan("It is no orphan of this deployment that waits for a decision.")
    arm_id = row.target.partition(":")[2]
    wish = {"arm_id": arm_id, "finding": str(row.pk), "reason": reason, "attributes": []}
    operation = submit("remove_orphan", target=row.target, actor=actor, wish=wish, priority=Priority.REPAIR)
    row.state, row.repair_id, row.decided_by, row.reason = Finding.State.REPAIRING, operation.pk, actor, reason
    row.save()
    tell(row, "drift.removal_requested", actor=actor, reason=reason)
    return operation


def is_removable(finding: Finding) -> bool:
    """What carries our tag; what somebody else has put on a server of ours is not ours to remove."""
    tags = (finding.observed or {}).get("tags", {}) if finding.kind == Finding.Kind.ORPHANED else {}
    return bool(tags.get("deployment") == settings.DEPLOYMENT)


def has_row(address: Address) -> bool:
    """Whether a row stands for it, be it that its operation is under way."""
    on_server = {"server__azure_name": address.server.name, "azure_name": address.name}
    if address.kind == "database":
        return Database.objects.filter(**on_server).exclude(status=Status.DELETED).exists()
    if address.kind == "pool":
        return ElasticPool.objects.filter(**on_server).exclude(status=Status.DELETED).exists()
    return SqlServer.objects.filter(azure_name=address.name).exclude(status=Status.DELETED).exists()
