"""Servers and pools made through the product's own adapter."""

from __future__ import annotations

from datetime import timedelta

from cloud import factory
from cloud.polls import PollState
from cloud.protocols import Accepted, DatabaseSpec, PoolSpec, ServerRef, ServerSpec, Sku
from cloud.secrets import Secret
from simulator.azure import Azure

PASSWORD = Secret("Correct-Horse-9")
POOL = PoolSpec("eastus", Sku("GP_Gen5", "GeneralPurpose", "Gen5", 4), None, 0, 2, tags={"pool": "1"})
POOLED = DatabaseSpec("eastus", pool_name="p-1", max_size_bytes=2**35, tags={"database": "1"})
HYPERSCALE = DatabaseSpec("eastus", sku=Sku("HS_Gen5", "Hyperscale", "Gen5", 2))


def a_server_spec(**changes: object) -> ServerSpec:
    words: dict[str, object] = {"region": "eastus", "administrator_login": "sppadmin", "minimal_tls_version": "1.2"}
    words |= {"public_network_access": True, "entra_only": False, "tags": {"deployment": "d"}}
    return ServerSpec(**{**words, **changes})


def a_server(azure: Azure, name: str = "spp-1") -> ServerRef:
    """A finished server in a resource group of its own."""
    arm = factory.sql_management()
    server = ServerRef(azure.arm.subscriptions[0], "rg-1", name)
    arm.ensure_resource_group(server.subscription_id, "rg-1", "eastus", {"deployment": "d"})
    finish(azure, arm.begin_create_server(server, a_server_spec(), PASSWORD))
    return server


def a_pool(azure: Azure, server: ServerRef) -> ServerRef:
    finish(azure, factory.sql_management().begin_create_pool(server, "p-1", POOL))
    return server


def finish(azure: Azure, accepted: Accepted) -> None:
    """Let simulated time pass until the operation has ended well."""
    azure.clock.advance(timedelta(hours=1))
    if accepted.poll_url:
        poll = factory.sql_management().poll(azure.arm.subscriptions[0], accepted.poll_url)
        assert poll.state is PollState.SUCCEEDED, poll
