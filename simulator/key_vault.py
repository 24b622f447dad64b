"""Key Vault's front: which vault a request is for, the bearer challenge, and the routes of its secrets.

A GET without version returns the newest version, whatever its dates.
"""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable

from simulator.clock import Clock
from simulator.entra import Entra, TokenRefused
from simulator.http import Request, Response, answer
from simulator.store import Store
from simulator.vault_bodies import HEADERS, VaultRefusal, bad_parameter
from simulator.vault_secrets import SecretCall

AUDIENCE = "https://vault.azure.net"

_ROUTES: tuple[tuple[str, re.Pattern[str], Callable[..., Response]], ...] = tuple(
    (method, re.compile(path), handler)
    for method, path, handler in (
        ("GET", r"/secrets", SecretCall.list_secrets),
        ("GET", r"/secrets/([^/]+)/versions", SecretCall.list_versions),
        ("GET", r"/secrets/([^/]+)(?:/([^/]+))?", SecretCall.get),
        ("POST", r"/secrets/([^/]+)/backup", SecretCall.backup),
        ("POST", r"/secrets/restore", SecretCall.restore),
        ("PUT", r"/secrets/([^/]+)", SecretCall.set),
        ("PATCH", r"/secrets/([^/]+)(?:/([^/]+))?", SecretCall.update),
        ("DELETE", r"/secrets/([^/]+)", SecretCall.delete),
        ("GET", r"/deletedsecrets", SecretCall.list_deleted),
        ("GET", r"/deletedsecrets/([^/]+)", SecretCall.get_deleted),
        ("DELETE", r"/deletedsecrets/([^/]+)", SecretCall.purge),
        ("POST", r"/deletedsecrets/([^/]+)/recover", SecretCall.recover),
    )
)


class KeyVaults:
    """All vaults. A vault is known by the port bound to it, else by the first label of the host name."""

    def __init__(self, store: Store, clock: Clock, entra: Entra, authority_url: str) -> None:
        self.authority_url = authority_url
        self._store = store
        self._clock = clock
        self._entra = entra
        self._by_port: dict[int, str] = {}

    def bind(self, vault: str, port: int) -> None:
        """Every request that arrives at the port is for this vault."""
        self._by_port[port] = vault.lower()

    def vault_of(self, request: Request) -> str:
        return self._by_port.get(request.port) or request.host.partition(".")[0].lower()

    def handle(self, request: Request) -> Response:
        """The answer of the vault that the request is for; a challenge (401) unless Entra's token comes along."""
        try:
            self._entra.verify_header(request, AUDIENCE)
            response = self._route(request)
        except TokenRefused as refused:
            response = self._challenge(refused)
        except VaultRefusal as refusal:
            response = refusal.response()
        asked = request.headers.get("x-ms-client-request-id")
        response.headers |= {
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

    def _route(self, request: Request) -> Response:
        if not request.query.get("api-version"):
            raise bad_parameter("api-version must be specified")
        path = request.path.rstrip("/")
        for method, pattern, handler in _ROUTES:
            if method == request.method and (found := pattern.fullmatch(path)):
                call = SecretCall(self._store, self._clock, self.vault_of(request), request)
                return handler(call, *found.groups())
        raise VaultRefusal(405, "MethodNotAllowed", f"The method {request.method} is not allowed for {path}.")
