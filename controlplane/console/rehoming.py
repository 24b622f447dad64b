"""The page on which an operator moves a database to another server: choose it, read the plan, apply that plan and no other."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied, ValidationError
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse

from controlplane.console.buttons import LONGEST_REASON, actor_of
from controlplane.console.display import row_address
from controlplane.console.plan_words import groups_of, notices_of
from inventory.models import Database, ElasticPool, SqlServer
from inventory.states import Status
from operations import audit
from operations.errors import OperationRefused
from provisioning.changes.consent import Consent
from provisioning.changes.rehoming import Destination, plan_rehoming, request_rehoming
from provisioning.errors import WishRefused

PERMISSION = "inventory.change_database"
TITLE = "Move to another server"


def may_rehome(request: HttpRequest, row: Database) -> bool:
    """Whether the page is offered: to who may change databases, for one that stands."""
    stands = row.status == Status.READY and row.server_id is not None and row.stands_in_for_id is None
    return bool(request.user.has_perm(PERMISSION)) and stands


def rehome_page(request: HttpRequest, row: Database, site: Any) -> HttpResponse:
    """GET: the places it may go to, and the plan for the one that was chosen. POST: that plan is applied, or what has become
    of it is shown. Raises PermissionDenied."""
    if not may_rehome(request, row):
        raise PermissionDenied
    chosen = _chosen(row, request.POST or request.GET)
    if request.method == "POST" and chosen is not None and _applied(request, row, chosen):
        return HttpResponseRedirect(row_address(row))
    plan = plan_rehoming(row, chosen, actor=actor_of(request), reason="a look at the plan") if chosen else None
    context = {
        **site.each_context(request),
        "title": TITLE,
        "row": row,
        "back": row_address(row),
        "places": _places(row),
        "chosen": chosen and _value(chosen),
        "plan": plan,
        "choice": {"place": _value(chosen)} if chosen else {},
        "notices": notices_of(plan) if plan else [],
        "groups": groups_of(plan) if plan else [],
        "typed": row.azure_name,
    }
    request.current_app = site.name  # read by the url tag
    return TemplateResponse(request, "console/rehome.html", context)


def _applied(request: HttpRequest, row: Database, destination: Destination) -> bool:
    """Request what was seen; False where it was not confirmed, or is refused, which the operator is told."""
    sent = request.POST
    reason, actor = sent.get("reason", "").strip()[:LONGEST_REASON], actor_of(request)
    if not reason or sent.get("confirm", "").strip() != row.azure_name or not sent.get("hash"):
        messages.error(request, f"Nothing was done. Give a reason, and type {row.azure_name} to confirm.")
        return False
    try:
        request_rehoming(row, destination, actor=actor, reason=reason, consent=Consent(sent["hash"]))
    except (WishRefused, OperationRefused) as refusal:
        audit.record("console.rehome_refused", actor=actor, target=row.key, outcome="refused", reason=str(refusal))
        messages.error(request, f"It was refused: {refusal}")
        return False
    messages.success(request, f"The database moves to {destination.server}.")
    return True


def _servers(row: Database) -> QuerySet[SqlServer]:
    """Ready ones that are open, beside its own: same region, subscription and sign-in."""
    here = row.server
    assert here is not None, "it is offered for what stands on a server"
    alike = {"region": here.region_id, "subscription": here.subscription_id, "auth_mode": here.auth_mode}
    return SqlServer.objects.filter(status=Status.READY, is_cordoned=False, **alike).exclude(pk=here.pk)


def _places(row: Database) -> list[tuple[str, str]]:
    """What can be chosen, as (value, words): each server, and for a pooled database each pool of its tier there."""
    places = []
    for server in _servers(row).order_by("azure_name"):
        places.append((str(server.pk), f"{server}: wherever it fits best"))
        if row.pool_id is not None:
            places += [(f"{server.pk}/{pool.pk}", f"{server}: {_pool(pool)}") for pool in _pools(row, server)]
    return places


def _pools(row: Database, server: SqlServer) -> QuerySet[ElasticPool]:
    pools = server.pools.filter(status=Status.READY, is_cordoned=False, service_tier=row.service_tier)
    return pools.order_by("azure_name")


def _pool(pool: ElasticPool) -> str:
    return f"pool {pool}, {pool.vcores} vCores, {pool.databases_committed} databases"


def _chosen(row: Database, sent: Any) -> Destination | None:
    """The place that was chosen, where it is one of those offered."""
    server_id, _, pool_id = sent.get("place", "").partition("/")
    try:
        server = _servers(row).filter(pk=server_id).first() if server_id else None
        pool = _pools(row, server).filter(pk=pool_id).first() if server and pool_id else None
    except ValidationError:
        return None
    return Destination(server, pool) if server and (pool or not pool_id) else None


def _value(chosen: Destination) -> str:
    return f"{chosen.server.pk}/{chosen.pool.pk}" if chosen.pool else str(chosen.server.pk)
