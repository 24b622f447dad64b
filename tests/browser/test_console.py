from __future__ import annotations

from uuid import uuid4

from controlplane.console.display import page_address, row_address
from operations import audit
from operations.models import AuditEvent
from tests.browser.conftest import Window
from tests.fleets import Fleet
from tests.integration.console import addresses


def test_an_operator_finds_the_fault_at_a_glance_and_helps(window: Window, fleet: Fleet) -> None:
    page = window.page
    first = page.locator("#attention tbody tr").first
    assert "Somebody is needed" in page.get_by_role("alert").inner_text()
    assert "Azure refused three generated passwords" in first.inner_text()
    assert first.bounding_box()["y"] < 900, "it is seen without scrolling"

    first.get_by_role("link", name=fleet.stuck.kind).click()
    page.wait_for_url(f"**{row_address(fleet.stuck)}")
    assert "PasswordRejected" in page.get_by_role("alert").inner_text()
    assert "create_user" in page.locator("#history tbody tr").first.inner_text()
    assert "▸ create_user" in page.locator("#steps").inner_text()

    page.get_by_label("Reason to retry").fill("the password rule was mended")
    page.get_by_role("button", name="Retry").click()
    page.wait_for_load_state("load")
    assert "tries create_user again" in page.locator("body").inner_text()
    fleet.stuck.refresh_from_db()
    assert fleet.stuck.state == "running"
    event = AuditEvent.objects.get(action="operation.retried")
    assert (event.actor, event.reason) == ("operator:alice", "the password rule was mended")
    assert window.complaints == []


def test_no_page_makes_the_browser_complain_or_ask_others(window: Window, fleet: Fleet) -> None:
    for address in addresses.all_pages():
        window.open(address)
        assert window.complaints == [], address


def test_the_page_of_the_api_keeps_the_same_policy(stranger: Window) -> None:
    stranger.page.goto(f"{stranger.address}/api/v1/docs")
    stranger.page.locator("#swagger-ui .info").wait_for()
    assert stranger.complaints == []


def test_a_script_smuggled_into_a_page_does_not_run(window: Window) -> None:
    smuggle = """() => { const script = document.createElement('script'); script.text = 'window.smuggled = true';
                         document.body.append(script); return window.smuggled === true; }"""
    assert window.page.evaluate(smuggle) is False
    assert "Content Security Policy" in window.complaints[0]


def test_no_page_is_wider_than_a_phone(window: Window, fleet: Fleet) -> None:
    window.page.set_viewport_size({"width": 390, "height": 844})
    for address in addresses.all_pages():
        window.open(address)
        assert window.page.evaluate("document.documentElement.scrollWidth") <= 390, address


def test_every_field_and_button_has_a_name(window: Window, fleet: Fleet) -> None:
    nameless = """() => [...document.querySelectorAll('#main button, #main input:not([type=hidden]), #main select')]
        .filter(e => e.offsetParent !== null && !(e.labels && e.labels.length) && !e.getAttribute('aria-label')
                     && !e.innerText && !e.placeholder)
        .map(e => e.outerHTML.slice(0, 200))"""
    for address in (
        "/console/",
        "/console/audit/",
        "/console/emergency/",
        row_address(fleet.stuck),
        page_address(type(fleet.stuck), "changelist"),
    ):
        window.open(address)
        assert window.page.evaluate(nameless) == [], address


def test_a_long_id_is_copied_whole(window: Window, fleet: Fleet) -> None:
    window.page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    window.open(row_address(fleet.stuck))
    window.page.get_by_role("button", name=f"Copy {fleet.stuck.pk}").first.click()
    assert window.page.evaluate("navigator.clipboard.readText()") == str(fleet.stuck.pk)


def test_a_stranger_is_told_why_and_sees_nothing(stranger: Window, fleet: Fleet) -> None:
    stranger.sign_in("alice", "wrong")
    assert "correct username and password" in stranger.page.locator("body").inner_text()
    stranger.open(row_address(fleet.stuck))
    assert "PasswordRejected" not in stranger.page.content()
    assert stranger.page.url.startswith(f"{stranger.address}/console/login/")


def test_no_table_is_cut_off_on_an_operators_screen(window: Window, fleet: Fleet) -> None:
    refusal = {"method": "PUT", "status": 409, "code": "RotationPolicyNotPossible", "source": "203.0.113.117"}
    whom = {"actor": f"entra:{uuid4()}/{uuid4()}", "target": "/api/v1/workspaces/cigna/services/claims-of-2026"}
    reason = "The service exists with another kind or size; changing these is not supported."
    audit.record("api.refused", **whom, outcome="refused", after=refusal, reason=reason)
    window.page.set_viewport_size({"width": 1400, "height": 1000})
    cut_off = "[...document.querySelectorAll('.c-scroll')].some(one => one.scrollWidth > one.clientWidth)"
    for address in addresses.all_pages():
        window.open(address)
        assert not window.page.evaluate(cut_off), address
