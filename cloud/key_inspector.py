"""`KeyInspector` over Key Vault's REST interface: one request at a time, the challenge checked before a token goes out."""

from __future__ import annotations

import base64
import contextlib
import os
import re
from collections.abc import Callable, Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

from azure.core.credentials import TokenCredential
from azure.core.exceptions import AzureError, ClientAuthenticationError, HttpResponseError
from azure.core.pipeline import PipelineRequest, PipelineResponse
from azure.core.pipeline.policies import HTTPPolicy
from azure.core.pipeline.transport import HttpTransport
from azure.core.rest import HttpRequest
from azure.keyvault.keys import KeyClient

from cloud.classify import classify
from cloud.errors import RetryLater, Throttled
from cloud.key_uris import KeyUri
from cloud.key_vault import OWN_LIMIT
from cloud.keys import KeyFacts, KeyRefused, KeyTrouble
from cloud.protocols import CallClass
from cloud.settings import CloudSettings
from cloud.throttle import VaultBudget

ALGORITHM = "RSA-OAEP-256"
WRAPPED_BYTES = 32  # as long as a database's own key
AUDIENCE = "https://vault.azure.net"
_AUTHORITY = re.compile(r'authorization(?:_uri)?="([^"]*)"')
_RESOURCE = re.compile(r'(?:resource|scope)="([^"]*)"')
_INNER = {
    "KeyDisabled": KeyTrouble.DISABLED,
    "KeyExpired": KeyTrouble.EXPIRED,
    "KeyNotYetValid": KeyTrouble.NOT_YET_VALID,
    "ForbiddenByFirewall": KeyTrouble.FIREWALL,
    "ForbiddenByConnection": KeyTrouble.FIREWALL,
}


class ForeignChallenge(AzureError):
    """The vault asks for a token of another authority, or for another resource, than we would ever send it."""


class CheckedTransport(HttpTransport[Any, Any]):
    """Looks at every challenge before the SDK does: a foreign one ends the call, and no token is asked for or sent."""

    def __init__(self, inner: HttpTransport[Any, Any], settings: CloudSettings) -> None:
        self._inner, self._settings = inner, settings

    def send(self, request: Any, **options: Any) -> Any:
        response = self._inner.send(request, **options)
        if response.status_code == 401:
            check_challenge(response.headers.get("WWW-Authenticate", ""), self._settings)
        return response

    def open(self) -> None:
        self._inner.open()

    def close(self) -> None:
        """The inner one is everybody's."""

    def __enter__(self) -> CheckedTransport:
        return self

    def __exit__(self, *args: object) -> None:
        """The inner one is everybody's."""


class _Gate(HTTPPolicy[Any, Any]):
    """Lets a request out only when the vault's budget has a call left."""

    def __init__(self, take: Callable[[], None]) -> None:
        super().__init__()
        self._take = take

    def send(self, request: PipelineRequest[Any]) -> PipelineResponse[Any, Any]:
        self._take()
        return self.next.send(request)


class AzureKeyInspector:
    """Looks at keys in whatever vault, in the name of `call_class`, with the credential of an identity or our own."""

    def __init__(
        self,
        settings: CloudSettings,
        *,
        credential: TokenCredential,
        transport: HttpTransport[Any, Any],
        budget: VaultBudget,
        call_class: CallClass,
    ) -> None:
        self._settings, self._credential, self._call_class = settings, credential, call_class
        self._transport = CheckedTransport(transport, settings)
        self._budget = budget
        self._clients: dict[str, KeyClient] = {}

    def facts(self, key: KeyUri) -> KeyFacts:
        return _facts(key.vault_url, self._ask(key, "GET", f"/keys/{key.name}/{key.version}"))

    def newest(self, key: KeyUri) -> KeyFacts:
        return _facts(key.vault_url, self._ask(key, "GET", f"/keys/{key.name}"))

    def prove(self, key: KeyUri) -> None:
        """Raises KeyRefused; WRONG_ANSWER where what comes back is not what went in."""
        path, plain = f"/keys/{key.name}/{key.version}", os.urandom(WRAPPED_BYTES)
        wrapped = self._ask(key, "POST", f"{path}/wrapkey", {"alg": ALGORITHM, "value": _packed(plain)})
        again = self._ask(key, "POST", f"{path}/unwrapkey", {"alg": ALGORITHM, "value": _text(wrapped, "value")})
        if _text(again, "value") != _packed(plain):
            raise KeyRefused(KeyTrouble.WRONG_ANSWER, "WrongAnswer", "The key did not unwrap what it had wrapped.")

    def _ask(self, key: KeyUri, method: str, path: str, body: Any = None) -> Mapping[str, Any]:
        with _refusals():
            response = self._client(key.vault_url).send_request(HttpRequest(method, path, json=body))
            response.raise_for_status()
            document = response.json()
        if not isinstance(document, Mapping):
            raise RetryLater("InvalidAnswer", "The answer is no object.")
        return document

    def _client(self, vault_url: str) -> KeyClient:
        if vault_url not in self._clients:
            self._clients[vault_url] = KeyClient(
                vault_url,
                self._credential,
                transport=self._transport,
                verify_challenge_resource=self._settings.verify_challenge_resource,
                retry_total=0,
                permit_redirects=False,
                per_retry_policies=[_Gate(lambda: self._take(vault_url))],
            )
        return self._clients[vault_url]

    def _take(self, vault_url: str) -> None:
        """The customer's vault has a budget of its own; it is in the customer's subscription."""
        wait = self._budget.take(vault_url, vault_url, self._call_class, write=False)
        if wait > 0:
            raise Throttled(OWN_LIMIT, f"{self._call_class} waits for its turn at the vault", retry_after=wait)


def check_challenge(header: str, settings: CloudSettings) -> None:
    """Raise ForeignChallenge unless the challenge names our own authority and tenant, and Key Vault as the resource."""
    authority, resource = _AUTHORITY.search(header), _RESOURCE.search(header)
    if authority is None or resource is None:
        raise ForeignChallenge("The vault's challenge cannot be read.")
    wanted, given = urlsplit(settings.authority_url), urlsplit(authority[1])
    known_host = (given.scheme, given.hostname) == ("https", wanted.hostname)
    tenant = given.path.strip("/").split("/")[0].lower()
    if not known_host or tenant != settings.tenant_id.lower():
        raise ForeignChallenge(f"The vault names the authority {given.hostname}, which is not ours.")
    if resource[1].removesuffix("/.default").rstrip("/") != AUDIENCE:
        raise ForeignChallenge("The vault asks for a token that is not for vaults.")


@contextlib.contextmanager
def _refusals() -> Iterator[None]:
    """Whatever the SDK raises as a KeyRefused that says why, but for our own throttling."""
    try:
        yield
    except ForeignChallenge as error:
        raise KeyRefused(KeyTrouble.PERMISSION, "ForeignChallenge", str(error)) from error
    except ClientAuthenticationError as error:
        raise _of_directory(error) from error
    except HttpResponseError as error:
        raise _of_vault(error) from error
    except AzureError as error:
        raise KeyRefused(KeyTrouble.UNREACHABLE, "NoAnswer", type(error).__name__) from error
    except ValueError as error:
        raise RetryLater("InvalidAnswer", "The answer is not JSON.") from error


def _of_directory(error: ClientAuthenticationError) -> KeyRefused:
    """Entra does not let us come as the identity: it is gone, or does not trust us (any more)."""
    refused = classify(error)
    trouble = KeyTrouble.UNREACHABLE if refused.transient else KeyTrouble.NOBODY
    return KeyRefused(trouble, refused.code, refused.message)


def _of_vault(error: HttpResponseError) -> KeyRefused:
    status = error.status_code or 0
    body = error.error
    inner = (body.innererror or {}).get("code", "") if body is not None and isinstance(body.innererror, dict) else ""
    code = str(inner or (body.code if body is not None else "") or f"Http{status}")
    message = str(body.message if body is not None else "")[:500]
    if status == 404:
        return KeyRefused(KeyTrouble.DELETED, code, message)
    if status == 429 or status >= 500:
        return KeyRefused(KeyTrouble.UNREACHABLE, code, message)
    return KeyRefused(_INNER.get(code, KeyTrouble.PERMISSION), code, message)


def _facts(vault_url: str, document: Mapping[str, Any]) -> KeyFacts:
    key, attributes = document.get("key") or {}, document.get("attributes") or {}
    words = str(key.get("kid", "")).split("/")
    if len(words) < 2 or not isinstance(attributes.get("enabled"), bool):
        raise RetryLater("InvalidAnswer", "The key has no id or attributes.")
    return KeyFacts(
        uri=KeyUri(vault_url, words[-2], words[-1]),
        kind=str(key.get("kty", "")),
        bits=8 * len(_unpacked(str(key.get("n", "")))),
        enabled=attributes["enabled"],
        recovery_level=str(attributes.get("recoveryLevel", "")),
        not_before=_moment(attributes.get("nbf")),
        expires_at=_moment(attributes.get("exp")),
    )


def _moment(seconds: Any) -> datetime | None:
    return datetime.fromtimestamp(seconds, UTC) if isinstance(seconds, int | float) else None


def _text(document: Mapping[str, Any], name: str) -> str:
    value = document.get(name)
    if not isinstance(value, str):
        raise RetryLater("InvalidAnswer", f"The answer has no {name}.")
    return value


def _packed(value: bytes) -> str:
    return base64.urlsafe_b64encode(value).decode().rstrip("=")


def _unpacked(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
