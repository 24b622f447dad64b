"""What the audit log says of wishes for services."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inventory.models import ServiceInstance
from operations import audit
from operations.models import AuditEvent
from provisioning.identities import identity_told

if TYPE_CHECKING:
    from provisioning.services import ServiceWish


def wished(service: ServiceInstance, wish: ServiceWish, *, actor: str) -> AuditEvent:
    """A service is wished for, with all that was said of it."""
    return audit.event(
        "service.requested",
        actor=actor,
        target=f"service:{service.pk}",
        workspace=service.workspace.name,
        after={
            "name": wish.name,
            "kind": wish.kind,
            "size_bytes": wish.size_bytes,
            "cast": wish.cast,
            **({"key": wish.key.uri} if wish.key else {}),
            **identity_told(wish.identity),
        },
    )
