"""Bearer tokens of Entra ID (v2.0): signature, algorithm, key, audience, issuer, life and directory are checked."""

from __future__ import annotations

import hashlib
import threading
import time
from functools import lru_cache
from typing import Any

import jwt
from django.conf import settings
from django.core.cache import cache
from rest_framework.authentication import BaseAuthentication
from rest_framework.exceptions import AuthenticationFailed
from rest_framework.request import Request

from controlplane.api.principals import Principal, Role
from controlplane.api.problems import Problem
from controlplane.api.signing_keys import DirectoryUnavailable, SigningKeys, UnknownKey, fetch_over_https
from operations import audit

ALGORITHM = "RS256"
LONGEST_TOKEN = 16_384  # characters; Entra's stay far below
CLOCK_SKEW_SECONDS = 60
PROVED_SECONDS = 60  # a token is proved once in so many seconds by each process; expiry and directory each time
REQUIRED = ["exp", "nbf", "iss", "aud", "tid", "oid"]
WHY = {
    jwt.ExpiredSignatureError: "The token has expired.",
    jwt.ImmatureSignatureError: "The token is not valid yet.",
    jwt.InvalidAudienceError: "The token is meant for another audience.",
    jwt.InvalidIssuerError: "The token is of another issuer.",
}

_lock = threading.Lock()
_keys: SigningKeys | None = None


def configure(keys: SigningKeys | None) -> None:
    """Say where signing keys come from; None: from the configured authority, over https."""
    global _keys
    with _lock:
        _keys = keys
    _proved.cache_clear()


def signing_keys() -> SigningKeys:
    """The process's one store of keys."""
    global _keys
    with _lock:
        if _keys is None:
            _keys = SigningKeys(settings.AZURE_AUTHORITY_HOST, fetch=fetch_over_https(settings.AZURE_CA_FILE))
        return _keys


class EntraTokens(BaseAuthentication):
    """Turns `Authorization: Bearer …` into a Principal; a request without it is refused too."""

    def authenticate(self, request: Request) -> tuple[Principal, dict[str, Any]]:
        claims = verified_claims(_bearer(request))
        principal = _principal(claims)
        _note_sign_in(request, principal, claims)
        return principal, claims

    def authenticate_header(self, request: Request) -> str:
        return f'Bearer authorization_uri="{settings.AZURE_AUTHORITY_HOST}", resource_id="{settings.API_AUDIENCE}"'


def verified_claims(token: str) -> dict[str, Any]:
    """What the token says, once it is proved. Raises AuthenticationFailed, or Problem 503 while no keys are to be had."""
    claims = _proved(token, settings.API_AUDIENCE, int(time.monotonic() // PROVED_SECONDS))
    if claims["exp"] + CLOCK_SKEW_SECONDS <= time.time():
        raise AuthenticationFailed(WHY[jwt.ExpiredSignatureError])
    _check_directory(str(claims["tid"]).lower())
    return claims


def _check_directory(tenant: str) -> None:
    if tenant not in settings.API_TENANTS:
        raise AuthenticationFailed("The token is of a directory that may not sign in here.")


@lru_cache(maxsize=1024)
def _proved(token: str, audience: str, period: int) -> dict[str, Any]:
    """The claims of a token whose signature, key, issuer, audience and life hold; refusals are not kept."""
    try:
        header = jwt.get_unverified_header(token)
        tenant = str(jwt.decode(token, options={"verify_signature": False}).get("tid", "")).lower()
    except jwt.InvalidTokenError as error:
        raise AuthenticationFailed("The token is malformed.") from error
    if header.get("alg") != ALGORITHM:
        raise AuthenticationFailed(f"The token must be signed with {ALGORITHM}.")
    _check_directory(tenant)
    return _checked(token, tenant, str(header.get("kid", "")), audience)


def _checked(token: str, tenant: str, key_id: str, audience: str) -> dict[str, Any]:
    try:
        issuer, key = signing_keys().find(tenant, key_id)
        claims: dict[str, Any] = jwt.decode(
            token,
            key,
            algorithms=[ALGORITHM],
            audience=audience,
            issuer=issuer,
            leeway=CLOCK_SKEW_SECONDS,
            options={"require": REQUIRED},
        )
    except DirectoryUnavailable as error:
        message = "Sign-ins cannot be checked: the directory does not answer."
        raise Problem(503, "DirectoryUnavailable", message, headers={"Retry-After": "10"}) from error
    except UnknownKey as error:
        raise AuthenticationFailed("The token is signed with an unknown key.") from error
    except jwt.InvalidTokenError as error:
        raise AuthenticationFailed(WHY.get(type(error), "The token is invalid.")) from error
    return claims


def _bearer(request: Request) -> str:
    scheme, _, token = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
    if scheme.lower() != "bearer" or not token.strip():
        raise AuthenticationFailed("A bearer token of Entra ID is needed.")
    if len(token) > LONGEST_TOKEN:
        raise AuthenticationFailed("The token is malformed.")
    return str(token.strip())


def _principal(claims: dict[str, Any]) -> Principal:
    named = claims.get("roles")
    roles = frozenset(role for role in Role if isinstance(named, list) and role.value in named)
    return Principal(str(claims["tid"]).lower(), str(claims["oid"]).lower(), roles)


def _note_sign_in(request: Request, principal: Principal, claims: dict[str, Any]) -> None:
    """Audit a token when this process first takes it."""
    name = str(claims.get("uti") or claims.get("jti") or f"{claims['oid']} {claims['exp']}")
    digest = hashlib.sha256(name.encode("utf-8", "replace")).hexdigest()
    life = max(1, int(claims["exp"] + CLOCK_SKEW_SECONDS - time.time()))
    if cache.add(f"sign-in:{digest}", True, life):
        audit.record(
            "api.signed_in",
            actor=principal.actor,
            after={"roles": sorted(principal.roles), "token": digest[:16], "source": request.META.get("REMOTE_ADDR")},
        )
