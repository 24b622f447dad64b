"""Azure Resource Manager: the checks before a handler, and what every answer carries."""

from __future__ import annotations

import random
import time
import uuid
from collections.abc import Mapping, Sequence
from typing import Any

from simulator.arm.answers import standard_headers
from simulator.arm.call import Call
from simulator.arm.errors import ArmError
from simulator.arm.guards import check_write
from simulator.arm.key_watch import KeyWatch
from simulator.arm.limits import Quotas
from simulator.arm.operations import Operations
from simulator.arm.polling import certificate_text
from simulator.arm.resources import Resources
from simulator.arm.routing import Handler, find
from simulator.arm.server_load import weights
from simulator.arm.sql_rates import check_sql_rate
from simulator.arm.unserved import check_version, not_served
from simulator.clock import Clock
from simulator.entra import Entra, TokenRefused
from simulator.faults import FaultRule
from simulator.http import Request, Response
from simulator.kept import Kept
from simulator.key_access import KeyAccess
from simulator.key_vault import KeyVaults
from simulator.ledger import Ledger
from simulator.store import Store
from simulator.throttle import Throttle, call_kind

AUDIENCES = ("https://management.azure.com", "https://management.core.windows.net")
HOME = "eastus"
KEPT_TOKENS = 1_000
_UNAUTHORIZED = {
    "missing": "AuthenticationFailed",
    "expired": "ExpiredAuthenticationToken",
    "audience": "InvalidAuthenticationTokenAudience",
    "tenant": "InvalidAuthenticationTokenTenant",
}


class Arm:
    """The management plane of one tenant. Handlers read and change it through a `Call`."""

    def __init__(
        self,
        *,
        store: Store,
        clock: Clock,
        entra: Entra,
        ledger: Ledger,
        throttle: Throttle,
        subscriptions: Sequence[str],
        seed: str,
        poll_key: bytes,
        page_size: int = 500,
        stale_seconds: float = 0.0,
        scale_retry_after: bool = False,
        load_seed: int,
        vaults: KeyVaults,
    ) -> None:
        self.store, self.clock, self.entra, self.ledger, self.throttle = store, clock, entra, ledger, throttle
        self.resources = Resources(store, clock, stale_seconds, weights)
        self.operations = Operations(store, clock)
        self.quotas = Quotas()
        self.subscriptions = list(subscriptions)
        self.page_size = page_size
        self.load_seed = load_seed
        self.kept_loads: Kept[Any] = Kept(8)
        self.vaults = vaults
        self.key_access, self.key_watch = KeyAccess(store, clock, vaults), KeyWatch(self)
        self.operations.beside = self.key_watch.look
        self.pool_storage: dict[str, tuple[float, int]] = {}
        self.poll_key, self.poll_certificate = poll_key, certificate_text(poll_key)
        self._random = random.Random(seed)  # noqa: S311 - durations and ids
        self._scale_retry_after = scale_retry_after
        self._claims: dict[str, Mapping[str, Any]] = {}

    def new_id(self) -> str:
        """A GUID; the same ones in the same order for one seed."""
        return str(uuid.UUID(int=self._random.getrandbits(128), version=4))

    def seconds(self, low: float, high: float) -> float:
        """A seeded duration in simulated seconds."""
        return self._random.uniform(low, high)

    def retry_after(self, seconds: int) -> str:
        """As Azure says it, or, when asked for, in the scaled time of this simulator; at least one second."""
        return str(max(1, round(seconds / self.clock.scale)) if self._scale_retry_after else seconds)

    def handle(self, request: Request, fault: FaultRule | None = None) -> Response:
        """The answer to one ARM request; `fault` is a rule to apply to the operation that it starts."""
        request_id = self.new_id()
        try:
            response = self._answer(request, request_id, fault)
        except ArmError as error:
            response = error.response()
        return self.dress(request, response, request_id)

    def dress(self, request: Request, response: Response, request_id: str = "") -> Response:
        """Add the headers that every answer of ARM carries."""
        request_id = request_id or self.new_id()
        correlation = request.headers.get("x-ms-correlation-request-id") or self.new_id()
        now = self.clock.now()
        standard_headers(response, request_id=request_id, correlation_id=correlation, location=HOME, now=now)
        client_id = request.headers.get("x-ms-client-request-id")
        if client_id and request.headers.get("x-ms-return-client-request-id", "").lower() == "true":
            response.headers["x-ms-client-request-id"] = client_id
        return response

    def _answer(self, request: Request, request_id: str, fault: FaultRule | None) -> Response:
        claims = self._authenticated(request)
        handler, names = self._routed(request)
        limits = self._throttled(request, names.get("subscription", ""), claims)
        call = Call(self, request, names, claims, request_id, fault)
        try:
            check_sql_rate(call)
            check_write(call)
            response = handler(call)
        except ArmError as error:
            response = error.response()
        response.headers.update(limits)
        _mark_provider(request, response)
        return response

    def _authenticated(self, request: Request) -> Mapping[str, Any]:
        """The caller's claims; a token is verified once and remembered until it expires (in real time)."""
        header = request.headers.get("authorization", "")
        known = self._claims.get(header)
        if known is not None and known["exp"] > time.time():
            return known
        try:
            claims = self.entra.verify_header(request, (*AUDIENCES, request.base_url))
        except TokenRefused as refused:
            raise self._unauthorized(request, refused) from refused
        if len(self._claims) >= KEPT_TOKENS:
            self._claims.clear()
        self._claims[header] = claims
        return claims

    def _unauthorized(self, request: Request, refused: TokenRefused) -> ArmError:
        missing = refused.reason == "missing"
        text = "Authentication failed. The 'Authorization' header is missing." if missing else str(refused)
        authority = f'Bearer authorization_uri="{request.base_url}/{self.entra.tenant}"'
        challenge = f'{authority}, error="invalid_token", error_description="{text}"'
        code = _UNAUTHORIZED.get(refused.reason, "InvalidAuthenticationToken")
        return ArmError(401, code, text, gateway=True, headers={"www-authenticate": challenge})

    def _routed(self, request: Request) -> tuple[Handler, Mapping[str, str]]:
        check_version(request)
        handler, names, served = find(request.method, request.path)
        if handler is None:
            raise not_served(request, served=served)
        subscription = names.get("subscription")
        if subscription is not None and subscription.lower() not in self.subscriptions:
            message = f"The subscription '{subscription}' could not be found."
            raise ArmError(404, "SubscriptionNotFound", message, gateway=True)
        return handler, names

    def _throttled(self, request: Request, subscription: str, claims: Mapping[str, Any]) -> dict[str, str]:
        """Take a token; the headers that tell what is left. 429 when none is. Calls of no subscription are the tenant's."""
        principal = str(claims.get("oid", ""))
        counted = subscription.lower() or self.entra.tenant
        allowance = self.throttle.take(subscription=counted, principal=principal, method=request.method)
        kind = call_kind(request.method)
        if not allowance.allowed:
            raise _throttled(kind, subscription, principal, allowance.wait_seconds)
        if not subscription:
            return {f"x-ms-ratelimit-remaining-tenant-{kind}": str(allowance.remaining)}
        return {
            f"x-ms-ratelimit-remaining-subscription-{kind}": str(allowance.remaining),
            f"x-ms-ratelimit-remaining-subscription-global-{kind}": str(allowance.remaining_global),
        }


def _throttled(kind: str, subscription: str, principal: str, wait_seconds: int) -> ArmError:
    scope = f"subscription '{subscription}'" if subscription else "the tenant"
    message = (
        f"Number of '{kind}' requests for {scope} actor '{principal}' exceeded. "
        f"Please try again after '{wait_seconds}' seconds after additional tokens are available. "
        "Refer to https://aka.ms/arm-throttling for additional information."
    )
    headers = {"retry-after": str(wait_seconds)}
    code = "SubscriptionRequestsThrottled" if subscription else "TenantRequestsThrottled"
    return ArmError(429, code, message, gateway=True, headers=headers)


def _mark_provider(request: Request, response: Response) -> None:
    """Answers of the SQL provider name its web server; bodies read say that they vary by encoding."""
    if "/providers/microsoft.sql/" in request.path.lower() and "x-ms-failure-cause" not in response.headers:
        response.headers.setdefault("server", "Microsoft-HTTPAPI/2.0")
    if request.method == "GET" and response.body:
        response.headers.setdefault("vary", "Accept-Encoding")
