"""Callers of the API with tokens that a real directory has signed."""

from __future__ import annotations

import json
from functools import cache
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from rest_framework.test import APIClient

from controlplane.api.principals import Role
from inventory.models import Member, Workspace
from simulator.clock import Clock
from simulator.entra import Entra
from simulator.http import Request
from simulator.store import Store

TENANT = "11111111-2222-3333-4444-555555555555"
AUTHORITY = "https://login.example"


@cache
def an_entra(tenant: str, seed: int) -> Entra:
    """One for all tests: reading its key takes a tenth of a second. Each test registers the applications that it uses."""
    return Entra(Store(), Clock(), seed, tenant)


class Directory:
    """A simulated Entra ID in this process, with an application for each caller."""

    def __init__(self, *, tenant: str = TENANT, seed: int = 1) -> None:
        self.entra = an_entra(tenant, seed)
        self.fetched: list[str] = []

    def fetch(self, url: str) -> Any:
        """What an https GET of this address answers; OSError where there is nothing."""
        self.fetched.append(url)
        parts = urlsplit(url)
        answered = self.entra.handle(Request("GET", str(parts.hostname), 443, parts.path, {}, {}))
        if answered is None or answered.status != 200:
            raise OSError(f"nothing at {url}")
        # The handler names its own port; a real authority's default port is not written.
        return json.loads(answered.body.replace(b"login.example:443", b"login.example"))

    def token(self, name: str, *roles: str, audience: str = "", authority: str = AUTHORITY, seconds: int = 3599) -> str:
        audience = audience or settings.API_AUDIENCE
        client_id, _ = self.entra.add_app(name, roles={audience: roles})
        return self.entra.token(client_id, audience, authority=authority, seconds=seconds)

    def object_id(self, name: str) -> str:
        client_id, _ = self.entra.add_app(name)
        return str(self.entra.verify(self.entra.token(client_id, "x", authority=AUTHORITY), "x")["oid"])

    def caller(self, name: str, *roles: Role, member_of: Workspace | None = None) -> APIClient:
        """A client that signs in as this application; with `member_of` it may act in that workspace."""
        if member_of is not None:
            Member.objects.get_or_create(workspace=member_of, tenant_id=TENANT, object_id=self.object_id(name))
        return with_token(self.token(name, *roles))


def with_token(token: str) -> APIClient:
    client = APIClient(raise_request_exception=False)
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {token}")
    return client
