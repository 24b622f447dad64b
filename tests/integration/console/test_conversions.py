from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.test import Client

from controlplane.console.display import page_address
from operations import clock
from operations.models import Operation
from tests.fleets import Fleet
from tests.integration.console.test_buttons import press


def a_held_conversion(fleet: Fleet) -> Operation:
    """Copied, and waiting for its owner."""
    until = (clock.now() + timedelta(hours=20)).isoformat()
    run = {"phase": "WaitingForCutover", "state": "InProgress", "percent": 95, "expected_end_at": until}
    return Operation.objects.create(
        kind="convert_to_hyperscale",
        target_key=f"database:{uuid4()}",
        actor="operator:builder",
        state="running",
        step="await_consent",
        input={"cutover": "consent"},
        choices={"run": run, "held_until": until, "data_bytes": 3 * 2**40},
    )


def test_an_operation_shows_azure_s_phase_how_far_it_is_and_when_it_ends(console: Client, fleet: Fleet) -> None:
    row = a_held_conversion(fleet)
    page = console.get(page_address(Operation, "change", row.pk)).content.decode()
    for part in ("WaitingForCutover", "95 %", "3 TiB", "Expected end", "switches over when its owner consents"):
        assert part in page, part


def test_an_operator_consents_for_the_owner(console: Client, fleet: Fleet) -> None:
    row = a_held_conversion(fleet)
    assert press(console, row, "consent") == 302
    row.refresh_from_db()
    assert "consented_by" in row.choices
    page = console.get(page_address(Operation, "change", row.pk)).content.decode()
    assert "Consent to the switch" not in page


def test_a_way_in_hops_shows_how_many_have_arrived_and_when_it_ends(console: Client, fleet: Fleet) -> None:
    row = a_held_conversion(fleet)
    told = {"hops": 2, "done": 1, "stands": "GeneralPurpose in a pool, zone redundant, backups Geo"}
    hops = [{"kind": "move_database"}, {"kind": "convert_to_hyperscale"}]
    Operation.objects.filter(pk=row.pk).update(
        kind="change_database",
        step="await_hop",
        started_at=clock.now(),
        input={"hops": hops},
        choices={"progress": told, "done": 1},
        progress={"expected_seconds": 3600.0, "own_seconds": 3600.0},
    )
    page = console.get(page_address(Operation, "change", row.pk)).content.decode()
    for part in ("Hops done", "1 of 2", "zone redundant, backups Geo", "Expected end"):
        assert part in page, part
