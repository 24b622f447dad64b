"""Refused requests and sign-ins in the audit log."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import quote

from rest_framework.request import Request

from controlplane.api.principals import Principal
from controlplane.api.problems import Problem
from inventory.models.workspace import NAME_PATTERN
from operations import audit

LONGEST_PATH = 300
NOT_AUDITED = (404, 405, 406)  # of callers without a token: nothing was refused to anybody
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


def _workspace(context: dict[str, Any]) -> str:
    """The workspace that the address names, whether it exists or not."""
    name = str((context.get("kwargs") or {}).get("workspace", ""))
    return name if re.fullmatch(NAME_PATTERN, name) else ""
