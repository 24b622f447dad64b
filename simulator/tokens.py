"""RS256 access tokens: a signing key kept in the store, its public half as a JWKS, and the check of a bearer token."""

from __future__ import annotations

import base64
import hashlib
import time
import uuid
from collections.abc import Iterable
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from simulator.store import Store

Claims = dict[str, Any]
TOKEN_SECONDS = 3599
KEYS = "entra_keys"


class TokenRefused(Exception):
    """The bearer token is missing, malformed, expired or meant for somebody else. `reason` is one of these words."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


@cache
def _fresh_key(seed: int) -> str:
    """A new private key as PEM; the same for every simulator of one process and seed, since making one is slow."""
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


class Tokens:
    """Signs and checks the tokens of one directory. Their life is real time, as clients count it."""

    def __init__(self, store: Store, *, seed: int, tenant: str) -> None:
        self.tenant = tenant
        kept = store.get(KEYS, "current")
        if kept is None:
            kept = {"pem": _fresh_key(seed)}
            store.put(KEYS, "current", kept)
        private = serialization.load_pem_private_key(kept["pem"].encode(), password=None)
        assert isinstance(private, rsa.RSAPrivateKey)
        self._private = private
        self._public = private.public_key()
        modulus = self._public.public_numbers().n
        self._kid = base64.urlsafe_b64encode(hashlib.sha256(str(modulus).encode()).digest()[:20]).decode().rstrip("=")

    def sign(self, claims: Claims, *, seconds: int = TOKEN_SECONDS) -> str:
        """A compact JWT of these claims, valid from now for so many real seconds."""
        now = int(time.time())
        life = {"iat": now, "nbf": now, "exp": now + seconds}
        whole = {"tid": self.tenant, "uti": uuid.uuid4().hex, "ver": "2.0", **life, **claims}
        return jwt.encode(whole, self._private, algorithm="RS256", headers={"kid": self._kid, "x5t": self._kid})

    def jwks(self) -> dict[str, Any]:
        """The public key as Entra's discovery/v2.0/keys shows it."""
        key = jwt.algorithms.RSAAlgorithm.to_jwk(self._public, as_dict=True)
        return {"keys": [{**key, "use": "sig", "kid": self._kid, "x5t": self._kid, "key_ops": ["verify"]}]}

    def verify(self, token: str, audiences: Iterable[str]) -> Claims:
        """The claims of our token for one of the audiences (a trailing slash is no difference); raises TokenRefused."""
        try:
            options: Any = {"verify_aud": False, "require": ["exp", "aud", "tid"]}
            claims: Claims = jwt.decode(token, self._public, algorithms=["RS256"], options=options)
        except jwt.ExpiredSignatureError as error:
            raise TokenRefused("expired", "The access token expiry time is in the past.") from error
        except jwt.InvalidTokenError as error:
            raise TokenRefused("malformed", "The access token is invalid.") from error
        if claims["tid"] != self.tenant:
            raise TokenRefused("tenant", "The access token is from the wrong issuer.")
        if str(claims["aud"]).rstrip("/") not in {audience.rstrip("/") for audience in audiences}:
            raise TokenRefused("audience", f"The access token has been obtained for wrong audience '{claims['aud']}'.")
        return claims
