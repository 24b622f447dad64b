from __future__ import annotations

from django.contrib.auth.models import User
from django.test import Client
from django.urls import reverse

from operations.models import AuditEvent
from tests.integration.console.conftest import PASSWORD


def sign_in(client: Client, name: str, password: str) -> int:
    return client.post(reverse("console:login"), {"username": name, "password": password}).status_code


def events() -> list[tuple[str, str, str]]:
    return list(AuditEvent.objects.order_by("at", "id").values_list("action", "actor", "outcome"))


def test_a_sign_in_and_a_sign_out_are_recorded(client: Client, operator: User) -> None:
    assert sign_in(client, "alice", PASSWORD) == 302
    client.post(reverse("console:logout"))
    assert events() == [
        ("console.signed_in", "operator:alice", "done"),
        ("console.signed_out", "operator:alice", "done"),
    ]


def test_a_wrong_password_is_recorded_without_being_repeated(client: Client, operator: User) -> None:
    assert sign_in(client, "alice", "s3cret-typed-wrong") == 200
    assert events() == [("console.sign_in_refused", "operator:alice", "refused")]
    assert "s3cret" not in str(list(AuditEvent.objects.values()))


def test_a_name_that_nobody_has_is_not_written_down(client: Client, operator: User) -> None:
    sign_in(client, "my-password-in-the-wrong-field", "x")
    assert events() == [("console.sign_in_refused", "operator:unknown", "refused")]


def test_a_right_password_of_somebody_else_is_a_refusal(client: Client, db: None) -> None:
    User.objects.create_user("carol", password=PASSWORD)
    assert sign_in(client, "carol", PASSWORD) == 200
    assert events() == [("console.sign_in_refused", "operator:carol", "refused")]
