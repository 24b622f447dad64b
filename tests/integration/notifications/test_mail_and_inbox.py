"""What people read: mail over a real SMTP server, and the inbox."""

from __future__ import annotations

from email import message_from_string
from email.policy import default

import pytest
from django.db import transaction

from inventory.selectors import Viewer
from notifications.errors import AddressNotPossible, AddressTaken, TooManyReceivers
from notifications.inbox import mark_read, notices_for
from notifications.models import Notice
from notifications.services import tell
from tests.builders import a_workspace
from tests.notifying import a_mail_receiver, deliver, pass_time, told
from tests.receiving import Mailbox

pytestmark = pytest.mark.usefixtures("committed_db")
EVERYTHING = Viewer("t", "operator", sees_everything=True)


def test_a_change_is_mailed_before_it_begins_with_its_window(mailbox: Mailbox):
    place = a_workspace()
    a_mail_receiver(place)
    facts = {"kind": "grow_database", "operation": "7", "opens_at": "2026-06-08T20:00:00+00:00", "ends_at": "22"}
    with transaction.atomic():
        event = tell("change.scheduled", target="database:1", workspace=place.name, facts=facts)
    assert deliver() == 1
    [message] = [message_from_string(text, policy=default) for text in mailbox.messages]
    assert message["Subject"] == "[cigna] Grow database will begin at 2026-06-08T20:00:00+00:00"
    assert message["Message-ID"].strip().startswith(f"<{event.pk}.")
    assert message["To"] == "owner@example.com"
    assert "waits for its window: from 2026-06-08T20:00:00+00:00" in message.get_content()


def test_inner_workings_are_not_mailed_and_not_in_the_inbox(mailbox: Mailbox):
    place = a_workspace()
    a_mail_receiver(place)
    with transaction.atomic():
        tell("operation.succeeded", target="x:1", workspace=place.name, facts={"kind": "retire_credential"})
        tell("operation.failed", target="x:1", workspace=place.name, facts={"kind": "retire_credential"})
    assert deliver() == 1
    assert [notice.kind for notice in Notice.objects.all()] == ["operation.failed"]


def test_a_mail_server_that_is_away_is_tried_again_and_a_wrong_address_hurts_no_other(mailbox: Mailbox, settings):
    place = a_workspace()
    right, wrong = a_mail_receiver(place), a_mail_receiver(place, "gone@example.com")
    mailbox.refuses = {"gone@example.com"}
    settings.EMAIL_PORT = 9
    told(place)
    assert deliver() == 2
    settings.EMAIL_PORT = mailbox.port
    pass_time(10)
    deliver()
    assert right.deliveries.get().state == "delivered"
    assert wrong.deliveries.get().last_error == "The mail server does not take this address."


@pytest.mark.parametrize("address", ["nobody", "a@b\nBcc: c@d.example", "x@", "two@example.com,three@example.com"])
def test_what_is_no_address_is_refused(address: str, mailbox: Mailbox):
    with pytest.raises(AddressNotPossible):
        a_mail_receiver(a_workspace(), address)


def test_nobody_subscribes_by_mail_where_none_is_sent():
    with pytest.raises(AddressNotPossible):
        a_mail_receiver(a_workspace())


def test_a_receiver_stands_once_and_there_are_not_too_many(mailbox: Mailbox, settings):
    settings.NOTIFY_MOST_RECEIVERS = 2
    place = a_workspace()
    a_mail_receiver(place)
    with pytest.raises(AddressTaken):
        a_mail_receiver(place)
    a_mail_receiver(place, "other@example.com")
    with pytest.raises(TooManyReceivers):
        a_mail_receiver(place, "third@example.com")


def test_the_inbox_shows_a_workspaces_members_theirs_and_operators_the_fleets():
    place, other = a_workspace(), a_workspace("optum")
    place.members.create(tenant_id="t", object_id="member")
    for where, kind in ((place, "change.started"), (other, "change.started"), (None, "pool.nearly_full")):
        told(where, kind)
    deliver()
    member = Viewer("t", "member")
    assert [row.workspace for row in notices_for(member, reader="m")] == [place]
    assert notices_for(EVERYTHING, reader="o").count() == 3


def test_everybody_has_read_what_they_have_read():
    place = a_workspace()
    told(place)
    told(place)
    deliver()
    first = Notice.objects.order_by("created_at").first()
    assert first is not None
    assert mark_read(EVERYTHING, reader="a", workspace=place, ids=[first.pk]) == 1
    assert mark_read(EVERYTHING, reader="a", workspace=place) == 1
    assert mark_read(EVERYTHING, reader="a", workspace=place) == 0
    assert notices_for(EVERYTHING, reader="b").filter(is_read=False).count() == 2


def test_a_workspace_of_the_same_name_made_later_hears_nothing_of_the_former():
    told(a_workspace())
    pass_time(0)
    place = a_workspace()
    type(place).objects.filter(pk=place.pk).update(created_at="2099-01-01T00:00:00Z")
    deliver()
    assert not Notice.objects.exists()
