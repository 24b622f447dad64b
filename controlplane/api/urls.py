"""Routes of /api/v1. The version is part of the address."""

from __future__ import annotations

from django.urls import path, re_path

from controlplane.api.adoptions import AdoptionsView
from controlplane.api.audit_events import AuditEventsView
from controlplane.api.changes import ServiceChangeView
from controlplane.api.conversions import OperationConsentView, ServiceConvertBackView, ServiceConvertView
from controlplane.api.cordons import PoolCordonView, PoolUncordonView, ServerCordonView, ServerUncordonView
from controlplane.api.credentials import AcknowledgementView, CredentialIssueView, CredentialsView
from controlplane.api.databases import ServiceDatabaseView
from controlplane.api.decisions import (
    OperationAbandonView,
    OperationAdoptView,
    OperationRetryView,
    OperationSkipView,
)
from controlplane.api.emergencies import EmergencyRotationsView, ServiceEmergencyView, WorkspaceEmergencyView
from controlplane.api.findings import (
    FindingAcceptView,
    FindingRemoveView,
    FindingRepairView,
    FindingsView,
    PausesView,
    PauseView,
)
from controlplane.api.fleet import FleetDatabasesView, PoolsView, ServersView, SubscriptionsView
from controlplane.api.growth import (
    GrowthAcceptView,
    GrowthDismissView,
    GrowthProposalsView,
    GrowthScheduleView,
)
from controlplane.api.keys import (
    ServiceChangeKeyView,
    ServiceDisableKeyView,
    ServiceEnableKeyView,
    ServiceEncryptionView,
)
from controlplane.api.maintenance import MaintenanceView, OperationStartNowView, WorkspaceMaintenanceView
from controlplane.api.moves import DatabaseMoveView
from controlplane.api.notifications import MarkReadView, NotificationsView
from controlplane.api.operations import OperationCancelView, OperationsView, OperationView
from controlplane.api.pages import DocumentView, NoSuchRouteView, PageView
from controlplane.api.placements import CalibrationView, DatabasePlacementView, ServicePlacementView
from controlplane.api.planned_moves import MoveAcceptView, MoveDeferView, MoveVetoView, PlannedMovesView
from controlplane.api.pool_proposals import PoolProposalApproveView, PoolProposalDismissView, PoolProposalsView
from controlplane.api.pools import PoolDrainView, PoolResizeView, PoolView
from controlplane.api.rebalance_plans import (
    PlanComputeView,
    RebalancePlanApproveView,
    RebalancePlanRejectView,
    RebalancePlansView,
    RebalancePlanView,
)
from controlplane.api.rebalancing_rules import RebalancingRulesView, RegionResumeView, RegionRulesView
from controlplane.api.receiver_acts import (
    DeadLettersView,
    ReceiverPauseView,
    ReceiverReplayView,
    ReceiverResumeView,
    ReceiverSecretView,
    ReceiverTestView,
)
from controlplane.api.receivers import ReceiversView, ReceiverView
from controlplane.api.restores import DeletedServicesView, ServiceRestoreView
from controlplane.api.services import ServicesView, ServiceView
from controlplane.api.sessions import SessionsView
from controlplane.api.vault_events import VaultEventsView
from controlplane.api.warm_stocks import WarmStockResumeView, WarmStocksView, WarmStockView
from controlplane.api.what_if import WhatIfView
from controlplane.api.workspaces import CertificateView, WorkspacesView, WorkspaceView

GROWTH = "v1/workspaces/<str:workspace>/growth-proposals"
MOVES = "v1/workspaces/<str:workspace>/planned-moves"
SERVICES = "v1/workspaces/<str:workspace>/services"

urlpatterns = [
    path("v1/openapi.json", DocumentView.as_view(), name="openapi"),
    path("v1/docs", PageView.as_view(), name="docs"),
    path("v1/workspaces", WorkspacesView.as_view(), name="workspaces"),
    path("v1/workspaces/<str:workspace>", WorkspaceView.as_view(), name="workspace"),
    path("v1/workspaces/<str:workspace>/certificate", CertificateView.as_view(), name="workspace-certificate"),
    path("v1/workspaces/<str:workspace>/maintenance", WorkspaceMaintenanceView.as_view(), name="workspace-maintenance"),
    path("v1/maintenance", MaintenanceView.as_view(), name="maintenance"),
    path("v1/workspaces/<str:workspace>/deleted-services", DeletedServicesView.as_view(), name="deleted-services"),
    path(SERVICES, ServicesView.as_view(), name="services"),
    path(f"{SERVICES}/<str:service>:restore", ServiceRestoreView.as_view(), name="service-restore"),
    path(f"{SERVICES}/<str:service>:change", ServiceChangeView.as_view(), name="service-change"),
    path(f"{SERVICES}/<str:service>:enable-cmk", ServiceEnableKeyView.as_view(), name="service-enable-cmk"),
    path(f"{SERVICES}/<str:service>:change-cmk-key", ServiceChangeKeyView.as_view(), name="service-change-cmk-key"),
    path(f"{SERVICES}/<str:service>:disable-cmk", ServiceDisableKeyView.as_view(), name="service-disable-cmk"),
    path(f"{SERVICES}/<str:service>/encryption", ServiceEncryptionView.as_view(), name="service-encryption"),
    path(f"{SERVICES}/<str:service>:convert", ServiceConvertView.as_view(), name="service-convert"),
    path(f"{SERVICES}/<str:service>:convert-back", ServiceConvertBackView.as_view(), name="service-convert-back"),
    path(f"{SERVICES}/<str:service>", ServiceView.as_view(), name="service"),
    path(f"{SERVICES}/<str:service>/database", ServiceDatabaseView.as_view(), name="service-database"),
    path(f"{SERVICES}/<str:service>/placement", ServicePlacementView.as_view(), name="service-placement"),
    path("v1/databases/<str:database>/placement", DatabasePlacementView.as_view(), name="database-placement"),
    path("v1/load-calibration", CalibrationView.as_view(), name="load-calibration"),
    path(f"{SERVICES}/<str:service>/credentials", CredentialsView.as_view(), name="service-credentials"),
    path(
        f"{SERVICES}/<str:service>/credentials:acknowledge",
        AcknowledgementView.as_view(),
        name="service-credentials-acknowledge",
    ),
    path(
        f"{SERVICES}/<str:service>/credentials:issue", CredentialIssueView.as_view(), name="service-credentials-issue"
    ),
    path(f"{SERVICES}/<str:service>/credentials/sessions", SessionsView.as_view(), name="service-sessions"),
    path(
        f"{SERVICES}/<str:service>/emergency-rotations",
        ServiceEmergencyView.as_view(),
        name="service-emergency-rotations",
    ),
    path(
        "v1/workspaces/<str:workspace>/emergency-rotations",
        WorkspaceEmergencyView.as_view(),
        name="workspace-emergency-rotations",
    ),
    path(GROWTH, GrowthProposalsView.as_view(), name="growth-proposals"),
    path(f"{GROWTH}/<str:proposal>:accept", GrowthAcceptView.as_view(), name="growth-proposal-accept"),
    path(f"{GROWTH}/<str:proposal>:schedule", GrowthScheduleView.as_view(), name="growth-proposal-schedule"),
    path(f"{GROWTH}/<str:proposal>:dismiss", GrowthDismissView.as_view(), name="growth-proposal-dismiss"),
    path(MOVES, PlannedMovesView.as_view(), name="planned-moves"),
    path(f"{MOVES}/<str:move>:accept", MoveAcceptView.as_view(), name="planned-move-accept"),
    path(f"{MOVES}/<str:move>:defer", MoveDeferView.as_view(), name="planned-move-defer"),
    path(f"{MOVES}/<str:move>:veto", MoveVetoView.as_view(), name="planned-move-veto"),
    path("v1/pool-proposals", PoolProposalsView.as_view(), name="pool-proposals"),
    path("v1/pool-proposals/<str:proposal>:approve", PoolProposalApproveView.as_view(), name="pool-proposal-approve"),
    path("v1/pool-proposals/<str:proposal>:dismiss", PoolProposalDismissView.as_view(), name="pool-proposal-dismiss"),
    path("v1/what-if", WhatIfView.as_view(), name="what-if"),
    path("v1/rebalance-plans:compute", PlanComputeView.as_view(), name="rebalance-plans-compute"),
    path("v1/rebalance-plans", RebalancePlansView.as_view(), name="rebalance-plans"),
    path("v1/rebalance-plans/<str:plan>:approve", RebalancePlanApproveView.as_view(), name="rebalance-plan-approve"),
    path("v1/rebalance-plans/<str:plan>:reject", RebalancePlanRejectView.as_view(), name="rebalance-plan-reject"),
    path("v1/rebalance-plans/<str:plan>", RebalancePlanView.as_view(), name="rebalance-plan"),
    path("v1/rebalancing-rules", RebalancingRulesView.as_view(), name="rebalancing-rules"),
    path("v1/rebalancing-rules/<str:region>:resume", RegionResumeView.as_view(), name="rebalancing-rule-resume"),
    path("v1/rebalancing-rules/<str:region>", RegionRulesView.as_view(), name="rebalancing-rule"),
    path("v1/emergency-rotations", EmergencyRotationsView.as_view(), name="emergency-rotations"),
    path("v1/subscriptions", SubscriptionsView.as_view(), name="subscriptions"),
    path("v1/servers", ServersView.as_view(), name="servers"),
    path("v1/pools", PoolsView.as_view(), name="pools"),
    path("v1/databases", FleetDatabasesView.as_view(), name="databases"),
    path("v1/servers/<str:server>:cordon", ServerCordonView.as_view(), name="server-cordon"),
    path("v1/servers/<str:server>:uncordon", ServerUncordonView.as_view(), name="server-uncordon"),
    path("v1/pools/<str:pool>:cordon", PoolCordonView.as_view(), name="pool-cordon"),
    path("v1/pools/<str:pool>:uncordon", PoolUncordonView.as_view(), name="pool-uncordon"),
    path("v1/pools/<str:pool>:resize", PoolResizeView.as_view(), name="pool-resize"),
    path("v1/pools/<str:pool>:drain", PoolDrainView.as_view(), name="pool-drain"),
    path("v1/pools/<str:pool>", PoolView.as_view(), name="pool"),
    path("v1/databases/<str:database>:move", DatabaseMoveView.as_view(), name="database-move"),
    path("v1/warm-stocks", WarmStocksView.as_view(), name="warm-stocks"),
    path("v1/warm-stocks/<str:stock>:resume", WarmStockResumeView.as_view(), name="warm-stock-resume"),
    path("v1/warm-stocks/<str:stock>", WarmStockView.as_view(), name="warm-stock"),
    path("v1/adoptions", AdoptionsView.as_view(), name="adoptions"),
    path("v1/findings", FindingsView.as_view(), name="findings"),
    path("v1/findings/<str:finding>:repair", FindingRepairView.as_view(), name="finding-repair"),
    path("v1/findings/<str:finding>:accept", FindingAcceptView.as_view(), name="finding-accept"),
    path("v1/findings/<str:finding>:remove", FindingRemoveView.as_view(), name="finding-remove"),
    path("v1/repair-pauses", PausesView.as_view(), name="repair-pauses"),
    path("v1/repair-pauses/<str:target>", PauseView.as_view(), name="repair-pause"),
    path("v1/webhooks/key-vault", VaultEventsView.as_view(), name="key-vault-events"),
    path("v1/notifications:mark-read", MarkReadView.as_view(), name="notifications-mark-read"),
    path("v1/notifications", NotificationsView.as_view(), name="notifications"),
    path("v1/receivers", ReceiversView.as_view(), name="receivers"),
    path("v1/receivers/<str:receiver>:pause", ReceiverPauseView.as_view(), name="receiver-pause"),
    path("v1/receivers/<str:receiver>:resume", ReceiverResumeView.as_view(), name="receiver-resume"),
    path("v1/receivers/<str:receiver>:test", ReceiverTestView.as_view(), name="receiver-test"),
    path("v1/receivers/<str:receiver>:rotate-secret", ReceiverSecretView.as_view(), name="receiver-rotate-secret"),
    path("v1/receivers/<str:receiver>:replay", ReceiverReplayView.as_view(), name="receiver-replay"),
    path("v1/receivers/<str:receiver>", ReceiverView.as_view(), name="receiver"),
    path("v1/dead-letters", DeadLettersView.as_view(), name="dead-letters"),
    path("v1/audit-events", AuditEventsView.as_view(), name="audit-events"),
    path("v1/operations", OperationsView.as_view(), name="operations"),
    path("v1/operations/<str:operation>:cancel", OperationCancelView.as_view(), name="operation-cancel"),
    path("v1/operations/<str:operation>:start-now", OperationStartNowView.as_view(), name="operation-start-now"),
    path("v1/operations/<str:operation>:consent", OperationConsentView.as_view(), name="operation-consent"),
    path("v1/operations/<str:operation>:retry", OperationRetryView.as_view(), name="operation-retry"),
    path("v1/operations/<str:operation>:skip", OperationSkipView.as_view(), name="operation-skip"),
    path("v1/operations/<str:operation>:adopt", OperationAdoptView.as_view(), name="operation-adopt"),
    path("v1/operations/<str:operation>:abandon", OperationAbandonView.as_view(), name="operation-abandon"),
    path("v1/operations/<str:operation>", OperationView.as_view(), name="operation"),
    re_path("", NoSuchRouteView.as_view(), name="no-such-route"),
]
