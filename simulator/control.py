"""`/_sim`: faults, the state, the clock and client applications, for tests and demonstrations."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import asdict
from datetime import timedelta
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import orjson

from simulator.arm.federation import ISSUERS
from simulator.arm.policies import KIND as POLICIES
from simulator.arm.policies import policy_of
from simulator.clock import END, FASTEST
from simulator.control_values import number_of, object_of, roles_of, whole_of
from simulator.faults import BadRule, rule_of
from simulator.http import Request, Response, answer
from simulator.load_control import LoadControl
from simulator.moments import iso
from simulator.vault_control import VaultControl

if TYPE_CHECKING:
    from simulator.azure import Azure

Action = Callable[[Request], Response]


class Control:
    """The endpoints below /_sim. They need no token: the simulator listens on loopback only."""

    def __init__(self, azure: Azure) -> None:
        self._azure = azure
        loads = LoadControl(azure.arm)
        vaults = VaultControl(azure.vaults.vaults)
        self._actions: dict[tuple[str, str], Action] = {
            ("GET", "/_sim/faults"): self._list_faults,
            ("POST", "/_sim/faults"): self._add_faults,
            ("DELETE", "/_sim/faults"): self._clear_faults,
            ("GET", "/_sim/state"): self._state,
            ("GET", "/_sim/clock"): self._tell_clock,
            ("POST", "/_sim/clock"): self._move_clock,
            ("POST", "/_sim/apps"): self._add_app,
            ("POST", "/_sim/issuers"): self._add_issuer,
            ("GET", "/_sim/events"): self._tell_events,
            ("PUT", "/_sim/events"): self._subscribe,
            ("GET", "/_sim/workload"): loads.list,
            ("POST", "/_sim/workload"): loads.set,
            ("DELETE", "/_sim/workload"): loads.clear,
            ("POST", "/_sim/monitoring"): loads.deny,
            ("GET", "/_sim/quotas"): self._tell_quotas,
            ("POST", "/_sim/quotas"): self._set_quotas,
            ("GET", "/_sim/policies"): self._list_policies,
            ("POST", "/_sim/policies"): self._add_policy,
            ("DELETE", "/_sim/policies"): self._clear_policies,
            ("GET", "/_sim/vaults"): vaults.list,
            ("POST", "/_sim/vaults"): vaults.put,
            ("POST", "/_sim/vaults/grant"): vaults.grant,
            ("POST", "/_sim/vaults/revoke"): vaults.revoke,
        }

    def served(self) -> list[tuple[str, str]]:
        """Each call with what it is for."""
        return [(f"{method} {path}", action.__doc__ or "") for (method, path), action in self._actions.items()]

    def handle(self, request: Request) -> Response:
        action = self._actions.get((request.method, request.path.rstrip("/")))
        if action is None:
            served = [f"{method} {path}" for method, path in self._actions]
            return _refused(404, f"Served here: {', '.join(served)}.")
        try:
            return action(request)
        except (BadRule, ValueError, KeyError, TypeError) as error:
            return _refused(400, str(error) or type(error).__name__)

    def _list_faults(self, request: Request) -> Response:
        """The rules in force, with how often each acted."""
        return answer(200, {"value": self._azure.faults.documents()})

    def _add_faults(self, request: Request) -> Response:
        """One rule or a list of them; see `simulator/faults.py` for the kinds."""
        document = orjson.loads(request.body)
        rules = [rule_of(one) for one in (document if isinstance(document, list) else [document])]
        return answer(201, {"value": [self._azure.faults.add(rule).document() for rule in rules]})

    def _clear_faults(self, request: Request) -> Response:
        """No faults any more."""
        self._azure.faults.clear()
        return Response(204)

    def _list_policies(self, request: Request) -> Response:
        """The rules in force."""
        return answer(200, {"value": [rule for _, rule in self._azure.store.items(POLICIES)]})

    def _add_policy(self, request: Request) -> Response:
        """A rule that denies, kept under its name."""
        rule = policy_of(orjson.loads(request.body))
        self._azure.store.put(POLICIES, str(rule["name"]), rule)
        return answer(201, rule)

    def _clear_policies(self, request: Request) -> Response:
        """No rules any more."""
        for name, _ in self._azure.store.items(POLICIES):
            self._azure.store.delete(POLICIES, name)
        return Response(204)

    def _tell_quotas(self, request: Request) -> Response:
        """What a server, a region and a subscription may have."""
        return answer(200, {name: _plain(value) for name, value in asdict(self._azure.arm.quotas).items()})

    def _set_quotas(self, request: Request) -> Response:
        """Any of the quotas, for as long as this process runs; `closed_regions` is a list of names."""
        changes = {name: self._quota(name, value) for name, value in object_of(request).items()}
        for name, value in changes.items():
            setattr(self._azure.arm.quotas, name, value)
        return self._tell_quotas(request)

    def _quota(self, name: str, value: object) -> object:
        before = getattr(self._azure.arm.quotas, name, None)
        if isinstance(before, frozenset) and isinstance(value, list):
            return frozenset(map(str, value))
        if isinstance(before, float):
            return float(number_of(name, value, low=0.001))  # a rate
        if isinstance(before, int):
            return whole_of(name, value)
        raise ValueError(f"'{name}' is no quota, or of the wrong type.")

    def _tell_clock(self, request: Request) -> Response:
        """The simulated moment, and how fast time passes."""
        clock = self._azure.clock
        return answer(200, {"now": iso(clock.now()), "scale": clock.scale})

    def _move_clock(self, request: Request) -> Response:
        """`advance_seconds` jumps forward; `scale` changes how fast time passes from now on."""
        document = object_of(request)
        unknown = set(document) - {"advance_seconds", "scale"}
        if unknown:
            raise ValueError(f"Unknown: {', '.join(sorted(unknown))}. Known are advance_seconds and scale.")
        scale = number_of("scale", document.get("scale", 1), low=1e-6, high=FASTEST)
        ahead = number_of("advance_seconds", document.get("advance_seconds", 0), high=END)
        self._azure.clock.advance(timedelta(seconds=ahead))
        if "scale" in document:
            self._azure.clock.set_scale(scale)
        self._azure.arm.operations.settle()
        return self._tell_clock(request)

    def _add_app(self, request: Request) -> Response:
        """Register a client application: `name`, and `roles` as app roles by audience."""
        document = object_of(request)
        roles = roles_of(document.get("roles") or {})
        client_id, secret = self._azure.entra.add_app(str(document["name"]), roles=roles)
        known = {"client_id": client_id, "object_id": self._azure.entra.object_id_of(client_id)}
        return answer(201, {**known, "client_secret": secret, "tenant": self._azure.tenant})

    def _add_issuer(self, request: Request) -> Response:
        """An issuer of tokens outside of the directory, whom identities may trust: `issuer` (a URL) and `public_key` (PEM)."""
        document = object_of(request)
        issuer, key = str(document["issuer"]), str(document["public_key"])
        self._azure.store.put(ISSUERS, issuer, {"public_key": key})
        return answer(201, {"issuer": issuer})

    def _tell_events(self, request: Request) -> Response:
        """Who is told of secrets that near their end, and how many events were accepted, wait or were dropped."""
        return answer(200, self._azure.events.shown())

    def _subscribe(self, request: Request) -> Response:
        """Tell an `endpoint` of secrets that near their end, by a token made out to `audience`; it is asked first."""
        document = object_of(request)
        endpoint, audience = str(document["endpoint"]), str(document["audience"])
        if (
            not endpoint.startswith(("https://", "http://"))
            or not endpoint.isascii()
            or not urlsplit(endpoint).hostname
        ):
            raise ValueError("The endpoint is a URL.")
        return answer(201, self._azure.events.subscribe(endpoint, audience))

    def _state(self, request: Request) -> Response:
        """What exists. `?effects_after=N` leaves out older effects; `?parts=resources,effects` picks parts."""
        parts: dict[str, Callable[[], Any]] = {
            "resources": self._resources,
            "users": self._users,
            "secrets": self._secrets,
            "vaults": self._azure.vault_urls,
            "operations": self._operations,
            "requests": lambda: dict(self._azure.requests),
            "effect_counts": lambda: dict(self._azure.ledger.counts),
            "effects": lambda: self._azure.ledger.entries(int(request.query.get("effects_after", "0"))),
        }
        wanted = request.query["parts"].split(",") if "parts" in request.query else list(parts)
        return answer(200, {name: parts[name]() for name in wanted})

    def _resources(self) -> list[dict[str, Any]]:
        return [resource.body for resource in self._azure.arm.resources]

    def _operations(self) -> list[dict[str, Any]]:
        running = self._azure.arm.operations.all_running()
        return [
            {
                **{"id": one.id, "operation": one.word, "target": one.target},
                **{"started": iso(one.started), "due": one.due and iso(one.due)},
            }
            for one in running
        ]

    def _users(self) -> dict[str, list[str]]:
        """SQL users by database: `server/database` → names."""
        found: dict[str, list[str]] = defaultdict(list)
        for server, database, user in self._azure.sql_users():
            found[f"{server}/{database}"].append(user)
        return dict(found)

    def _secrets(self) -> list[dict[str, Any]]:
        """Names, versions and tags of every vault's secrets; never a value."""
        return [
            {
                "vault": key.split("/", 1)[0],
                "name": document["name"],
                "deleted": document["deleted"] is not None,
                "versions": [
                    {name: value for name, value in version.items() if name != "value"}
                    for version in document["versions"]
                ],
            }
            for key, document in self._azure.store.items("secrets")
        ]


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _refused(status: int, message: str) -> Response:
    return answer(status, {"error": {"code": "BadRequest" if status == 400 else "NotFound", "message": message}})
