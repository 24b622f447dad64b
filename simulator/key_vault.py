"""Key Vault's front: which vault a request is for, the bearer challenge, access, limits and the routes.

A GET without version returns the newest version, whatever its dates.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from simulator.clock import Clock
from simulator.entra import Entra, TokenRefused
from simulator.http import Request, Response, answer
from simulator.store import Store
from simulator.vault_bodies import HEADERS, VaultRefusal, bad_parameter, read_document
from simulator.vault_items import VaultCall
from simulator.vault_keys import KeyCall
from simulator.vault_secrets import SecretCall
from simulator.vault_throttle import OTHER_BUDGET, SET_BUDGET, Budget, VaultThrottle, creation_budget, rsa_budget
from simulator.vaults import Vault, Vaults

AUDIENCE = "https://vault.azure.net"
LOOPBACK = "127.0.0.1"
_ITEM = r"/([^/]+)(?:/([^/]+))?"
_VERSION = r"/([^/]+)/([^/]*)"  # no version: the newest


@dataclass(frozen=True, slots=True)
class _Route:
    method: str
    path: re.Pattern[str]
    call: type[VaultCall]
    handler: Callable[..., Response]
    permission: str


Row = tuple[str, str, Callable[..., Response], str]


def _common(call: type[VaultCall]) -> tuple[Row, ...]:
    items = call.items
    return (
        ("GET", rf"/{items}", call.list_all, "list"),
        ("GET", rf"/{items}/([^/]+)/versions", call.list_versions, "list"),
        ("POST", rf"/{items}/([^/]+)/backup", call.backup, "backup"),
        ("POST", rf"/{items}/restore", call.restore, "restore"),
        ("DELETE", rf"/{items}/([^/]+)", call.delete, "delete"),
        ("GET", rf"/deleted{items}", call.list_deleted, "list"),
        ("GET", rf"/deleted{items}/([^/]+)", call.get_deleted, "get"),
        ("DELETE", rf"/deleted{items}/([^/]+)", call.purge, "purge"),
        ("POST", rf"/deleted{items}/([^/]+)/recover", call.recover, "recover"),
    )


_SECRETS: tuple[Row, ...] = (
    *_common(SecretCall),
    ("GET", "/secrets" + _ITEM, SecretCall.get, "get"),
    ("PUT", r"/secrets/([^/]+)", SecretCall.set, "set"),
    ("PATCH", "/secrets" + _ITEM, SecretCall.update, "set"),
)
_KEYS: tuple[Row, ...] = (
    *_common(KeyCall),
    ("GET", r"/keys/([^/]+)/rotationpolicy", KeyCall.get_policy, "getrotationpolicy"),
    ("PUT", r"/keys/([^/]+)/rotationpolicy", KeyCall.set_policy, "setrotationpolicy"),
    ("POST", r"/keys/([^/]+)/create", KeyCall.create, "create"),
    ("POST", r"/keys/([^/]+)/rotate", KeyCall.rotate, "rotate"),
    ("GET", "/keys" + _ITEM, KeyCall.get, "get"),
    ("PUT", r"/keys/([^/]+)", KeyCall.import_key, "import"),
    ("PATCH", "/keys" + _ITEM, KeyCall.update, "update"),
    ("POST", "/keys" + _VERSION + "/wrapkey", KeyCall.wrap, "wrapkey"),
    ("POST", "/keys" + _VERSION + "/unwrapkey", KeyCall.unwrap, "unwrapkey"),
    ("POST", "/keys" + _VERSION + "/encrypt", KeyCall.encrypt, "encrypt"),
    ("POST", "/keys" + _VERSION + "/decrypt", KeyCall.decrypt, "decrypt"),
)
ROUTES = tuple(
    _Route(method, re.compile(path), call, handler, permission)
    for call, rows in ((SecretCall, _SECRETS), (KeyCall, _KEYS))
    for method, path, handler, permission in rows
)
_RSA = ("wrapkey", "unwrapkey", "encrypt", "decrypt")
_CHANGES = {
    **{word: word.capitalize() for word in ("set", "update", "delete", "purge", "recover", "restore")},
    **{word: word.capitalize() for word in ("create", "import", "rotate")},
    "setrotationpolicy": "SetRotationPolicyOf",
}


def effect_of(request: Request) -> str:
    """The word for what a request changes (SetSecret, RotateKey, …); empty when it changes nothing."""
    path = request.path.rstrip("/")
    for route in ROUTES:
        if route.method == request.method and route.path.fullmatch(path):
            word = "Update" if route.method == "PATCH" else _CHANGES.get(route.permission, "")
            return word and f"{word}{route.call.noun}"
    return ""


class KeyVaults:
    """All vaults. A vault is known by the port bound to it, else by the first label of the host name."""

    def __init__(self, store: Store, clock: Clock, entra: Entra, authority_url: str, throttle: VaultThrottle) -> None:
        self.authority_url = authority_url
        self.vaults = Vaults(store)
        self._store = store
        self._clock = clock
        self._entra = entra
        self._throttle = throttle
        self._by_port: dict[int, str] = {}

    def bind(self, vault: str, port: int) -> None:
        """Every request that arrives at the port is for this vault."""
        self._by_port[port] = vault.lower()

    def vault_of(self, request: Request) -> str:
        """The name of the vault that a request is for."""
        return self.vault_at(request.host, request.port)

    def vault_at(self, host: str, port: int) -> str:
        """The name of the vault behind an address."""
        return self._by_port.get(port) or host.partition(".")[0].lower()

    def url_of(self, vault: str, port: int) -> str:
        """The address of a vault, from that of ARM: its own port if it has one, else its own host name."""
        own = next((bound for bound, name in self._by_port.items() if name == vault.lower()), None)
        return f"https://localhost:{own}/" if own else f"https://{vault.lower()}.vault.localhost:{port}/"

    def handle(self, request: Request) -> Response:
        """The answer of the vault that the request is for; a challenge (401) unless Entra's token comes along."""
        try:
            claims = self._entra.verify_header(request, AUDIENCE)
            response = self._route(request, claims)
        except TokenRefused as refused:
            response = self._challenge(refused)
        except VaultRefusal as refusal:
            response = refusal.response()
        asked = request.headers.get("x-ms-client-request-id")
        response.headers |= {
            "x-ms-keyvault-region": self.vaults.get(self.vault_of(request)).location,
            "x-ms-request-id": str(uuid.uuid4()),
            **({"x-ms-client-request-id": asked} if asked else {}),
        }
        return response

    def _challenge(self, refused: TokenRefused) -> Response:
        where = f'Bearer authorization="{self.authority_url}/{self._entra.tenant}", resource="{AUDIENCE}"'
        text = "Request is missing a Bearer or PoP token." if refused.reason == "missing" else str(refused)
        number = "AKV10000" if refused.reason == "missing" else "AKV10022"
        error = {"error": {"code": "Unauthorized", "message": f"{number}: {text}"}}
        return answer(401, error, {**HEADERS, "www-authenticate": where})

    def _route(self, request: Request, claims: Mapping[str, Any]) -> Response:
        if not request.query.get("api-version"):
            raise bad_parameter("api-version must be specified")
        vault = self.vaults.get(self.vault_of(request))
        path = request.path.rstrip("/")
        for route in ROUTES:
            if route.method == request.method and (found := route.path.fullmatch(path)):
                _check_access(vault, claims, route)
                call = route.call(self._store, self._clock, vault, request)
                self._take(vault, _budget(route, call, request, found.groups()))
                return route.handler(call, *found.groups())
        raise VaultRefusal(405, "MethodNotAllowed", f"The method {request.method} is not allowed for {path}.")

    def _take(self, vault: Vault, budget: Budget) -> None:
        wait = self._throttle.take(vault.name, budget)
        if wait:
            text = (
                "Request was not processed because too many requests were received. "
                "Reason: VaultRequestTypeLimitReached"
            )
            raise VaultRefusal(429, "Throttled", text, retry_after=wait)


def _budget(route: _Route, call: VaultCall, request: Request, names: tuple[str | None, ...]) -> Budget:
    """Which of the vault's limits a request counts for."""
    if not isinstance(call, KeyCall):
        return SET_BUDGET if route.permission == "set" and route.method == "PUT" else OTHER_BUDGET
    if route.permission == "import":
        return SET_BUDGET
    if route.permission == "create":
        return creation_budget(hsm=read_document(request.body).get("kty") == "RSA-HSM")
    if route.permission in _RSA and names[0]:
        bits, hsm = call.size_of(names[0], names[1] or None)
        return rsa_budget(bits, hsm=hsm)
    return OTHER_BUDGET


def _check_access(vault: Vault, claims: Mapping[str, Any], route: _Route) -> None:
    """The firewall first, then access policies or roles; every client is on loopback and none a trusted service."""
    caller = f"appid={claims.get('appid')};oid={claims.get('oid')};iss={claims.get('iss')}"
    if vault.is_deleted:
        raise VaultRefusal(404, "VaultNotFound", f"The vault '{vault.name}' was deleted.")
    if vault.is_down:
        raise VaultRefusal(503, "ServiceUnavailable", f"The vault '{vault.name}' does not answer.")
    if not vault.admits(LOOPBACK):
        text = (
            "Client address is not authorized and caller is not a trusted service.\r\n"
            f"Client address: {LOOPBACK}\r\nCaller: {caller}\r\nVault: {vault.name}"
        )
        raise VaultRefusal(403, "Forbidden", text, "ForbiddenByFirewall")
    is_identity = "xms_mirid" in claims  # of a database, say: it needs grants in any vault
    if (vault.is_open and not is_identity) or vault.allows(
        str(claims.get("oid", "")), route.call.items, route.permission
    ):
        return
    if vault.rbac:
        text = f"Caller is not authorized to perform action on resource.\r\nCaller: {caller}\r\nVault: {vault.name}"
        raise VaultRefusal(403, "Forbidden", text, "ForbiddenByRbac")
    text = (
        f"The user, group or application '{caller}' does not have {route.call.items} {route.permission} permission on "
        f"key vault '{vault.name}'."
    )
    raise VaultRefusal(403, "Forbidden", text, "AccessDenied")
