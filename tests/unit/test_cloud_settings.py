from __future__ import annotations

import pytds
import pytest
from django.core.exceptions import ImproperlyConfigured

from cloud import factory
from cloud.secrets import Secret
from cloud.settings import CredentialKind, SqlDriverKind
from controlplane.azure import cloud_settings
from controlplane.checks import production_is_safe, refuse_unsafe_configuration


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


@pytest.mark.parametrize("kind", [SqlDriverKind.PYTHON_TDS, SqlDriverKind.AUTO])
def test_the_driver_in_use_is_named_with_what_it_checks(kind: SqlDriverKind):
    found = factory.driver_in_use(kind)
    assert found.validates_tls
    assert found.name in str(found)
    assert "certificate and host name are checked" in str(found)


def test_production_does_not_start_with_a_driver_that_checks_no_host_name(settings, monkeypatch: pytest.MonkeyPatch):
    settings.IN_PRODUCTION = True
    settings.AZURE_SQL_DRIVER = "python-tds"
    assert "controlplane.sql_tls" not in {problem.id for problem in production_is_safe(None)}
    monkeypatch.setattr(pytds.tls, "validate_host", lambda *_: True)
    assert "controlplane.sql_tls" in {problem.id for problem in production_is_safe(None)}
    with pytest.raises(ImproperlyConfigured, match="NOBODY CHECKS"):
        refuse_unsafe_configuration()
