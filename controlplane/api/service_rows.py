"""What is shown of services: one row each, with its database, place and credentials, read in one query."""

from __future__ import annotations

from functools import lru_cache
from typing import Any

from django.db.models import FilteredRelation, Q, QuerySet

from controlplane.api.compiled import Compiled
from inventory.models import Database
from inventory.selectors import Viewer, present_databases, services_for
from rotation.names import SLOTS, Purpose

COLUMNS = (
    "service__name",
    "service__workspace__name",
    "service__kind",
    "service__created_at",
    "service__entra_name",
    "service__entra_object_id",
    "service__entra_client_id",
    "azure_name",
    "size_bytes",
    "service_tier",
    "status",
    "error_code",
    "error_message",
    "server__azure_name",
    "server__observed_endpoint",
    "pool__azure_name",
    "credential__stable_secret",
    "credential__user_name",
    "credential__valid_until",
    "service__has_cast",
    "cast__stable_secret",
    "cast__user_name",
    "cast__valid_until",
)
# Stand for the values of a request while a query is composed.
PLACES = {name: f"\ue000{name}" for name in ("tenant", "object", "workspace", "service", "after")}


def service_row(viewer: Viewer, workspace: str, service: str) -> dict[str, Any] | None:
    """The present service of that name, where the viewer may know of it."""
    rows = _one(viewer.sees_everything).rows(**_asked(viewer, workspace), service=service)
    return rows[0] if rows else None


def service_rows(viewer: Viewer, workspace: str, *, after: str, most: int) -> list[dict[str, Any]]:
    """Present services of a workspace whose names come after that one, by name."""
    return _several(viewer.sees_everything, most).rows(**_asked(viewer, workspace), after=after)


def _asked(viewer: Viewer, workspace: str) -> dict[str, str]:
    return {"tenant": viewer.tenant_id, "object": viewer.object_id, "workspace": workspace}


@lru_cache
def _one(sees_everything: bool) -> Compiled:
    return Compiled(_rows(sees_everything).filter(service__name=PLACES["service"]), PLACES)


@lru_cache
def _several(sees_everything: bool, most: int) -> Compiled:
    rows = _rows(sees_everything).filter(service__name__gt=PLACES["after"]).order_by("service__name")
    return Compiled(rows[:most], PLACES)


def _rows(sees_everything: bool) -> QuerySet[Database, dict[str, Any]]:
    viewer = Viewer(PLACES["tenant"], PLACES["object"], sees_everything=sees_everything)
    theirs = services_for(viewer).filter(workspace__name=PLACES["workspace"])
    rows: QuerySet[Database, dict[str, Any]] = (
        present_databases()
        .filter(service__in=theirs)
        .annotate(credential=_active(Purpose.SERVICE), cast=_active(Purpose.CAST))
        .values(*COLUMNS)
    )
    return rows


def _active(purpose: Purpose) -> FilteredRelation:
    """The user that is told to work for this purpose."""
    return FilteredRelation(
        "credentials", condition=Q(credentials__status="active", credentials__slot__in=SLOTS[purpose])
    )
