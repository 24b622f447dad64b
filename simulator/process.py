"""The simulator's process: sockets around one Azure, its contract line, its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

from simulator.azure import DEFAULT_VAULT, META, Azure
from simulator.certificates import Certificates
from simulator.regions import REGIONS
from simulator.server import listen
from simulator.tds.server import serve as serve_sql
from simulator.webhooks import deliver_for_ever

PARENT_LOOK_SECONDS = 0.5
Opener = Callable[[int], Awaitable[asyncio.Server]]


@dataclass(frozen=True, slots=True)
class Options:
    """The command line. `state` is where everything is kept."""

    state: Path
    host: str = "127.0.0.1"
    port: int = 0
    sql_port: int = 0
    time_scale: float = 1.0
    seed: int = 1
    subscriptions: int = 1
    vault: tuple[str, ...] = ()
    page_size: int = 500
    stale_reads: float = 0.0
    no_throttling: bool = False
    sql_updates_per_second: float = 12.0
    scale_retry_after: bool = False
    enforce_firewall: bool = False
    exit_with_parent: bool = False


async def run(options: Options, *, announce: Callable[[str], None]) -> None:
    """Serve until SIGTERM or SIGINT (or the parent's end); `announce` gets the contract line once all ports accept."""
    ended = _end_on_signals()
    certificates = Certificates(options.state / "certificates")
    azure = _loaded(options)
    async with contextlib.AsyncExitStack() as servers:
        servers.callback(azure.close)
        ports = await _open_ports(options, azure, certificates, servers)
        deliveries = asyncio.create_task(deliver_for_ever(azure, ca_file=str(certificates.ca_file)))
        servers.callback(deliveries.cancel)
        announce(json.dumps(contract(options, azure, certificates, ports)))
        await _until(ended, follow_parent=options.exit_with_parent)


def _loaded(options: Options) -> Azure:
    """The kept state, read without looking for garbage: nothing of it is any, now or later."""
    gc.disable()
    azure = _azure(options)
    gc.freeze()
    gc.enable()
    return azure


def _azure(options: Options) -> Azure:
    return Azure(
        options.state,
        time_scale=options.time_scale,
        seed=options.seed,
        stale_seconds=options.stale_reads,
        subscriptions=options.subscriptions,
        throttled=not options.no_throttling,
        sql_updates_per_second=options.sql_updates_per_second,
        page_size=options.page_size,
        scale_retry_after=options.scale_retry_after,
        enforce_firewall=options.enforce_firewall,
    )


async def _open_ports(
    options: Options, azure: Azure, certificates: Certificates, servers: contextlib.AsyncExitStack
) -> dict[str, int]:
    """Listen on every port; those of the last run are taken again where they are free."""
    former = azure.store.get(META, "ports") or {}
    vaults = [DEFAULT_VAULT, *options.vault]
    context = certificates.context()
    pem = certificates.server_file

    def https(port: int) -> Awaitable[asyncio.Server]:
        return listen(azure.handle, host=options.host, port=port, context=context)

    def sql(port: int) -> Awaitable[asyncio.Server]:
        return serve_sql(azure.sql_directory, pem, pem, options.host, port)

    wanted: dict[str, tuple[Opener, int]] = {"arm": (https, options.port), "sql": (sql, options.sql_port)}
    wanted |= {f"vault:{name}": (https, 0) for name in vaults}
    ports: dict[str, int] = {}
    for name, (opener, asked) in wanted.items():
        server = await _open(opener, asked=asked, former=former.get(name, 0))
        servers.callback(server.close)
        ports[name] = server.sockets[0].getsockname()[1]
    for name in vaults:
        azure.bind_vault(name, ports[f"vault:{name}"])
    azure.vaults.authority_url = f"https://localhost:{ports['arm']}"
    azure.store.put(META, "ports", ports)
    return ports


async def _open(opener: Opener, *, asked: int, former: int) -> asyncio.Server:
    """On the port asked for; when none is (0), on the former one or, if that is taken, a free one."""
    try:
        return await opener(asked or former)
    except OSError:
        if asked or not former:
            raise
        return await opener(0)


def contract(options: Options, azure: Azure, certificates: Certificates, ports: dict[str, int]) -> dict[str, object]:
    """What a client must know."""
    base = f"https://localhost:{ports['arm']}"
    return {
        "arm": base,
        "authority": base,
        "metrics": base,
        "vault": f"https://localhost:{ports[f'vault:{DEFAULT_VAULT}']}",
        "vault_name": DEFAULT_VAULT,
        "vaults": azure.vault_urls(),
        "sql_port": ports["sql"],
        "ca": str(certificates.ca_file.absolute()),
        "tenant": azure.tenant,
        "client_id": azure.entra.client_id,
        "client_secret": azure.entra.client_secret,
        "sql_administrators": azure.entra.sql_administrators,
        "subscription": azure.arm.subscriptions[0],
        "subscriptions": azure.arm.subscriptions,
        "locations": list(REGIONS),
        "admin": f"{base}/_sim",
    }


def _end_on_signals() -> asyncio.Event:
    """Set by SIGTERM and SIGINT, from the first moment on."""
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    return ended


async def _until(ended: asyncio.Event, *, follow_parent: bool) -> None:
    parent = os.getppid()
    while not ended.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(ended.wait(), PARENT_LOOK_SECONDS)
        if follow_parent and os.getppid() != parent:
            return
