"""The whole simulated cloud as one object: requests in, answers out, no sockets, no waiting."""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from simulator import metadata
from simulator.arm import endings, federation, handlers
from simulator.arm.arm import Arm
from simulator.clock import Clock
from simulator.control import Control
from simulator.entra import Entra
from simulator.event_grid import EventGrid
from simulator.faults import OPERATION_KINDS, FaultKind, FaultRule, Faults, refused, silence
from simulator.http import Request, Response, answer
from simulator.key_access import KeyAccess
from simulator.key_vault import KeyVaults, effect_of
from simulator.ledger import Ledger
from simulator.monitor import PATH as BATCH_PATH
from simulator.monitor import Monitor
from simulator.sql_directory import SqlDirectory
from simulator.store import Store
from simulator.tds.contents import DatabaseContents
from simulator.tds.directory import PRINCIPALS
from simulator.tds.principals import ROLE
from simulator.throttle import Throttle
from simulator.vault_throttle import VaultThrottle

DEFAULT_VAULT = "vault"
META = "meta"
TOLD_AHEAD = 2.0  # real seconds of simulated time that are noted at once, before any answer tells of them


class Azure:
    """One tenant's cloud. Operations end as a function of the clock: move it, and the next request sees them done.

    `directory` keeps the state over restarts (None: memory only). With `stale_seconds` (simulated) reads lag behind;
    `sql_updates_per_second` is the SQL provider's own limit of a region.
    """

    _told_until = 0.0

    def __init__(
        self,
        directory: Path | None = None,
        *,
        time_scale: float = 1.0,
        seed: int = 1,
        real: Callable[[], float] = time.monotonic,
        stale_seconds: float = 0.0,
        subscriptions: int = 1,
        throttled: bool = True,
        sql_updates_per_second: float = 12.0,
        page_size: int = 500,
        scale_retry_after: bool = False,
        enforce_firewall: bool = False,
        authority_url: str = "https://localhost",
    ) -> None:
        assert handlers.ALL
        self.seed, self.store = seed, Store(directory)
        self.clock = Clock(time_scale, start=self._kept_time(), real=real)
        self.tenant = _named(seed, "tenant")
        self.entra = Entra(self.store, self.clock, seed, self.tenant)
        limits = VaultThrottle(scale=lambda: self.clock.scale, real=real, enabled=throttled)
        self.vaults = KeyVaults(self.store, self.clock, self.entra, authority_url, limits)
        self.vault_ports: dict[int, str] = {}
        self.faults = Faults(self.clock, seed)
        self.ledger = Ledger(self.store, self.clock)
        self.requests: Counter[str] = Counter()  # since this start, by service and method
        throttle = Throttle(scale=lambda: self.clock.scale, real=real, enabled=throttled)
        self.arm = self._new_arm(throttle, subscriptions, page_size, stale_seconds, scale_retry_after)
        self.arm.quotas.sql_updates_per_second = sql_updates_per_second
        self.monitor, self.events = Monitor(self.arm), EventGrid(self.store, self.clock, self.entra)
        self.entra.federated = partial(federation.federated, self.arm)
        self.sql_directory = SqlDirectory(self.arm, self.faults, enforce_firewall=enforce_firewall)
        self.control = Control(self)
        endings.register(self.arm, DatabaseContents(self.sql_directory))

    def _new_arm(
        self, throttle: Throttle, subscriptions: int, page_size: int, stale_seconds: float, scale_retry_after: bool
    ) -> Arm:
        """Each start draws other ids than the last; poll URLs of before stay valid."""
        boot = self._meta("boot", lambda: {"count": 0, "poll_key": uuid.uuid4().hex})
        self.store.put(META, "boot", {**boot, "count": boot["count"] + 1})
        return Arm(
            store=self.store,
            clock=self.clock,
            entra=self.entra,
            ledger=self.ledger,
            throttle=throttle,
            subscriptions=[_named(self.seed, f"subscription:{number}") for number in range(subscriptions)],
            seed=f"{self.seed}:{boot['count']}",
            poll_key=bytes.fromhex(boot["poll_key"]),
            page_size=page_size,
            stale_seconds=stale_seconds,
            scale_retry_after=scale_retry_after,
            load_seed=self.seed,
            vaults=self.vaults,
        )

    @property
    def key_access(self) -> KeyAccess:
        """Whether identities can use keys."""
        return self.arm.key_access

    def handle(self, request: Request) -> Response:
        """Answer one request to any of the services."""
        self._keep_time()
        self.arm.operations.settle()
        if request.path.startswith("/_sim"):
            answered = self.control.handle(request)
            self._keys_may_change(request)
            self._keep_time()  # it may have moved
            return answered
        service = self.service_of(request)
        self.requests[f"{service} {request.method}"] += 1
        rule = self.faults.take(service, request.method, request.path)
        if rule is not None and rule.kind in (FaultKind.STATUS, FaultKind.TIMEOUT):
            return self._instead(request, service, rule)
        if self.faults.is_hidden(request):
            return self._hidden(request)
        operation_rule = rule if rule and rule.kind in OPERATION_KINDS else None
        response = self._serve(request, service, operation_rule)
        if service == "vault" and response.status < 300:
            self._note_vault(request)
        self._keys_may_change(request)
        return self._after(request, response, rule)

    def _keys_may_change(self, request: Request) -> None:
        """A write may take a key away from a database: when, its timers count from."""
        if request.method != "GET":
            self.arm.key_watch.disturb()
            self.arm.key_watch.look()

    def service_of(self, request: Request) -> str:
        """arm, entra, vault or metrics."""
        if request.port in self.vault_ports or ".vault." in request.host:
            return "vault"
        if BATCH_PATH.fullmatch(request.path):
            return "metrics"
        return "arm" if request.path.lower().startswith(("/subscriptions", "/providers", "/tenants")) else "entra"

    def bind_vault(self, name: str, port: int) -> None:
        """Give a vault its own port; by host name (`NAME.vault.localhost`) every vault is reached anyway."""
        self.vault_ports[port] = name
        self.vaults.bind(name, port)

    def vault_urls(self) -> dict[str, str]:
        """Every vault that has a port of its own."""
        return {name: f"https://localhost:{port}" for port, name in self.vault_ports.items()}

    def sql_users(self) -> Iterator[tuple[str, str, str]]:
        """Server, database and name of every contained user."""
        owners = {
            resource.properties["databaseId"]: resource
            for resource in self.arm.resources
            if resource.type == "databases"
        }
        for key, document in self.store.items(PRINCIPALS):
            owner = owners.get(key.split("/", 1)[0])
            if owner is not None and document["type"] != ROLE:
                yield owner.id.split("/")[8], owner.name, document["name"]

    def close(self) -> None:
        """Note the time, so that a restart goes on from it, and release the journal."""
        self.store.put(META, "clock", {"now": self.clock.now()})
        self.store.close()

    def _serve(self, request: Request, service: str, rule: FaultRule | None) -> Response:
        if service == "vault":
            return self.vaults.handle(request)
        if service == "arm":
            return self.arm.handle(request, rule)
        if service == "metrics":
            return self.monitor.handle(request)
        if request.path.rstrip("/").lower() == metadata.PATH:
            return metadata.endpoints(request, self.tenant)
        return self.entra.handle(request) or _nothing_here(request)

    def _note_vault(self, request: Request) -> None:
        """Changes of secrets and keys are effects, too; their values are not."""
        word = effect_of(request)
        if word:
            client_id = request.headers.get("x-ms-client-request-id", "")
            resource = f"{self.vaults.vault_of(request)}{request.path}"
            self.ledger.add(
                method=request.method,
                resource=resource,
                operation=word,
                who="",
                request_id="",
                client_request_id=client_id,
            )

    def _instead(self, request: Request, service: str, rule: FaultRule) -> Response:
        if rule.kind is FaultKind.TIMEOUT:
            return silence(rule)
        return self.arm.dress(request, refused(rule)) if service == "arm" else refused(rule)

    def _hidden(self, request: Request) -> Response:
        error = {"code": "ResourceNotFound", "message": f"The Resource '{request.path}' was not found."}
        return self.arm.dress(request, answer(404, {"error": error}, {"x-ms-failure-cause": "gateway"}))

    def _after(self, request: Request, response: Response, rule: FaultRule | None) -> Response:
        if rule is not None and rule.kind is FaultKind.LOST_REPLY:
            return silence(rule)
        if rule is not None and rule.kind is FaultKind.NOT_FOUND_AFTER and response.status < 300:
            self.faults.hide(request.path, rule.seconds)
        return response

    def _keep_time(self) -> None:
        """Note a moment that no answer has told yet: after SIGKILL the clock goes on from there, never back."""
        now = self.clock.now()
        if now >= self._told_until:
            self._told_until = now + TOLD_AHEAD * self.clock.scale
            self.store.put(META, "clock", {"now": self._told_until})

    def _kept_time(self) -> float:
        """The later of the real present and the last simulated moment that the state knows of."""
        kept = self.store.get(META, "clock")
        started = [document["started"] for _, document in self.store.items("operations")]
        known: list[float] = [time.time(), kept["now"] if kept else 0.0, *started]
        return max(known)

    def _meta(self, key: str, make: Callable[[], dict[str, Any]]) -> dict[str, Any]:
        return self.store.get(META, key) or make()


def _named(seed: int, name: str) -> str:
    """A GUID that the seed fixes."""
    return str(uuid.uuid5(uuid.NAMESPACE_URL, f"{name}:{seed}"))


def _nothing_here(request: Request) -> Response:
    return answer(404, {"error": {"code": "NotFound", "message": f"Nothing is served at '{request.path}'."}})
