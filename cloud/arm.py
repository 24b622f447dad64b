"""One ARM request at a time: no retries, no redirects, no polling; every answer checked, every refusal classed."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import urlsplit

import structlog
from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError
from azure.core.pipeline import PipelineRequest, PipelineResponse, policies
from azure.core.pipeline.transport import HttpTransport
from azure.mgmt.core.policies import ARMChallengeAuthenticationPolicy
from azure.mgmt.sql import SqlManagementClient

from cloud.classify import ABSENT, DEFAULT_RETRY_AFTER_SECONDS, classify, retry_after_of
from cloud.errors import Missing, Rejected, RetryLater, Throttled
from cloud.protocols import Accepted, CallClass
from cloud.settings import CloudSettings
from cloud.throttle import Bucket

log = structlog.get_logger(__name__)
T = TypeVar("T")


class _Gate(policies.SansIOHTTPPolicy[Any, Any]):
    """Lets a request out only to the ARM host over https, and only when our bucket has a call left."""

    def __init__(self, arm_url: str, take: Callable[[bool], None]) -> None:
        super().__init__()
        self._arm = urlsplit(arm_url)
        self._take = take

    def on_request(self, request: PipelineRequest[Any]) -> None:
        require_same_host(request.http_request.url, self._arm.geturl())
        self._take(request.http_request.method not in ("GET", "HEAD"))


class _Journal(policies.SansIOHTTPPolicy[Any, Any]):
    """Logs every answer with the ids that Microsoft's support asks for; a URL's query may hold signatures: left out."""

    def __init__(self, call_class: CallClass) -> None:
        super().__init__()
        self._call_class = call_class

    def on_response(self, request: PipelineRequest[Any], response: PipelineResponse[Any, Any]) -> None:
        asked, answered = request.http_request, response.http_response
        write = log.debug if asked.method == "GET" and answered.status_code < 400 else log.info
        write(
            "azure.answered",
            method=asked.method,
            path=urlsplit(asked.url).path,
            status=answered.status_code,
            call_class=str(self._call_class),
            client_request_id=asked.headers.get("x-ms-client-request-id"),
            request_id=answered.headers.get("x-ms-request-id"),
            correlation_id=answered.headers.get("x-ms-correlation-request-id"),
        )


def require_same_host(url: str, arm_url: str) -> None:
    """Raise Rejected unless the URL leads to ARM itself over https: our token must not go elsewhere."""
    try:
        wanted, given = urlsplit(arm_url), urlsplit(url)
        same = (given.hostname, given.port or 443) == (wanted.hostname, wanted.port or 443)
    except ValueError as error:
        raise Rejected("ForeignAddress", "The address is not readable.") from error
    if given.scheme != "https" or given.username or not same:
        raise Rejected("ForeignAddress", f"{given.scheme}://{given.hostname} is not Azure Resource Manager.")


@dataclass(slots=True)
class _Seen:
    """Status and headers of the last answer, in lower case; models do not carry them."""

    status: int = 0
    headers: dict[str, str] = field(default_factory=dict)

    def __call__(self, response: PipelineResponse[Any, Any]) -> None:
        self.status = response.http_response.status_code
        self.headers = {name.lower(): value for name, value in response.http_response.headers.items()}

    def accepted(self) -> Accepted:
        """What to look at later; both headers name the same operation, the first tells its errors."""
        poll_url = self.headers.get("azure-asyncoperation") or self.headers.get("location")
        return Accepted(
            poll_url=poll_url if self.status in (201, 202) else None,
            retry_after=retry_after_of(self.headers.items()),
            request_id=self.headers.get("x-ms-request-id", ""),
        )


class ArmCaller:
    """Clients by subscription over one transport and one credential; `call_class` says in whose name they call."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        bucket: Bucket,
        call_class: CallClass,
    ) -> None:
        self._settings = settings
        self._credential = credential
        self._transport = transport
        self._bucket = bucket
        self._call_class = call_class
        self._clients: dict[str, SqlManagementClient] = {}

    @contextlib.contextmanager
    def calls(self, subscription_id: str) -> Iterator[SqlManagementClient]:
        """The SDK's client; what it raises becomes one of our classes, and a 429 closes the bucket for everyone."""
        try:
            yield self._client(subscription_id)
        except AzureError as error:
            refused = classify(error)
            if isinstance(refused, Throttled):
                seconds = refused.retry_after or DEFAULT_RETRY_AFTER_SECONDS
                self._bucket.close(subscription_id, self._call_class, seconds)
            raise refused from error

    def read(self, subscription_id: str, ask: Callable[[SqlManagementClient], T]) -> T | None:
        """The answer of a GET, or None when ARM says that the thing is not there."""
        try:
            with self.calls(subscription_id) as client:
                return required(ask(client), "content")  # an empty answer does not say "absent"
        except Missing as missing:
            if missing.code in ABSENT:
                return None
            raise

    def begin(self, subscription_id: str, send: Callable[..., object], *args: Any) -> Accepted:
        """Send one changing request through `send(client, *args, **options)` and do not wait for its end."""
        seen = _Seen()
        with self.calls(subscription_id) as client:
            send(client, *args, polling=False, raw_response_hook=seen)
        return seen.accepted()

    def begin_delete(self, subscription_id: str, send: Callable[..., object]) -> Accepted:
        """The same for a DELETE, to which "not there" means done."""
        try:
            return self.begin(subscription_id, send)
        except Missing as missing:
            if missing.code in ABSENT:
                return Accepted(poll_url=None, request_id=missing.request_id)
            raise

    def _client(self, subscription_id: str) -> SqlManagementClient:
        if subscription_id not in self._clients:
            self._clients[subscription_id] = SqlManagementClient(
                self._credential,
                subscription_id,
                base_url=self._settings.arm_url,
                credential_scopes=[self._settings.arm_scope],
                transport=self._transport,
                policies=self._policies(subscription_id),
            )
        return self._clients[subscription_id]

    def _policies(self, subscription_id: str) -> list[Any]:
        """The SDK's own pipeline less what would wait or wander: retry, redirect, provider registration."""

        def take(write: bool) -> None:
            wait = self._bucket.take(subscription_id, self._call_class, write=write)
            if wait > 0:
                raise Throttled("OwnRateLimit", f"{self._call_class} waits for its turn", retry_after=wait)

        return [
            policies.RequestIdPolicy(),
            policies.HeadersPolicy(),
            policies.UserAgentPolicy(user_agent="sql-persistence-provider"),
            policies.CustomHookPolicy(),  # outside of the next, so that hooks find the answer read
            policies.ContentDecodePolicy(),
            _Gate(self._settings.arm_url, take),
            ARMChallengeAuthenticationPolicy(self._credential, self._settings.arm_scope),
            _Journal(self._call_class),
        ]


def whole_page(response: PipelineResponse[Any, Any]) -> None:
    """A hook for lists: a page without its values would be read as an empty one, and so as "absent"."""
    page = response.context.get(policies.ContentDecodePolicy.CONTEXT_NAME)
    has_values = isinstance(page, Mapping) and isinstance(page.get("value"), list)
    if response.http_response.status_code == 200 and not has_values:
        raise RetryLater("InvalidAnswer", "The page has no values.")


def required(value: T | None, field_name: str) -> T:
    """A field that every sound answer has; an answer without it is no answer."""
    if value is None:
        raise RetryLater("InvalidAnswer", f"The answer has no {field_name}.")
    return value


def sound(value: object, kind: type[T]) -> T:
    """A model that was read as its own type; the SDK hands on whatever JSON it could not read so."""
    if not isinstance(value, kind):
        raise RetryLater("InvalidAnswer", f"The answer is no {kind.__name__}.")
    return value


def as_text(value: object) -> str:
    """An enum's value, known to the SDK or not; empty for none."""
    if value is None:
        return ""
    return str(value.value) if isinstance(value, Enum) else str(value)


def as_tags(tags: Mapping[str, str] | None) -> dict[str, str]:
    return dict(tags or {})
