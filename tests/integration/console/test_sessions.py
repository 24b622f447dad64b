from __future__ import annotations

from datetime import timedelta

from django.test import Client

from controlplane.console.display import page_address
from operations import clock
from operations.models import Operation
from rotation.models import Credential
from tests.builders import a_credential
from tests.fleets import Fleet
from tests.integration.console.test_buttons import press


def test_an_operator_sees_the_last_count_and_asks_for_another(console: Client, fleet: Fleet) -> None:
    Credential.objects.all().delete()
    seen_at = clock.now() - timedelta(minutes=5)
    row = a_credential(fleet.databases[0], open_sessions=4, sessions_seen_at=seen_at)
    page = console.get(page_address(Credential, "change", row.pk)).content.decode()
    assert "4, counted" in page
    assert "Count sessions" in page
    assert press(console, row, "count-sessions") == 302
    assert Operation.objects.get(kind="count_sessions").target_key == f"sessions:{row.database_id}"


def test_a_retired_user_is_not_counted(console: Client, fleet: Fleet) -> None:
    Credential.objects.all().delete()
    row = a_credential(fleet.databases[0], status="retired")
    assert "Count sessions" not in console.get(page_address(Credential, "change", row.pk)).content.decode()
