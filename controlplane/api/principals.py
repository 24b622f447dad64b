"""Who calls: what a verified token says."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Role(StrEnum):
    """App roles, by the names that the application's registration in Entra ID gives them."""

    OPERATOR = "Operator"
    SERVICE_PROVIDER = "ServiceProvider"
    WORKSPACE_OWNER = "WorkspaceOwner"
    AUDITOR = "Auditor"
    EVENT_GRID = "AzureEventGridSecureWebhookSubscriber"  # Azure's own name for who may deliver events


@dataclass(frozen=True, slots=True)
class Principal:
    """An object of a directory (ids in lower case) and its app roles here; roles that we do not know are left out."""

    tenant_id: str
    object_id: str
    roles: frozenset[Role]

    @property
    def is_authenticated(self) -> bool:
        return True

    @property
    def pk(self) -> str:
        """Key of its rate limit."""
        return f"{self.tenant_id}/{self.object_id}"

    @property
    def actor(self) -> str:
        """Its name in operations and in the audit log."""
        return f"entra:{self.pk}"
