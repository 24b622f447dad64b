"""Who may do what: role × method × route × membership, generated from the URL table."""

from __future__ import annotations

import json

import pytest
from django.urls import reverse

from controlplane.api.access import OPEN, RULES
from controlplane.api.principals import Role
from inventory.models import Database, Workspace
from inventory.states import Status
from operations import clock
from operations.models import AuditEvent
from operations.services import submit
from tests.acceptance.callers import Directory
from tests.acceptance.expected import EXPECTED
from tests.acceptance.kept import kept_as_wanted, spread
from tests.acceptance.routes import Route, all_routes, guarded_routes
from tests.acceptance.tables import contents
from tests.builders import (
    GIB,
    a_credential,
    a_database,
    a_deleted_service,
    a_pool,
    a_region,
    a_server,
    a_service,
    a_workspace,
)
from tests.notifying import a_receiver_with_a_dead_letter
from tests.warming import a_stock

pytestmark = pytest.mark.django_db

VERBS = ("start-now", "retry", "skip", "adopt", "abandon")
HELD = {"cutover": "consent"}
SUBSCRIPTION = "00000000-0000-0000-0000-0000000000ff"
KEY = "https://customer.vault.azure.net/keys/one/0123456789abcdef0123456789abcdef"
SECRET = {"ObjectName": "x", "Version": "1", "VaultName": "v"}
BODIES = {
    "PUT workspace": {"properties": {"region": "eastus"}},
    "PUT service": {"properties": {"kind": "fhir", "sizeGb": 100}},
    **{f"PUT {name}": {"properties": {"windows": []}} for name in ("workspace-maintenance", "maintenance")},
    "POST service-change": {"backupRedundancy": "Zone"},
    **{f"POST service-{what}": {"keyUri": KEY} for what in ("enable-cmk", "change-cmk-key")},
    "POST service-convert-back": {"acceptDisruption": True},
    "POST service-credentials-acknowledge": {"secretVersion": "2"},
    "POST service-emergency-rotations": {"reason": "Because."},
    "POST workspace-emergency-rotations": {"reason": "Because."},
    "POST emergency-rotations": {"scope": "everything", "reason": "Because."},
    "POST key-vault-events": {"id": "1", "type": "Microsoft.KeyVault.SecretNewVersionCreated", "data": SECRET},
    **{f"POST operation-{decision}": {"reason": "Because."} for decision in VERBS},
    **{
        f"POST {place}-{verb}": {"reason": "Because."}
        for place in ("server", "pool")
        for verb in ("cordon", "uncordon")
    },
    "POST pool-resize": {"vcores": 16},
    "POST pool-drain": {"reason": "Because."},
    "POST database-move": {"reason": "Because.", "acceptDisruption": True},
    **{f"POST finding-{verb}": {"reason": "Because."} for verb in ("repair", "accept", "remove")},
    "PUT repair-pause": {"reason": "Because."},
    "POST adoptions": {"subscriptionId": SUBSCRIPTION, "resourceGroup": "sql", "reason": "Because."},
    "POST service-credentials-issue": {"reason": "Because."},
    "PUT warm-stock": {"properties": {"region": "eastus", "kind": "fhir", "sizeGb": 100, "most": 3}},
    "POST warm-stock-resume": {"reason": "Because."},
    "POST growth-proposal-accept": {"acceptDisruption": True},
    "POST growth-proposal-schedule": {"dueAt": "2999-01-01T00:00:00Z"},
    "POST growth-proposal-dismiss": {"reason": "Because."},
    "POST planned-move-defer": {"until": "2999-01-01T00:00:00Z"},
    "POST planned-move-veto": {"reason": "Because."},
    "POST rebalance-plans-compute": {"region": "westeurope"},
    "POST what-if": {"pricesPercent": 10},
    "POST pool-proposal-approve": {"reason": "Because.", "acceptDisruption": True},
    "POST pool-proposal-dismiss": {"reason": "Because."},
    **{f"POST rebalance-plan-{verb}": {"reason": "Because."} for verb in ("approve", "reject")},
    "PUT rebalancing-rule": {"mode": "act"},
    "POST rebalancing-rule-resume": {"reason": "Because."},
}
BODIES |= {f"POST receiver-{act}": {"reason": "Because."} for act in ("rotate-secret", "replay")}
BODIES["POST receivers"] = {"workspace": "cigna", "channel": "webhook", "address": "https://hooks.example.com/x"}
BODIES["POST notifications-mark-read"] = {}
CALLERS_BODIES = [name for name in BODIES if name != "POST key-vault-events"]  # whose documents Azure shapes
DECISIONS = ("operation-retry", "operation-skip", "operation-adopt", "operation-abandon")  # of what needs attention
REFUSED_HERE = {  # whoever asks
    "workspace-certificate": (404, "CertificateNotFound"),
    "service-credentials-issue": (404, "DatabaseNotFound"),  # it is being made
    "adoptions": (409, "UnknownSubscription"),
    "planned-move-defer": (409, "DeferralTooLong"),
}
POOLS = ("pool", "pool-cordon", "pool-uncordon", "pool-resize", "pool-drain")
SERVERS = ("server-cordon", "server-uncordon")
NOTHING_TO_DECIDE = {
    **dict.fromkeys(DECISIONS, "NoAttentionNeeded"),
    "operation-start-now": "NotWaitingForWindow",
}
STOCK = ("warm-stock", "warm-stock-resume")
OF_NOTHING = (
    "load-calibration",
    "what-if",
    "rebalance-plans-compute",
    "emergency-rotations",
    "key-vault-events",
    "maintenance",
    "notifications-mark-read",
)
KEPT = ("finding-repair", "finding-accept", "finding-remove", "repair-pause")
SPREADING = (
    *("rebalance-plan", "rebalance-plan-approve", "rebalance-plan-reject"),
    *("rebalancing-rule", "rebalancing-rule-resume", "pool-proposal-approve", "pool-proposal-dismiss"),
)
PLATFORM_WIDE = (
    *OF_NOTHING,
    "database-move",
    "database-placement",
    *POOLS,
    *SERVERS,
    *KEPT,
    *SPREADING,
    *STOCK,
)  # of no workspace
FLEET = ("subscriptions", "servers", "pools", "databases")
WITHOUT_WORKSPACE = (
    "workspaces",
    "operations",
    "audit-events",
    "notifications",
    "dead-letters",
    *FLEET,
    "findings",
    "repair-pauses",
    "warm-stocks",
    "rebalance-plans",
    "rebalancing-rules",
    "pool-proposals",
)  # lists: they show what one may see, and hide the rest
OF_THE_PLATFORM = (*WITHOUT_WORKSPACE, *OF_NOTHING, "receivers")
OF_A_WORKSPACE = (
    *("workspace", "workspace-certificate", "services", "deleted-services", "workspace-emergency-rotations"),
    "workspace-maintenance",
)
OF_A_SERVICE = (
    *(
        "service",
        "service-placement",
        "service-database",
        "service-encryption",
        "service-credentials",
        "service-credentials-acknowledge",
        "service-sessions",
    ),
    "service-emergency-rotations",
)
OF_AN_OPERATION = ("operation", "operation-cancel", "operation-start-now", *DECISIONS)
OF_A_RECEIVER = ("receiver", *(f"receiver-{act}" for act in ("pause", "resume", "test", "rotate-secret", "replay")))


def prepared() -> dict[str, str]:
    """Addresses by route name, in a workspace where each request would succeed."""
    workspace = a_workspace("cigna", a_region("eastus"))
    database = a_database(a_service(workspace, "claims"), size_bytes=100 * 2**30, status=Status.CREATING)
    operation = submit("create_database", target=database.key, actor="test", workspace="cigna")
    pool, moving, stock = a_pool(), a_database_that_may_move(workspace), a_stock(workspace.region)
    a_credential(database)
    a_deleted_service(workspace, "gone")
    receiver = a_receiver_with_a_dead_letter(workspace)
    return {
        **conversions(workspace),
        **kept_as_wanted(moving),
        **spread(moving),
        **{name: reverse(name) for name in OF_THE_PLATFORM},
        **{name: reverse(name, args=["cigna"]) for name in OF_A_WORKSPACE},
        **{name: reverse(name, args=["cigna", "claims"]) for name in OF_A_SERVICE},
        "service-restore": reverse("service-restore", args=["cigna", "gone"]),
        **{name: reverse(name, args=[operation.pk]) for name in OF_AN_OPERATION},
        **{name: reverse(name, args=[receiver.pk]) for name in OF_A_RECEIVER},
        **{name: reverse(name, args=[pool.azure_name]) for name in POOLS},
        **{name: reverse(name, args=[pool.server.azure_name]) for name in SERVERS},
        **{name: reverse(name, args=[stock.name]) for name in STOCK},
        **{name: reverse(name, args=[moving.azure_name]) for name in ("database-move", "database-placement")},
    }


def conversions(workspace: Workspace) -> dict[str, str]:
    """A service to convert, one to take back, and a conversion that waits for consent."""
    a_database(a_service(workspace, "standing"), server=a_server(), status=Status.READY)
    a_database(a_service(workspace, "open"), server=a_server(), status=Status.READY)
    for name in ("keyed", "locked"):
        a_database(a_service(workspace, name), server=a_server(), status=Status.READY, key_uri=KEY[:-1] + "0")
    hyperscale = {"service_tier": "Hyperscale", "vcores": 4, "converted_at": clock.now()}
    a_database(a_service(workspace, "converted"), server=a_server(), status=Status.READY, **hyperscale)
    held = a_database(a_service(workspace, "converting"), server=a_server(), status=Status.UPDATING)
    converting = submit("convert_to_hyperscale", target=held.key, actor="test", workspace="cigna", wish=HELD)
    return {
        "service-enable-cmk": reverse("service-enable-cmk", args=["cigna", "open"]),
        "service-change-cmk-key": reverse("service-change-cmk-key", args=["cigna", "keyed"]),
        "service-disable-cmk": reverse("service-disable-cmk", args=["cigna", "locked"]),
        "service-change": reverse("service-change", args=["cigna", "moving"]),
        "service-convert": reverse("service-convert", args=["cigna", "standing"]),
        "service-convert-back": reverse("service-convert-back", args=["cigna", "converted"]),
        "operation-consent": reverse("operation-consent", args=[converting.pk]),
    }


def a_database_that_may_move(workspace: Workspace) -> Database:
    """It stands in one of two pools of a server."""
    server = a_server(workspace.region, databases_committed=1, vcores_committed=16)
    pool = a_pool(server, databases_committed=1, bytes_committed=GIB, vcores_demanded=0.5)
    a_pool(server)
    place = {"server": server, "pool": pool, "holds_room": True, "status": Status.READY}
    return a_database(a_service(workspace, "moving"), size_bytes=GIB, vcores_demanded=0.5, **place)


def asked(client, route: Route, address: str):
    document = BODIES.get(str(route))
    content = {"data": json.dumps(document), "content_type": "application/json"} if document else {}
    return client.generic(route.method, address, **content)


def test_every_route_and_method_has_a_rule_and_every_rule_a_route():
    table = {(route.name, route.method) for route in all_routes()}
    assert table - OPEN == set(RULES)
    assert {f"{method} {name}": set(roles) for (name, method), roles in RULES.items()} == {
        key: set(roles.split()) for key, roles in EXPECTED.items()
    }


@pytest.mark.parametrize("membership", ["member", "stranger"])
@pytest.mark.parametrize("role", [*Role, None], ids=lambda role: str(role or "no role"))
@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_access_is_role_and_membership(route: Route, role: Role | None, membership: str, directory: Directory):
    addresses = prepared()
    place = Workspace.objects.get() if membership == "member" else None
    client = directory.caller("somebody", *([role] if role else []), member_of=place)
    before = contents()
    answer = asked(client, route, addresses[route.name])

    granted = role is not None and role in EXPECTED[str(route)].split()
    sees = membership == "member" or role in (Role.OPERATOR, Role.AUDITOR)
    if not granted:
        assert (answer.status_code, answer["x-ms-error-code"]) == (403, "AuthorizationFailed")
    elif route.name in WITHOUT_WORKSPACE or str(route) == "GET receivers":
        assert answer.status_code == 200
        assert bool(answer.json()["value"]) == sees
    elif route.name in PLATFORM_WIDE:
        assert answer.status_code in (200, 202, 204)
    elif not sees:
        assert answer.status_code == 404
        assert answer["x-ms-error-code"] in ("WorkspaceNotFound", "OperationNotFound", "ReceiverNotFound")
    elif route.name in REFUSED_HERE:
        assert (answer.status_code, answer["x-ms-error-code"]) == REFUSED_HERE[route.name]
    elif route.name in NOTHING_TO_DECIDE:
        assert (answer.status_code, answer["x-ms-error-code"]) == (409, NOTHING_TO_DECIDE[route.name])
    else:
        assert 200 <= answer.status_code < 300, answer.content
    if answer.status_code >= 400:
        assert contents() == before
        assert AuditEvent.objects.filter(action="api.refused", outcome="refused").count() == 1


def test_a_role_that_only_reads_widens_nothing_for_one_that_writes(directory: Directory):
    addresses = prepared()
    both = directory.caller("both", Role.AUDITOR, Role.WORKSPACE_OWNER)
    assert both.get(addresses["service"]).status_code == 200
    assert both.delete(addresses["service"]).status_code == 404


@pytest.mark.parametrize("route", guarded_routes(), ids=str)
def test_without_a_token_nothing_is_told(route: Route, directory: Directory, client):
    addresses = prepared()
    before = contents()
    answer = client.generic(route.method, addresses[route.name])
    assert (answer.status_code, answer["x-ms-error-code"]) == (401, "AuthenticationFailed")
    assert answer["WWW-Authenticate"].startswith("Bearer ")
    assert contents() == before
    assert AuditEvent.objects.filter(action="api.sign_in_refused", outcome="refused").count() == 1


def test_a_foreign_workspace_and_an_absent_one_are_answered_alike(directory: Directory):
    prepared()
    stranger = directory.caller("stranger", Role.WORKSPACE_OWNER)
    foreign = stranger.get("/api/v1/workspaces/cigna")
    absent = stranger.get("/api/v1/workspaces/nowhere")
    assert (foreign.status_code, foreign.content) == (absent.status_code, absent.content)
    listed = stranger.get("/api/v1/operations?workspace=cigna")
    assert (listed.status_code, listed["x-ms-error-code"]) == (404, "WorkspaceNotFound")
