"""Who may call what: one table. Access = role in the token ∧ membership of the workspace."""

from __future__ import annotations

from typing import cast

from rest_framework.permissions import BasePermission
from rest_framework.request import Request
from rest_framework.views import APIView

from controlplane.api.principals import Principal, Role
from inventory.selectors import Viewer

EVERY_ROLE = frozenset(Role) - {Role.EVENT_GRID}
OPERATORS = frozenset({Role.OPERATOR})
WRITERS = frozenset({Role.OPERATOR, Role.SERVICE_PROVIDER, Role.WORKSPACE_OWNER})
OWNERS = frozenset({Role.OPERATOR, Role.WORKSPACE_OWNER})
SEES_EVERYTHING = frozenset({Role.OPERATOR, Role.AUDITOR})  # the others see the workspaces that they are members of

# (name of the route, method) → roles. HEAD follows GET, a webhook's OPTIONS its POST. What is not here is nobody's.
RULES: dict[tuple[str, str], frozenset[Role]] = {
    ("workspaces", "GET"): EVERY_ROLE,
    ("workspace", "GET"): EVERY_ROLE,
    ("workspace", "PUT"): OPERATORS,
    ("workspace", "DELETE"): OPERATORS,
    ("workspace-certificate", "GET"): SEES_EVERYTHING,  # its members are no members any more
    ("workspace-maintenance", "GET"): EVERY_ROLE,
    ("workspace-maintenance", "PUT"): OWNERS,
    ("maintenance", "GET"): SEES_EVERYTHING,
    ("maintenance", "PUT"): OPERATORS,
    ("services", "GET"): EVERY_ROLE,
    ("service", "GET"): EVERY_ROLE,
    ("service", "PUT"): WRITERS,
    ("service", "DELETE"): WRITERS,
    ("service-restore", "POST"): WRITERS,
    ("service-change", "POST"): OWNERS,
    ("service-convert", "POST"): OWNERS,
    ("service-encryption", "GET"): EVERY_ROLE,
    ("service-enable-cmk", "POST"): OWNERS,
    ("service-change-cmk-key", "POST"): OWNERS,
    ("service-disable-cmk", "POST"): OWNERS,
    ("service-convert-back", "POST"): OWNERS,
    ("service-database", "GET"): EVERY_ROLE,
    ("service-credentials", "GET"): EVERY_ROLE,
    ("service-credentials-acknowledge", "POST"): WRITERS,
    ("service-credentials-issue", "POST"): OPERATORS,
    ("service-sessions", "GET"): OWNERS,
    ("service-sessions", "POST"): OWNERS,
    ("service-emergency-rotations", "POST"): OWNERS,
    ("workspace-emergency-rotations", "POST"): OWNERS,
    ("emergency-rotations", "POST"): OPERATORS,
    ("growth-proposals", "GET"): EVERY_ROLE,
    ("growth-proposal-accept", "POST"): WRITERS,
    ("growth-proposal-schedule", "POST"): WRITERS,
    ("growth-proposal-dismiss", "POST"): WRITERS,
    ("service-placement", "GET"): EVERY_ROLE,
    ("database-placement", "GET"): SEES_EVERYTHING,
    ("load-calibration", "GET"): SEES_EVERYTHING,
    ("planned-moves", "GET"): EVERY_ROLE,
    ("planned-move-accept", "POST"): OWNERS,
    ("planned-move-defer", "POST"): OWNERS,
    ("planned-move-veto", "POST"): OWNERS,
    ("rebalance-plans", "GET"): SEES_EVERYTHING,
    ("rebalance-plans-compute", "POST"): OPERATORS,
    ("rebalance-plan", "GET"): SEES_EVERYTHING,
    ("rebalance-plan-approve", "POST"): OPERATORS,
    ("rebalance-plan-reject", "POST"): OPERATORS,
    ("rebalancing-rules", "GET"): SEES_EVERYTHING,
    ("rebalancing-rule", "GET"): SEES_EVERYTHING,
    ("rebalancing-rule", "PUT"): OPERATORS,
    ("rebalancing-rule-resume", "POST"): OPERATORS,
    ("what-if", "POST"): OPERATORS,
    ("pool-proposals", "GET"): SEES_EVERYTHING,
    ("pool-proposal-approve", "POST"): OPERATORS,
    ("pool-proposal-dismiss", "POST"): OPERATORS,
    ("deleted-services", "GET"): EVERY_ROLE,
    ("subscriptions", "GET"): SEES_EVERYTHING,
    ("servers", "GET"): SEES_EVERYTHING,
    ("pools", "GET"): SEES_EVERYTHING,
    ("databases", "GET"): SEES_EVERYTHING,
    ("server-cordon", "POST"): OPERATORS,
    ("server-uncordon", "POST"): OPERATORS,
    ("pool", "GET"): SEES_EVERYTHING,
    ("pool", "DELETE"): OPERATORS,
    ("pool-cordon", "POST"): OPERATORS,
    ("pool-uncordon", "POST"): OPERATORS,
    ("pool-resize", "POST"): OPERATORS,
    ("pool-drain", "POST"): OPERATORS,
    ("database-move", "POST"): OPERATORS,
    ("warm-stocks", "GET"): SEES_EVERYTHING,
    ("warm-stock", "GET"): SEES_EVERYTHING,
    ("warm-stock", "PUT"): OPERATORS,
    ("warm-stock", "DELETE"): OPERATORS,
    ("warm-stock-resume", "POST"): OPERATORS,
    ("adoptions", "POST"): OPERATORS,
    ("findings", "GET"): SEES_EVERYTHING,
    ("finding-repair", "POST"): OPERATORS,
    ("finding-accept", "POST"): OPERATORS,
    ("finding-remove", "POST"): OPERATORS,
    ("repair-pauses", "GET"): SEES_EVERYTHING,
    ("repair-pause", "PUT"): OPERATORS,
    ("repair-pause", "DELETE"): OPERATORS,
    ("key-vault-events", "POST"): frozenset({Role.EVENT_GRID}),
    ("notifications", "GET"): EVERY_ROLE,
    ("notifications-mark-read", "POST"): EVERY_ROLE,
    ("receivers", "GET"): EVERY_ROLE,
    ("receivers", "POST"): OWNERS,
    ("receiver", "GET"): EVERY_ROLE,
    ("receiver", "DELETE"): OWNERS,
    ("receiver-pause", "POST"): OWNERS,
    ("receiver-resume", "POST"): OWNERS,
    ("receiver-test", "POST"): OWNERS,
    ("receiver-rotate-secret", "POST"): OWNERS,
    ("receiver-replay", "POST"): OPERATORS,
    ("dead-letters", "GET"): EVERY_ROLE,
    ("audit-events", "GET"): EVERY_ROLE,
    ("operations", "GET"): EVERY_ROLE,
    ("operation", "GET"): EVERY_ROLE,
    ("operation-cancel", "POST"): WRITERS,
    ("operation-start-now", "POST"): OWNERS,
    ("operation-consent", "POST"): OWNERS,
    ("operation-retry", "POST"): OPERATORS,
    ("operation-skip", "POST"): OPERATORS,
    ("operation-adopt", "POST"): OPERATORS,
    ("operation-abandon", "POST"): OPERATORS,
}
# Routes that ask for no token of a directory: they tell nothing of any workspace. Figures have a rule of their own.
PROBES = frozenset({("healthz", "GET"), ("readyz", "GET"), ("metrics", "GET")})
OPEN = PROBES | {("openapi", "GET"), ("docs", "GET"), ("no-such-route", "GET")}


class ByTheTable(BasePermission):
    """Lets a request pass whose principal has a role that the table names."""

    message = "The token has no role that may do this."

    def has_permission(self, request: Request, view: APIView) -> bool:
        """True also for methods that the view does not know, so that they are answered 405."""
        return not knows(view, request) or bool(granting_roles(request))


def knows(view: APIView, request: Request) -> bool:
    """True where the view answers this method."""
    method = str(request.method).lower()
    return method in view.http_method_names and hasattr(view, method)


def principal_of(request: Request) -> Principal:
    """Who has signed in."""
    return cast(Principal, request.user)


def granting_roles(request: Request) -> frozenset[Role]:
    """The caller's roles by which the request is allowed; none: it is not."""
    match = request.resolver_match
    method = {"HEAD": "GET", "OPTIONS": "POST"}.get(str(request.method), str(request.method))
    allowed = RULES.get((str(match.url_name) if match else "", method), frozenset())
    return principal_of(request).roles & allowed


def viewer_of(request: Request) -> Viewer:
    """The caller as selectors know them. A role that does not grant this request widens nothing."""
    principal = principal_of(request)
    wide = bool(granting_roles(request) & SEES_EVERYTHING)
    return Viewer(tenant_id=principal.tenant_id, object_id=principal.object_id, sees_everything=wide)
