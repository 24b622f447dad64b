"""As whom a service signs in where only Entra may: told with the wish, kept with the service."""

from __future__ import annotations

from dataclasses import asdict

from cloud.identities import EntraPrincipal
from inventory.models import AuthMode, Database, ServiceInstance, Workspace
from inventory.states import Status
from provisioning.errors import ChangeNotSupported, IdentityNeeded, IdentityNotUsed


def check_identity(workspace: Workspace, identity: EntraPrincipal | None) -> None:
    """An identity belongs to services of workspaces in which only Entra may sign in, and to all of these.

    Raises IdentityNeeded, IdentityNotUsed.
    """
    only_entra = workspace.auth_mode == AuthMode.ENTRA_ONLY
    if only_entra and identity is None:
        raise IdentityNeeded("Only Entra may sign in here; say as which application or managed identity it does.")
    if not only_entra and identity is not None:
        raise IdentityNotUsed("Services of this workspace sign in by password; leave the identity out.")


def meet_identity(service: ServiceInstance, database: Database, identity: EntraPrincipal | None) -> None:
    """A creation that failed may be tried again with another identity: perhaps the directory did not know the first.

    Raises ChangeNotSupported for another identity of any other service.
    """
    columns = identity_columns(identity)
    if all(getattr(service, name) == value for name, value in columns.items()):
        return
    if database.status != Status.FAILED or database.ready_at is not None:
        raise ChangeNotSupported("The service exists with another identity; changing it is not supported.")
    ServiceInstance.objects.filter(pk=service.pk).update(**columns)


def identity_columns(identity: EntraPrincipal | None) -> dict[str, str]:
    """Columns of the service; empty texts where it signs in by password."""
    if identity is None:
        return dict.fromkeys(("entra_name", "entra_object_id", "entra_client_id"), "")
    return {f"entra_{name}": value for name, value in asdict(identity).items()}


def identity_told(identity: EntraPrincipal | None) -> dict[str, object]:
    """What the audit tells of it; nothing where there is none."""
    return {"identity": asdict(identity)} if identity else {}
