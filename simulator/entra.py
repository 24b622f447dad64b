"""Entra ID: the OAuth2 v2.0 token endpoint, OpenID metadata, keys, and the client applications behind them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import time
import uuid
from collections.abc import Callable, Collection, Mapping
from typing import Any
from urllib.parse import parse_qs, unquote_plus, urlsplit

import jwt

from simulator.clock import Clock
from simulator.entra_refusals import Refusal, refused, wrong_secret
from simulator.http import Request, Response, answer
from simulator.store import Document, Store
from simulator.tokens import TOKEN_SECONDS, Claims, TokenRefused, Tokens

__all__ = ["Entra", "TokenRefused"]

APPS = "apps"
GROUPS = "groups"
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_ROUTE = re.compile(
    r"/(?P<tenant>[^/]+)/(?P<page>oauth2/(?:v2\.0/)?token|discovery/(?:v2\.0/)?keys|discovery/instance"
    r"|(?:v2\.0/)?\.well-known/openid-configuration)/?$"
)


Federation = Callable[[str, Mapping[str, str]], Document | None]
"""Client id and form of a request → the managed identity that trusts the assertion in it; None for no such identity."""


class Entra:
    """One directory (`tenant`, a GUID). Its default application follows from the seed, so a restart keeps it."""

    def __init__(self, store: Store, clock: Clock, seed: int, tenant: str) -> None:
        self.tenant = tenant
        self._store = store
        self._seed = seed
        self._tokens = Tokens(store, seed=seed, tenant=tenant)
        self.federated: Federation = _trusts_nobody
        self.client_id, self.client_secret = self.add_app("default")
        self.sql_administrators = self.add_group("sql-administrators", self.object_id_of(self.client_id))

    def add_app(
        self, name: str, *, roles: Mapping[str, Collection[str]] | None = None, public_key: str | None = None
    ) -> tuple[str, str]:
        """Register (or change) an application; its id and secret follow from seed and name, so repeating is harmless.

        `roles` lists app roles by audience; `public_key` (PEM) lets it sign in with a client assertion too.
        """
        client_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"app:{self._seed}:{name}"))
        secret = "sim~" + hashlib.sha256(f"secret:{self._seed}:{name}".encode()).hexdigest()[:36]
        app: Document = {
            "name": name,
            "client_id": client_id,
            "client_secret": _hashed(secret, client_id),
            "object_id": str(uuid.uuid5(uuid.NAMESPACE_URL, f"principal:{self._seed}:{name}")),
            "tenant": self.tenant,
            "roles": {audience.rstrip("/"): list(words) for audience, words in (roles or {}).items()},
            "public_key": public_key,
        }
        if self._store.get(APPS, client_id) != app:
            self._store.put(APPS, client_id, app)
        return client_id, secret

    def handle(self, request: Request) -> Response | None:
        """The answer to a request of Entra's, or None for any other path."""
        found = _ROUTE.match(request.path)
        if found is None:
            return None
        try:
            return self._answer(request, found["tenant"].lower(), found["page"])
        except Refusal as refusal:
            return refused(refusal)

    def verify(self, token: str, audience: str | Collection[str]) -> Claims:
        """Claims of a token that we signed for (one of) the audience(s); raises TokenRefused with a reason."""
        return self._tokens.verify(token, [audience] if isinstance(audience, str) else audience)

    def verify_header(self, request: Request, audience: str | Collection[str]) -> Claims:
        """The same for the request's Authorization header; reason "missing" where it has none."""
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not token:
            raise TokenRefused("missing", "The request has no bearer token.")
        return self.verify(token.strip(), audience)

    def app(self, client_id: str) -> Document | None:
        """The application (its `name`, `client_id` and `object_id`) with that client id."""
        return self._store.get(APPS, client_id)

    def apps(self) -> list[Document]:
        return [app for _, app in self._store.items(APPS)]

    def add_group(self, name: str, *members: str) -> str:
        """Make (or change) a group of these object ids; returns its own, which follows from seed and name."""
        object_id = str(uuid.uuid5(uuid.NAMESPACE_URL, f"group:{self._seed}:{name}"))
        group: Document = {"name": name, "members": list(members)}
        if self._store.get(GROUPS, object_id) != group:
            self._store.put(GROUPS, object_id, group)
        return object_id

    def object_id_of(self, client_id: str) -> str:
        """Raises KeyError for an application that nobody registered."""
        app = self._store.get(APPS, client_id)
        if app is None:
            raise KeyError(client_id)
        return str(app["object_id"])

    def groups_of(self, object_id: str) -> set[str]:
        """Object ids of the groups that it is directly in."""
        return {group for group, document in self._store.items(GROUPS) if object_id in document["members"]}

    def token(self, client_id: str, audience: str, *, authority: str, seconds: int = TOKEN_SECONDS) -> str:
        """A signed access token of that application, as the token endpoint gives it."""
        app = self._store.get(APPS, client_id)
        if app is None:
            raise KeyError(client_id)
        return self._tokens.sign(self._claims(app, audience, authority), seconds=seconds)

    def _claims(self, app: Document, audience: str, authority: str) -> Claims:
        client_id, object_id = app["client_id"], app["object_id"]
        claims: Claims = {"aud": audience, "iss": f"{authority}/{self.tenant}/v2.0", "idtyp": "app"}
        claims |= {"appid": client_id, "azp": client_id, "appidacr": "1", "oid": object_id, "sub": object_id}
        roles = app["roles"].get(audience.rstrip("/"))
        claims |= {"xms_mirid": app["mirid"]} if "mirid" in app else {}  # a managed identity, by its ARM id
        return {**claims, "roles": roles} if roles else claims

    def _answer(self, request: Request, tenant: str, page: str) -> Response:
        if page == "discovery/instance":
            return self._instance(request)
        if tenant not in (self.tenant.lower(), "common", "organizations"):
            text = f"Tenant '{tenant}' not found. Check to make sure you have the correct tenant ID."
            raise Refusal(400, "invalid_request", 90002, text)
        if page.endswith("token"):
            return self._grant(request, older=page == "oauth2/token")
        if page.endswith("keys"):
            return answer(200, self._tokens.jwks())
        return answer(200, self._metadata(request.base_url))

    def _instance(self, request: Request) -> Response:
        """Instance discovery, as MSAL asks it before it trusts a host."""
        endpoint = urlsplit(request.query.get("authorization_endpoint", ""))
        tenant = endpoint.path.strip("/").split("/")[0]
        if not tenant:
            raise Refusal(400, "invalid_request", 900144, "The request must contain: 'authorization_endpoint'.")
        host = endpoint.netloc
        return answer(
            200,
            {
                "tenant_discovery_endpoint": f"https://{host}/{tenant}/v2.0/.well-known/openid-configuration",
                "api-version": "1.1",
                "metadata": [{"preferred_network": host, "preferred_cache": host, "aliases": [host]}],
            },
        )

    def _metadata(self, base: str) -> dict[str, Any]:
        root = f"{base}/{self.tenant}"
        return {
            "token_endpoint": f"{root}/oauth2/v2.0/token",
            "token_endpoint_auth_methods_supported": ["client_secret_post", "private_key_jwt", "client_secret_basic"],
            "jwks_uri": f"{root}/discovery/v2.0/keys",
            "response_modes_supported": ["query", "fragment", "form_post"],
            "subject_types_supported": ["pairwise"],
            "id_token_signing_alg_values_supported": ["RS256"],
            "response_types_supported": ["code", "id_token", "code id_token", "id_token token"],
            "scopes_supported": ["openid", "profile", "email", "offline_access"],
            "issuer": f"{root}/v2.0",
            "authorization_endpoint": f"{root}/oauth2/v2.0/authorize",
            "claims_supported": ["sub", "iss", "aud", "exp", "iat", "tid", "ver"],
            "tenant_region_scope": None,
            "cloud_instance_name": "microsoftonline.com",
        }

    def _grant(self, request: Request, *, older: bool) -> Response:
        """The client credentials grant; the older endpoint takes a `resource` in place of a scope."""
        if request.method != "POST":
            raise Refusal(405, "invalid_request", 900561, "The endpoint only accepts POST requests.")
        form = {name: values[0] for name, values in parse_qs(request.body.decode("utf-8", "replace")).items()}
        if form.get("grant_type") != "client_credentials":
            text = f"The app requested an unsupported grant type '{form.get('grant_type', '')}'."
            raise Refusal(400, "unsupported_grant_type", 70003, text)
        audience = form.get("resource", "") if older else _resource(form.get("scope", ""))
        if not audience:
            text = "The request body must contain the following parameter: 'resource'."
            raise Refusal(400, "invalid_request", 900144, text)
        app = self._authenticated({**form, **_basic(request)}, request.base_url)
        token = self._tokens.sign(self._claims(app, audience, request.base_url))
        headers = {"cache-control": "no-store, no-cache", "pragma": "no-cache"}
        return answer(200, _older_life(token, audience) if older else _life(token), headers)

    def _authenticated(self, form: Mapping[str, str], base: str) -> Document:
        client_id = form.get("client_id", "")
        if not client_id:
            text = "The request body must contain the following parameter: 'client_id'."
            raise Refusal(400, "invalid_request", 900144, text)
        federated = form.get("client_assertion_type") == ASSERTION_TYPE and self.federated(client_id, form)
        if federated:
            return federated
        app = self._store.get(APPS, client_id.lower())
        if app is None:
            text = f"Application with identifier '{client_id}' was not found in the directory '{self.tenant}'."
            raise Refusal(400, "unauthorized_client", 700016, text)
        if form.get("client_assertion_type") == ASSERTION_TYPE:
            self._check_assertion(app, form.get("client_assertion", ""), base)
        elif not hmac.compare_digest(_hashed(form.get("client_secret", ""), app["client_id"]), app["client_secret"]):
            raise wrong_secret(app["client_id"], present="client_secret" in form)
        return app

    def _check_assertion(self, app: Document, assertion: str, base: str) -> None:
        """The assertion is signed by the application's own key and meant for this endpoint."""
        audiences = [f"{base}/{self.tenant}/oauth2/v2.0/token", f"{base}/{self.tenant}/v2.0"]
        try:
            jwt.decode(
                assertion,
                app["public_key"] or "",
                algorithms=["RS256", "PS256"],
                audience=audiences,
                issuer=app["client_id"],
                subject=app["client_id"],
                options={"require": ["exp", "jti"]},
            )
        except (jwt.InvalidTokenError, jwt.InvalidKeyError) as error:
            text = "Client assertion failed signature validation or is not meant for this endpoint."
            raise Refusal(401, "invalid_client", 700027, text) from error


def _trusts_nobody(_client_id: str, _form: Mapping[str, str]) -> Document | None:
    return None


def _life(token: str) -> dict[str, Any]:
    life = {"expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS}
    return {"token_type": "Bearer", **life, "access_token": token}


def _older_life(token: str, resource: str) -> dict[str, Any]:
    """Numbers are texts there, and the moments are told too."""
    now = int(time.time())
    life = {"expires_in": TOKEN_SECONDS, "ext_expires_in": TOKEN_SECONDS, "expires_on": now + TOKEN_SECONDS}
    texts = {name: str(value) for name, value in {**life, "not_before": now}.items()}
    return {"token_type": "Bearer", **texts, "resource": resource, "access_token": token}


def _basic(request: Request) -> dict[str, str]:
    """Id and secret from an Authorization header, for clients that do not send them in the form."""
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "basic":
        return {}
    try:
        client_id, _, secret = base64.b64decode(text, validate=True).decode().partition(":")
    except ValueError as error:
        raise Refusal(400, "invalid_request", 900144, "The Authorization header cannot be read.") from error
    return {"client_id": unquote_plus(client_id), "client_secret": unquote_plus(secret)}


def _hashed(secret: str, salt: str) -> str:
    return hashlib.sha256(f"{salt}:{secret}".encode()).hexdigest()


def _resource(scope: str) -> str:
    """`<resource>/.default` → the resource; more or other scopes are refused as Entra does."""
    resource, found, rest = scope.strip().partition("/.default")
    if not resource or not found or rest or " " in resource:
        text = f"The provided value for scope {scope} is not valid. It must be a resource with the suffix '/.default'."
        raise Refusal(400, "invalid_scope", 1002012, text)
    return resource
