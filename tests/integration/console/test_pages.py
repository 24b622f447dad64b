from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django_celery_beat.models import IntervalSchedule, PeriodicTask

from controlplane.console.display import page_address, row_address
from operations.models import AuditEvent, Operation
from tests.fleets import Fleet, a_fleet
from tests.integration.console import addresses


def queries_of(client: Client, address: str) -> int:
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert client.get(address).status_code == 200
    return len(queries)


def test_every_page_opens_for_an_operator(console: Client, fleet: Fleet) -> None:
    PeriodicTask.objects.create(
        name="sweep", task="x", interval=IntervalSchedule.objects.create(every=5, period="seconds")
    )
    assert {address: console.get(address).status_code for address in addresses.all_pages()} == dict.fromkeys(
        addresses.all_pages(), 200
    )


def test_every_list_says_what_it_means_to_be_empty(console: Client) -> None:
    for address in addresses.lists():
        assert "c-empty" in console.get(address).content.decode(), address


def test_every_page_sends_strangers_to_the_sign_in(client: Client, fleet: Fleet) -> None:
    for address in addresses.all_pages():
        answer = client.get(address)
        assert (answer.status_code, answer.url.partition("?")[0]) == (302, reverse("console:login"))


def test_no_page_opens_for_users_who_are_no_operators(client: Client, fleet: Fleet) -> None:
    client.force_login(User.objects.create_user("carol"))
    for address in addresses.all_pages():
        assert client.get(address).status_code == 302


def test_staff_without_the_right_to_see_are_refused(client: Client, fleet: Fleet) -> None:
    client.force_login(User.objects.create_user("dave", is_staff=True))
    for address in addresses.all_pages():
        assert client.get(address).status_code == 302


@pytest.mark.parametrize("page", ["add", "change", "delete"])
def test_nobody_edits_a_row_by_a_form(page: str, console: Client, fleet: Fleet) -> None:
    for model in addresses.models():
        row = model._default_manager.first()
        if row is None and page != "add":
            continue
        address = page_address(model, page, *(() if page == "add" else (row.pk,)))
        before = list(model._default_manager.values())
        assert console.post(address, {"post": "yes", "name": "x"}).status_code == 403
        assert list(model._default_manager.values()) == before


def test_lists_take_no_bulk_actions(console: Client, fleet: Fleet) -> None:
    for address in addresses.lists():
        answer = console.post(address, {"action": "delete_selected", "_selected_action": "1", "post": "yes"})
        assert answer.status_code == 403


def test_home_asks_few_questions_whatever_the_fleet(console: Client) -> None:
    a_fleet(databases=200)
    assert queries_of(console, reverse("console:index")) <= 30


def test_lists_ask_no_question_for_each_row(console: Client) -> None:
    a_fleet(databases=60)
    for address in addresses.lists():
        assert queries_of(console, address) <= 12, address


def test_the_first_page_names_the_stuck_operation_and_its_reason(console: Client, fleet: Fleet) -> None:
    page = console.get(reverse("console:index")).content.decode()
    assert "Somebody is needed" in page
    assert row_address(fleet.stuck) in page
    assert "Azure refused three generated passwords" in page
    assert page.index(row_address(fleet.stuck)) < page.index(row_address(fleet.waiting))
    assert row_address(fleet.unseen) in page
    assert row_address(fleet.failed_pool) in page


def test_the_first_page_is_calm_when_nothing_is_wrong(console: Client) -> None:
    page = console.get(reverse("console:index")).content.decode()
    assert "Nothing needs you" in page
    assert "Somebody is needed" not in page


def test_operations_that_need_somebody_come_first(console: Client, fleet: Fleet) -> None:
    rows = console.get(page_address(Operation, "changelist")).context_data["cl"].result_list
    assert [row.pk for row in rows] == [fleet.stuck.pk, fleet.waiting.pk]


def test_operations_are_found_by_what_they_do(console: Client, fleet: Fleet) -> None:
    found = {
        show: len(console.get(page_address(Operation, "changelist"), {"show": show}).context_data["cl"].result_list)
        for show in ("attention", "waiting", "due", "retrying", "failed", "finished", "all")
    }
    assert found == {
        "attention": 1,
        "waiting": 1,
        "due": 0,
        "retrying": 0,
        "failed": 0,
        "finished": 8,
        "all": 10,
    }


def test_an_operation_shows_its_steps_and_what_went_wrong(console: Client, fleet: Fleet) -> None:
    page = console.get(row_address(fleet.stuck)).content.decode()
    assert "PasswordRejected" in page
    history = page[page.index('id="history"') :]
    assert re.findall(r"<td>(\w+)</td>", history)[0] == "create_user"
    assert "stage_password" in history


def test_a_row_that_is_gone_leads_back_to_the_list(console: Client, fleet: Fleet) -> None:
    for address in (page_address(Operation, "change", fleet.failed_pool.pk), page_address(Operation, "change", "x")):
        assert console.get(address).url == page_address(Operation, "changelist")


def test_audit_events_are_found_by_every_field(console: Client, fleet: Fleet) -> None:
    def found(**search: str) -> int:
        return len(console.get(reverse("console:audit"), search).context_data["table"].rows)

    assert found() == AuditEvent.objects.count()
    assert found(actor="SYSTEM:create") == 1
    assert found(action="operation.needs") == 1
    assert found(outcome="failed") == found(outcome="trouble") == 1
    assert found(target=fleet.stuck.target_key) == found(target=fleet.stuck.target_key[-36:]) == 3
    assert found(operation=str(fleet.stuck.pk)) == 2
    assert found(workspace="nobody") == found(operation="no-uuid") == found(until="2020-01-01T00:00") == 0


def test_audit_events_are_paged_without_gaps(console: Client) -> None:
    a_fleet(databases=120)
    seen, address = 0, reverse("console:audit")
    while address:
        context = console.get(address).context_data
        seen, older = seen + len(context["table"].rows), context["older"]
        address = older and reverse("console:audit") + older
    assert seen == AuditEvent.objects.count() > 100


def test_text_of_others_is_never_taken_for_markup(console: Client, fleet: Fleet) -> None:
    Operation.objects.filter(pk=fleet.stuck.pk).update(
        error_message="<script>alert(1)</script>", input={"name": "<b>x</b>"}, target_key='x"><i>y'
    )
    for address in (reverse("console:index"), row_address(fleet.stuck), page_address(Operation, "changelist")):
        page = console.get(address).content.decode()
        assert "<script>alert(1)" not in page
        assert "<b>x</b>" not in page
        assert "<i>y" not in page
