from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client

from controlplane.console.display import page_address
from controlplane.console.foreign_forms import AUDITED_A_MINUTE
from operations.models import AuditEvent, Operation
from tests.fleets import Fleet


def press(client: Client, row: Any, button: str, reason: str = "as agreed on the phone") -> int:
    return client.post(page_address(type(row), "press", row.pk, button), {"reason": reason}).status_code


def last_event() -> AuditEvent:
    return AuditEvent.objects.all()[0]


def test_retry_lets_a_stuck_operation_go_on_and_names_who_did_it(console: Client, fleet: Fleet) -> None:
    assert press(console, fleet.stuck, "retry") == 302
    fleet.stuck.refresh_from_db()
    assert (fleet.stuck.state, fleet.stuck.attempt) == ("running", 0)
    event = last_event()
    assert (event.action, event.actor, event.reason) == (
        "operation.retried",
        "operator:alice",
        "as agreed on the phone",
    )


def test_retry_without_a_reason_changes_nothing(console: Client, fleet: Fleet) -> None:
    press(console, fleet.stuck, "retry", reason="  ")
    fleet.stuck.refresh_from_db()
    assert fleet.stuck.state == "needs_attention"


def test_cancel_stops_an_operation_that_has_not_yet_acted(console: Client, fleet: Fleet) -> None:
    Operation.objects.filter(pk=fleet.waiting.pk).update(step="place")
    press(console, fleet.waiting, "cancel")
    fleet.waiting.refresh_from_db()
    assert fleet.waiting.cancel_requested_at is not None
    assert (last_event().action, last_event().actor) == ("operation.cancel_requested", "operator:alice")


def test_cancel_past_the_point_of_no_return_is_refused_and_recorded(console: Client, fleet: Fleet) -> None:
    press(console, fleet.waiting, "cancel")
    fleet.waiting.refresh_from_db()
    assert fleet.waiting.cancel_requested_at is None
    event = last_event()
    assert (event.action, event.actor, event.outcome) == ("console.cancel_refused", "operator:alice", "refused")


def test_a_pool_is_closed_to_placement_and_opened_again(console: Client, fleet: Fleet) -> None:
    pool = fleet.databases[0].pool
    press(console, pool, "cordon")
    pool.refresh_from_db()
    assert pool.is_cordoned
    assert (last_event().action, last_event().target) == ("pool.cordoned", pool.key)
    press(console, pool, "uncordon")
    pool.refresh_from_db()
    assert not pool.is_cordoned
    assert (last_event().action, last_event().actor) == ("pool.uncordoned", "operator:alice")


def test_who_may_only_look_sees_no_button_and_cannot_press(client: Client, onlooker: User, fleet: Fleet) -> None:
    client.force_login(onlooker)
    page = client.get(page_address(Operation, "change", fleet.stuck.pk))
    assert page.status_code == 200
    assert not page.context_data["buttons"]
    assert press(client, fleet.stuck, "retry") == 403


@pytest.mark.parametrize("button", ["retry", "nonsense"])
def test_a_button_answers_to_no_mere_look(button: str, console: Client, fleet: Fleet) -> None:
    assert console.get(page_address(Operation, "press", fleet.stuck.pk, button)).status_code == 403
    fleet.stuck.refresh_from_db()
    assert fleet.stuck.state == "needs_attention"


def test_a_button_needs_the_token_of_our_own_page(operator: User, fleet: Fleet) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert press(client, fleet.stuck, "retry") == 403
    event = AuditEvent.objects.latest("at")
    assert (event.action, event.actor) == ("console.form_refused", f"operator:{operator.get_username()}")


def test_a_foreign_form_of_nobody_leaves_no_trace(fleet: Fleet) -> None:
    before = AuditEvent.objects.count()
    assert press(Client(enforce_csrf_checks=True), fleet.stuck, "retry") == 403
    assert AuditEvent.objects.count() == before


def test_a_flood_of_foreign_forms_is_written_down_up_to_a_rate(operator: User, fleet: Fleet) -> None:
    client = Client(enforce_csrf_checks=True)
    client.force_login(operator)
    assert {press(client, fleet.stuck, "retry") for _ in range(2 * AUDITED_A_MINUTE)} == {403}
    assert AuditEvent.objects.filter(action="console.form_refused").count() <= AUDITED_A_MINUTE
