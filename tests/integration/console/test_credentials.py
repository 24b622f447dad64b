from __future__ import annotations

from django.test import Client

from controlplane.console.display import page_address
from operations import audit
from rotation.models import Credential
from rotation.names import credential_key
from tests.fleets import Fleet

WHO = ["operator:ann", "operator:bob", "system:cleo", "system:dan", "operator:eve"]


def test_a_credentials_page_shows_its_rotations_and_the_sign_ins_that_proved_it(console: Client, fleet: Fleet) -> None:
    row = Credential.objects.filter(database=fleet.databases[0]).get()
    other = fleet.databases[1]
    audit.record("credential.promoted", actor="operator:ann", target=credential_key(row.database))
    audit.record("operation.submitted", actor="operator:bob", target=credential_key(row.database))
    audit.record("database.sign_in_verified", actor="system:cleo", target=row.database.key)
    audit.record("database.observed", actor="system:dan", target=row.database.key)
    audit.record("credential.promoted", actor="operator:eve", target=credential_key(other))
    page = console.get(page_address(Credential, "change", row.pk)).content.decode()
    told = [who for who in WHO if who in page]
    assert told == WHO[:3]
    assert f"target={credential_key(row.database)}" in page
