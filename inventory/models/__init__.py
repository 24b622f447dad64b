"""Desired columns say what we want, observed ones what a look at Azure showed. `observed_at` empty: never seen, which is
not absent."""

from inventory.models.database import Database
from inventory.models.elastic_pool import ElasticPool
from inventory.models.identity import WorkspaceIdentity
from inventory.models.maintenance import Freeze, MaintenanceWindow
from inventory.models.server import SqlServer
from inventory.models.service import ServiceInstance
from inventory.models.subscription import Region, Subscription
from inventory.models.workspace import AuthMode, Member, Workspace

__all__ = [
    "AuthMode",
    "Database",
    "ElasticPool",
    "Freeze",
    "MaintenanceWindow",
    "Member",
    "Region",
    "ServiceInstance",
    "SqlServer",
    "Subscription",
    "Workspace",
    "WorkspaceIdentity",
]
