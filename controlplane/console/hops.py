"""A database becomes another state of the table of lawful changes, in as many hops as that takes: chosen, planned, applied."""

from __future__ import annotations

from controlplane.console.planned import Choice, Field, Planned
from inventory.models import Database, ServiceInstance
from inventory.transitions import Backup, Home, Tier
from provisioning.changes.consent import Consent
from provisioning.changes.plan import Plan
from provisioning.changes.ways import Wish, plan_way, request_way

TIERS = (
    (Tier.GENERAL_PURPOSE.value, "General Purpose, in a pool"),
    (Tier.HYPERSCALE.value, "Hyperscale, on its own unless chosen below"),
)
HOMES = ((Home.POOL.value, "in a pool"), (Home.SINGLE.value, "on its own"))
ZONES = (("yes", "zone redundant"), ("no", "in one zone"))
BACKUPS = tuple((one.value, one.value) for one in Backup)


def _wish(choice: Choice) -> Wish:
    return Wish(
        tier=Tier(choice["tier"]) if "tier" in choice else None,
        home=Home(choice["home"]) if "home" in choice else None,
        zone_redundant=choice["zones"] == "yes" if "zones" in choice else None,
        backup=Backup(choice["backup"]) if "backup" in choice else None,
    )


def _service(row: Database) -> ServiceInstance:
    assert row.service is not None, "it is offered for what a service owns"
    return row.service


def _plan(row: Database, choice: Choice, *, actor: str) -> Plan:
    return plan_way(_service(row), _wish(choice), actor=actor)


def _change(row: Database, choice: Choice, *, actor: str, reason: str, consent: Consent) -> str:
    operation = request_way(_service(row), _wish(choice), actor=actor, consent=consent, reason=reason)
    return "It is so already." if operation is None else "The database is changed, hop by hop."


CHANGE = Planned(
    name="change",
    title="Change tier, zones or backups",
    permission="inventory.change_database",
    applies=lambda row: row.status == "ready" and row.service_id is not None and row.stands_in_for_id is None,
    plan=_plan,
    act=_change,
    warns="It becomes what is chosen, by the shortest lawful way.",
    icon="conversion_path",
    confirms=lambda row: row.azure_name,
    fields=(
        Field("tier", "Tier", TIERS),
        Field("home", "Compute", HOMES),
        Field("zones", "Zones", ZONES),
        Field("backup", "Backups kept", BACKUPS),
    ),
)
