"""Signing secrets: made for every webhook, renewed with an overlap in which both sign, forgotten with the receiver."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from cloud import factory
from notifications.models import Receiver
from operations import clock
from operations.errors import OperationInProgress
from operations.models import AuditEvent, Operation
from rotation.signing_secrets import request_due_signing, request_removal, request_signing_rotation
from tests.builders import a_workspace
from tests.local_azure import LocalAzure, work
from tests.notifying import OWNER, a_webhook_of, deliver, settle_down, told
from tests.receiving import Call, Webhook


def key(row: Receiver, version: str) -> bytes:
    found = factory.secret_store().get(row.secret_name, version)
    assert found is not None
    return base64.b64decode(found[0].reveal().removeprefix("whsec_"))


def enabled(azure: LocalAzure, row: Receiver) -> list[bool]:
    """Of every version of its secret, oldest first."""
    return [version["attributes"]["enabled"] for version in azure.secrets()[row.secret_name]]


def verifies(call: Call, secret: bytes) -> bool:
    """As a receiver does it, from the specification's words."""
    signed = f"{call.headers['webhook-id']}.{call.headers['webhook-timestamp']}.".encode() + call.body
    expected = base64.b64encode(hmac.new(secret, signed, hashlib.sha256).digest()).decode()
    given = [one.partition(",") for one in call.headers["webhook-signature"].split(" ")]
    return any(version == "v1" and hmac.compare_digest(value, expected) for version, _, value in given)


def sent(azure: LocalAzure, row: Receiver, hook: Webhook) -> Call:
    told(row.workspace)
    deliver()
    return hook.calls[-1]


def test_a_new_webhook_signs_with_a_secret_that_stands_in_the_vault_alone(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    call = sent(azure, row, hook)
    assert verifies(call, key(row, row.signing_version))
    assert abs(int(call.headers["webhook-timestamp"]) - clock.database_now().timestamp()) < 60
    assert enabled(azure, row) == [True]
    assert AuditEvent.objects.filter(action="secret.read", actor="system:notifications").count() == 1


def test_while_two_overlap_both_sign_and_then_the_new_one_alone(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    first, old = row.signing_version, key(row, row.signing_version)
    request_signing_rotation(row, actor=OWNER, reason="It may be known.")
    work()
    row.refresh_from_db()
    assert row.previous_version == first
    new = key(row, row.signing_version)
    during = sent(azure, row, hook)
    assert verifies(during, old)
    assert verifies(during, new)
    with pytest.raises(OperationInProgress):
        request_signing_rotation(row, actor=OWNER, reason="Again.")
    azure.pass_business_time(days=2)
    work()
    after = sent(azure, row, hook)
    assert verifies(after, new)
    assert not verifies(after, old)
    assert enabled(azure, row) == [False, True]


def test_secrets_are_renewed_by_policy_before_they_are_too_old(azure: LocalAzure, hook: Webhook, settings):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    assert request_due_signing("system:schedule") == 0
    azure.pass_business_time(days=settings.SIGNING_SECRET_DAYS)
    assert request_due_signing("system:schedule") == 1
    assert request_due_signing("system:schedule") == 0
    work()
    assert Receiver.objects.get(pk=row.pk).signing_version != row.signing_version


def test_a_removed_receiver_hears_nothing_and_its_secret_is_disabled(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    told(row.workspace)
    request_removal(row, actor=OWNER)
    request_removal(row, actor=OWNER)
    work()
    assert deliver() == 0
    assert enabled(azure, row) == [False]
    assert not Operation.objects.exclude(state="succeeded").exists()


def test_removed_while_both_sign_it_is_over_at_once(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    request_signing_rotation(row, actor=OWNER, reason="Policy.")
    work()
    request_removal(row, actor=OWNER)
    work()
    work()
    assert enabled(azure, row) == [False, False]
    assert not Operation.objects.filter(state="running").exists()


def test_receivers_of_a_workspace_that_is_gone_are_removed(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    place = row.workspace
    assert place is not None
    type(place).objects.filter(pk=place.pk).update(deleted_at=clock.now())
    assert request_due_signing("system:schedule") == 1
    work()
    assert Receiver.objects.get(pk=row.pk).state == Receiver.State.REMOVED


def test_without_its_secret_nothing_is_sent_unsigned(azure: LocalAzure, hook: Webhook):
    row = a_webhook_of(azure, a_workspace(), hook.url)
    azure.delete_secret(row.secret_name)
    told(row.workspace)
    deliver()
    row.refresh_from_db()
    assert hook.calls == []
    assert "SigningSecretNotThere" in row.last_error
    settle_down()
