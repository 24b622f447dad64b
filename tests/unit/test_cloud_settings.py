from __future__ import annotations

import pytest

from cloud.secrets import Secret
from cloud.settings import CredentialKind
from controlplane.azure import cloud_settings


def test_the_environment_decides_where_azure_is(settings):
    settings.AZURE_ARM_URL = "https://localhost:8443/"
    settings.AZURE_SQL_HOST = "localhost"
    settings.AZURE_CREDENTIAL = "client_secret"
    settings.AZURE_CLIENT_SECRET = Secret("s")
    made = cloud_settings()
    assert (made.arm_url, made.sql_host) == ("https://localhost:8443", "localhost")
    assert (made.credential, made.client_secret) == (CredentialKind.CLIENT_SECRET, Secret("s"))


@pytest.mark.parametrize("kind", ["managed_identity", "workload_identity"])
def test_the_machines_identity_needs_no_secret(settings, kind: str):
    settings.AZURE_CREDENTIAL = kind
    settings.AZURE_SQL_HOST = settings.AZURE_CA_FILE = ""
    made = cloud_settings()
    assert (made.credential, made.client_secret, made.sql_host, made.ca_file) == (kind, None, None, None)
