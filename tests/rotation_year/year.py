"""Many databases and much time: beat and workers do their part hour by hour, and somebody keeps the books."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta

from inventory.models import Database
from operations import clock, engine
from operations.models import AuditEvent, Operation
from provisioning.services import ServiceWish, request_service
from rotation import due, expiry
from rotation.models import Credential
from tests.builders import GIB, a_region, a_workspace
from tests.local_azure import LocalAzure, run_until_settled


@dataclass
class Books:
    """What was seen: rotations begun by tick, and whatever should not have been."""

    begun: Counter[int] = field(default_factory=Counter)
    expired: int = 0
    oldest_days: float = 0.0

    def rotations(self) -> int:
        return self.begun.total()

    def mean(self) -> float:
        """Rotations a tick."""
        return self.rotations() / len(self.begun)

    def told(self) -> str:
        spread = f"mean {self.mean():.2f} a tick, fullest {max(self.begun.values())}"
        return f"{self.rotations()} rotations, {spread}, oldest {self.oldest_days:.1f} days"


def a_fleet_with_credentials(azure: LocalAzure, size: int) -> list[Database]:
    """So many ready databases, made by the whole road; each with a really issued credential."""
    workspace = a_workspace("cigna", a_region("eastus"))
    for number in range(size):
        request_service(workspace, ServiceWish(f"claims-{number}", "fhir", 10 * GIB), actor="tests")
    run_until_settled(azure, seconds=60)
    ready = list(Database.objects.filter(status="ready"))
    assert len(ready) == size
    return ready


def live(azure: LocalAzure, *, ticks: int, hours: int, beat_is_away: range = range(0)) -> Books:
    """Let so many ticks of so many hours pass. While beat is away nothing is begun; what was missed is caught up."""
    books = Books()
    for tick in range(ticks):
        clock.advance(timedelta(hours=hours), business=True)
        azure.pass_time(3600.0 * hours)
        books.begun[tick] = 0 if tick in beat_is_away else _beat()
        while engine.advance_due():
            pass
        _look(books)
    return books


def _beat() -> int:
    expiry.alert_expiring()
    return due.request_due()


def unfinished() -> list[str]:
    """Operations that did not end well."""
    rows = Operation.objects.filter(kind__in=("rotate_credential", "retire_credential"))
    return [f"{o.kind} {o.state} {o.step}" for o in rows.exclude(state__in=("succeeded", "queued", "running"))]


def not_audited() -> int:
    """Rotations that succeeded less those that the audit log tells of."""
    done = Operation.objects.filter(kind="rotate_credential", state="succeeded").count()
    return done - AuditEvent.objects.filter(action="credential.promoted").values("operation_id").distinct().count()


def _look(books: Books) -> None:
    now = clock.now()
    active = Credential.objects.filter(status="active")
    books.expired += active.filter(valid_until__lte=now).count()
    oldest = active.order_by("promoted_at").values_list("promoted_at", flat=True).first()
    assert oldest is not None
    books.oldest_days = max(books.oldest_days, (now - oldest).total_seconds() / 86_400)
