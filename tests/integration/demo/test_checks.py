"""The demo's comparison with Azure's own books holds after an honest run, and tells what does not belong there."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import orjson
import pytest

from cloud import factory
from cloud.secrets import Secret
from controlplane.demo.inventories import inventory_checks
from inventory.models import Database, SqlServer
from inventory.states import Status
from provisioning.services import request_deletion
from provisioning.targets import reference
from rotation.models import Credential
from rotation.services import request_rotation
from tests.local_azure import LocalAzure, run_until_settled
from tests.rotating import a_ready_database
from tests.simulator.builders import ask
from tests.simulator.test_faults import control


@pytest.fixture
def fleet(azure: LocalAzure, settings) -> Database:
    """A ready database whose credential was rotated, beside a deleted one. Users do not overlap."""
    settings.CREDENTIAL_OVERLAP_SECONDS = settings.CREDENTIAL_DRAIN_SECONDS = 0
    kept, gone = a_ready_database(azure, "claims"), a_ready_database(azure, "imaging")
    azure.pass_time(3600)
    request_rotation(kept, actor="tests")
    assert gone.service is not None
    request_deletion(gone.service, actor="tests")
    run_until_settled(azure)
    return kept


def told(azure: LocalAzure) -> dict[str, list[str]]:
    """What is wrong, by promise."""
    state = orjson.loads(control(azure.azure, "GET", "state", parts="resources,users,secrets").body)
    return {check.promise: check.faults for check in inventory_checks(state) if check.faults}


def test_after_an_honest_run_nothing_is_told(azure: LocalAzure, fleet: Database):
    assert told(azure) == {}


def open_a_door(azure: LocalAzure, fleet: Database) -> None:
    factory.sql_management().set_firewall_rule(reference(fleet.server), "everybody", "0.0.0.1", "255.255.255.255")


def add_a_user(azure: LocalAzure, fleet: Database) -> None:
    row = Credential.objects.get(database=fleet, status="active")
    Credential.objects.filter(pk=row.pk).update(user_name="svc_x")


def keep_a_secret(azure: LocalAzure, fleet: Database) -> None:
    factory.secret_store().set("stray", Secret("x"), tags={})


def forget_a_backup(azure: LocalAzure, fleet: Database) -> None:
    Database.objects.filter(status=Status.DELETED).update(restorable_until=None)


def misdate_a_backup(azure: LocalAzure, fleet: Database) -> None:
    row = Database.objects.get(status=Status.DELETED)
    Database.objects.filter(pk=row.pk).update(restorable_until=row.restorable_until + timedelta(days=3))


def make_another_kind(azure: LocalAzure, fleet: Database) -> None:
    server = SqlServer.objects.get()
    group = f"/subscriptions/{server.subscription_id}/resourceGroups/{server.resource_group}"
    path = f"{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/stray"
    assert ask(azure.azure, "PUT", path, {"location": "eastus"}).status in (200, 201)


@pytest.mark.parametrize(
    ("spoil", "promise"),
    [
        (open_a_door, "Servers let in"),
        (add_a_user, "Databases have the users"),
        (keep_a_secret, "The vault holds"),
        (forget_a_backup, "Azure lists the backups"),
        (misdate_a_backup, "Azure lists the backups"),
        (make_another_kind, "There is no other kind"),
    ],
)
def test_what_does_not_belong_is_told(
    azure: LocalAzure, fleet: Database, spoil: Callable[[LocalAzure, Database], None], promise: str
):
    spoil(azure, fleet)
    [broken] = told(azure)
    assert broken.startswith(promise)
