"""Refused requests and sign-ins in the audit log."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from rest_framework.request import Request

from controlplane.api.principals import Principal
from controlplane.api.problems import Problem
from inventory.models import Database
from inventory.models.workspace import NAME_PATTERN
from notifications.services import tell as notify
from operations import audit
from provisioning.changes.consent import DisruptionNotAccepted, PlanChanged
from provisioning.errors import WishRefused

LONGEST_PATH = 300
NOT_AUDITED = (404, 405, 406)  # of callers without a token: nothing was refused to anybody
CONFLICT = 409
TOO_MANY = 429


def record(problem: Problem, context: dict[str, Any]) -> None:
    """Append the refusal. A flood is stopped by rate limits first, and what those answer is not recorded."""
    request: Request = context["request"]
    principal = request.user if isinstance(request.user, Principal) else None
    if problem.status == TOO_MANY or (principal is None and problem.status in NOT_AUDITED):
        return
    audit.record(
        "api.refused" if principal else "api.sign_in_refused",
        actor=principal.actor if principal else "anonymous",
        target=quote(request.path)[:LONGEST_PATH],
        workspace=_workspace(context),
        outcome="refused",
        after={
            "method": request.method,
            "status": problem.status,
            "code": problem.code,
            "source": request.META.get("REMOTE_ADDR", ""),
        },
        reason=problem.message[:LONGEST_PATH],
    )


def tell(error: Exception, problem: Problem, context: dict[str, Any]) -> None:
    """Let the workspace's people know that a change which somebody wished for was refused, their own wish or an operator's for
    a database of theirs; what was only asked, or wrongly put, tells nobody."""
    request: Request = context["request"]
    only_asked = request.method in ("GET", "HEAD") or request.query_params.get("dryRun") == "true"
    is_question = isinstance(error, DisruptionNotAccepted | PlanChanged)  # is this plan all right?
    is_refusal = isinstance(error, WishRefused) and not is_question
    if only_asked or not is_refusal or problem.status != CONFLICT:
        return
    workspace = _workspace(context) or _owner(context)
    if not workspace:
        return
    facts = {"kind": f"{request.method} {quote(request.path)[:LONGEST_PATH]}", "code": problem.code}
    target = f"workspace:{workspace}"
    notify(
        "change.refused", target=target, workspace=workspace, facts={**facts, "reason": problem.message[:LONGEST_PATH]}
    )


def _owner(context: dict[str, Any]) -> str:
    """The workspace whose database the address names."""
    name = (context.get("kwargs") or {}).get("database")
    rows = Database.objects.filter(azure_name=name, stands_in_for=None, service__isnull=False) if name else None
    row = rows.select_related("service__workspace").first() if rows is not None else None
    return row.service.workspace.name if row and row.service else ""


def _workspace(context: dict[str, Any]) -> str:
    """The workspace that the address names, whether it exists or not."""
    name = str((context.get("kwargs") or {}).get("workspace", ""))
    return name if re.fullmatch(NAME_PATTERN, name) else ""
