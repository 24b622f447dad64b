from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import jwt
import pytest
from azure.identity import ManagedIdentityCredential
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from cloud import factory
from cloud.protocols import CallClass, ServerRef
from cloud.settings import CloudSettings, CredentialKind
from simulator.azure import Azure
from simulator.http import Request, Response
from tests.cloud.in_process import VAULT, configure


def test_clients_are_made_once(azure: Azure):
    assert factory.sql_management() is factory.sql_management(CallClass.USER)
    assert factory.sql_management() is not factory.sql_management(CallClass.SAMPLING)
    assert factory.secret_store() is factory.secret_store(f"{VAULT}/")
    assert factory.secret_store() is not factory.secret_store("https://other.vault.azure.net")
    assert factory.sql_logins() is factory.sql_logins()


def test_a_new_configuration_makes_new_clients(azure: Azure):
    before = factory.sql_management()
    configure(azure)
    assert factory.sql_management() is not before


def test_a_vault_must_be_named_somewhere(azure: Azure):
    configure(azure, vault_url="")
    with pytest.raises(factory.NotConfigured):
        factory.secret_store()


def test_a_client_secret_must_be_there(azure: Azure):
    configure(azure, client_secret=None)
    with pytest.raises(factory.NotConfigured):
        factory.sql_management()


def test_a_workload_identity_signs_in_by_its_token_file(azure: Azure, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    private = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    public = private.public_key().public_bytes(
        serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo
    )
    client_id, _ = azure.entra.add_app("workload", public_key=public.decode())
    claims = {"iss": client_id, "sub": client_id, "exp": int(time.time()) + 60, "jti": "1"}
    where = f"https://localhost:443/{azure.tenant}/oauth2/v2.0/token"
    token_file = tmp_path / "token"
    token_file.write_text(jwt.encode({**claims, "aud": where}, private, algorithm="RS256"))
    monkeypatch.setenv("AZURE_FEDERATED_TOKEN_FILE", str(token_file))
    configure(azure, credential=CredentialKind.WORKLOAD_IDENTITY, client_id=client_id, client_secret=None)
    server = ServerRef(azure.arm.subscriptions[0], "rg-none", "spp-none")
    assert factory.sql_management().get_server(server) is None


def test_a_managed_identity_needs_nothing_here():
    factory.configure(CloudSettings("tenant", credential=CredentialKind.MANAGED_IDENTITY))
    assert factory.sql_management() is not None
    assert isinstance(factory._configured().credential, ManagedIdentityCredential)


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("after", [False, True])
def test_a_crash_inside_a_call_comes_through_untouched(azure: Azure, after: bool):
    def die(request: Request, call: Callable[[], Response]) -> Response:
        if request.path.startswith("/subscriptions"):
            if after:
                call()
            raise Crash
        return call()

    subscription = azure.arm.subscriptions[0]
    configure(azure, around=die)
    with pytest.raises(Crash):
        factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {})
    configure(azure)
    factory.sql_management().ensure_resource_group(subscription, "rg-1", "eastus", {})
