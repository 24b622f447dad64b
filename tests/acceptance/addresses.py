"""What stands in the address of each route, by the route's name, and names that could stand there."""

from __future__ import annotations

AZURE_NAMES = {"pool": "p-x", "server": "s-x", "database": "d-x"}  # what stands in Azure may have names of other shapes
NAMES = {
    "workspace": "cigna",
    "service": "claims",
    "stock": "eastus-fhir",
    **AZURE_NAMES,
    "region": "eastus",
    **dict.fromkeys(("plan", "move"), "0197f000-0000-7000-8000-000000000000"),
    **dict.fromkeys(
        ("operation", "receiver", "finding", "proposal", "target"),
        "0197f000-0000-7000-8000-000000000000",
    ),
}
IDS = {  # how what has such an id is called
    "operation": "Operation",
    "receiver": "Receiver",
    "finding": "Finding",
    "proposal": "Proposal",
    "target": "Resource",
    "plan": "Plan",
    "move": "Move",
    "region": "Region",
}
TAKES = {
    "workspaces": [],
    **{name: [] for name in ("subscriptions", "servers", "pools", "databases", "audit-events")},
    "workspace": ["workspace"],
    "workspace-certificate": ["workspace"],
    "services": ["workspace"],
    "service": ["workspace", "service"],
    **{f"service-{what}": ["workspace", "service"] for what in ("restore", "change", "convert", "convert-back")},
    **{
        f"service-{what}": ["workspace", "service"]
        for what in ("encryption", "enable-cmk", "change-cmk-key", "disable-cmk")
    },
    "deleted-services": ["workspace"],
    "service-credentials": ["workspace", "service"],
    "service-database": ["workspace", "service"],
    "service-credentials-acknowledge": ["workspace", "service"],
    "service-sessions": ["workspace", "service"],
    "service-emergency-rotations": ["workspace", "service"],
    "workspace-emergency-rotations": ["workspace"],
    "emergency-rotations": [],
    **{name: [] for name in ("findings", "repair-pauses")},
    **{f"finding-{verb}": ["finding"] for verb in ("repair", "accept", "remove")},
    "repair-pause": ["target"],
    "adoptions": [],
    "service-credentials-issue": ["workspace", "service"],
    "growth-proposals": ["workspace"],
    **{f"growth-proposal-{verb}": ["workspace", "proposal"] for verb in ("accept", "schedule", "dismiss")},
    "service-placement": ["workspace", "service"],
    "database-placement": ["database"],
    "load-calibration": [],
    "what-if": [],
    "pool-proposals": [],
    **{f"pool-proposal-{verb}": ["proposal"] for verb in ("approve", "dismiss")},
    "planned-moves": ["workspace"],
    **{f"planned-move-{verb}": ["workspace", "move"] for verb in ("accept", "defer", "veto")},
    **{name: [] for name in ("rebalance-plans", "rebalance-plans-compute", "rebalancing-rules")},
    **{name: ["plan"] for name in ("rebalance-plan", "rebalance-plan-approve", "rebalance-plan-reject")},
    **{name: ["region"] for name in ("rebalancing-rule", "rebalancing-rule-resume")},
    "key-vault-events": [],
    "workspace-maintenance": ["workspace"],
    "maintenance": [],
    **{name: [] for name in ("notifications", "notifications-mark-read", "receivers", "dead-letters")},
    "receiver": ["receiver"],
    **{f"receiver-{act}": ["receiver"] for act in ("pause", "resume", "test", "rotate-secret", "replay")},
    "operations": [],
    "operation": ["operation"],
    **{
        f"operation-{verb}": ["operation"]
        for verb in ("cancel", "consent", "start-now", "retry", "skip", "adopt", "abandon")
    },
    **{name: ["pool"] for name in ("pool", "pool-cordon", "pool-uncordon", "pool-resize", "pool-drain")},
    **{name: ["server"] for name in ("server-cordon", "server-uncordon")},
    "database-move": ["database"],
    "warm-stocks": [],
    **{name: ["stock"] for name in ("warm-stock", "warm-stock-resume")},
}
