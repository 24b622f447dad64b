"""The adapters over TLS against the simulator's own process: what the product does in a demo."""

from __future__ import annotations

import multiprocessing
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from cloud import factory
from cloud.errors import LoginRefused, RetryLater
from cloud.links import IN_STEP
from cloud.polls import PollState
from cloud.protocols import Accepted, DatabaseSpec, LoginSpec, ServerRef, ServerSpec, Sku
from cloud.secrets import Secret
from cloud.settings import CloudSettings
from tests.simulator.test_process import a_simulator

PASSWORD = Secret("Correct-Horse-9")
USER_PASSWORD = Secret("Fresh-Pass-0001")
SINGLE = DatabaseSpec("eastus", sku=Sku("HS_Gen5", "Hyperscale", "Gen5", 2))


@pytest.fixture(scope="module")
def contract(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    with a_simulator(tmp_path_factory.mktemp("simulator"), "--time-scale", "6000") as running:
        yield running.contract


@pytest.fixture
def settings(contract: dict[str, Any]) -> CloudSettings:
    """What the contract's JSON line says, in our words."""
    return CloudSettings(
        tenant_id=contract["tenant"],
        client_id=contract["client_id"],
        client_secret=Secret(contract["client_secret"]),
        authority_url=contract["authority"],
        arm_url=contract["arm"],
        vault_url=contract["vault"].replace("{vault}", contract["vault_name"]),
        verify_challenge_resource=False,
        sql_host="localhost",
        sql_port=contract["sql_port"],
        ca_file=contract["ca"],
    )


def until_done(subscription_id: str, accepted: Accepted, *, seconds: float = 20) -> None:
    deadline = time.monotonic() + seconds
    while accepted.poll_url:
        poll = factory.sql_management().poll(subscription_id, accepted.poll_url)
        if poll.state is not PollState.RUNNING:
            assert poll.state is PollState.SUCCEEDED, poll
            return
        assert time.monotonic() < deadline, "the operation does not end"
        time.sleep(0.05)  # another process does the work


def test_a_database_comes_to_be_and_its_secret_signs_in(settings: CloudSettings, contract: dict[str, Any]):
    factory.configure(settings)
    arm, sql, vault = factory.sql_management(), factory.sql_logins(), factory.secret_store()
    server = ServerRef(contract["subscription"], "rg-1", "spp-1")
    arm.ensure_resource_group(server.subscription_id, server.resource_group, "eastus", {})
    spec = ServerSpec("eastus", "sppadmin", "1.2", public_network_access=True, entra_only=False)
    until_done(server.subscription_id, arm.begin_create_server(server, spec, PASSWORD))
    until_done(server.subscription_id, arm.begin_create_database(server, "d-1", SINGLE))
    seen = arm.get_server(server)
    assert seen is not None
    assert [one.name for one in arm.list_databases(server)] == ["d-1"]

    vault.set("d-1-a", USER_PASSWORD, tags={"operation": "1"})
    stored = vault.get("d-1-a")
    assert stored is not None
    sql.ensure_user(LoginSpec(seen.endpoint, "d-1", "sppadmin", PASSWORD), "svc_a", stored[0])
    sql.verify(LoginSpec(seen.endpoint, "d-1", "svc_a", USER_PASSWORD))
    with pytest.raises(LoginRefused):
        sql.verify(LoginSpec(seen.endpoint, "d-1", "svc_a", Secret("Wrong-Pass-0001")))


def test_a_database_goes_over_to_another_server(settings: CloudSettings, contract: dict[str, Any]):
    factory.configure(settings)
    arm, subscription = factory.sql_management(), contract["subscription"]
    here, there = (ServerRef(subscription, "rg-2", name) for name in ("spp-here", "spp-there"))
    arm.ensure_resource_group(subscription, "rg-2", "eastus", {})
    spec = ServerSpec("eastus", "sppadmin", "1.2", public_network_access=True, entra_only=False)
    for server in (here, there):
        until_done(subscription, arm.begin_create_server(server, spec, PASSWORD))
    until_done(subscription, arm.begin_create_database(here, "d-2", SINGLE))
    seen = arm.get_database(here, "d-2")
    assert seen is not None
    until_done(subscription, arm.begin_create_database(there, "d-2", replace(SINGLE, secondary_of=seen.arm_id)))
    (link,) = arm.list_links(there, "d-2")
    assert (link.role, link.state) == ("Secondary", IN_STEP)
    until_done(subscription, arm.begin_fail_over(there, "d-2", link.id))
    until_done(subscription, arm.begin_delete_link(there, "d-2", link.id))
    assert arm.list_links(here, "d-2") == []


def test_a_process_that_does_not_trust_the_authority_gets_nothing(settings: CloudSettings, contract: dict[str, Any]):
    words = {name: getattr(settings, name) for name in CloudSettings.__slots__}
    factory.configure(CloudSettings(**{**words, "ca_file": None}))
    with pytest.raises(RetryLater) as refused:
        factory.sql_management().get_server(ServerRef(contract["subscription"], "rg-1", "spp-1"))
    assert refused.value.code == "CredentialUnavailable"


def test_a_vault_on_a_port_needs_the_development_setting(settings: CloudSettings):
    words = {name: getattr(settings, name) for name in CloudSettings.__slots__}
    factory.configure(CloudSettings(**{**words, "verify_challenge_resource": True}))
    with pytest.raises(ValueError, match="does not match"):
        factory.secret_store().get("d-1-a")


def test_children_make_clients_of_their_own(settings: CloudSettings, contract: dict[str, Any]):
    factory.configure(settings)
    server = ServerRef(contract["subscription"], "rg-none", "spp-none")
    ours = factory.sql_management()
    assert ours.get_server(server) is None
    assert in_a_child(
        lambda: factory.sql_management() is not ours and factory.sql_management().get_server(server) is None
    )
    assert factory.sql_management() is ours
    assert ours.get_server(server) is None


def test_an_unconfigured_process_says_so(settings: CloudSettings):
    def ask() -> bool:
        factory._clients = None
        with pytest.raises(factory.NotConfigured):
            factory.sql_management()
        return True

    assert in_a_child(ask)


def in_a_child(ask: Callable[[], bool]) -> bool:
    """The answer of a forked child, as a Celery worker is one."""
    context = multiprocessing.get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    child = context.Process(target=lambda: sender.send(ask()))
    child.start()
    answered = receiver.recv() if receiver.poll(20) else False
    child.join(20)
    return bool(answered)
