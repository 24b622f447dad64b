from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from notifications import outbound, signing
from operations import failpoints
from simulator.certificates import Certificates
from tests.builders import a_subscription
from tests.local_azure import LocalAzure
from tests.receiving import Mailbox, Webhook, a_mailbox, a_webhook


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.listen(None)


@pytest.fixture(scope="session")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(Path(tmp_path_factory.mktemp("receivers")))


@pytest.fixture
def azure(committed_db: None) -> LocalAzure:
    """A fresh simulated Azure: its vault holds signing secrets."""
    local = LocalAzure()
    a_subscription(local.subscription_id)
    signing.forget_keys()
    return local


@pytest.fixture
def trusted(certificates: Certificates, settings) -> Iterator[None]:
    """Receivers' certificates come from our own authority."""
    settings.NOTIFY_CA_FILE = str(certificates.ca_file)
    outbound.forget_authorities()
    yield
    outbound.forget_authorities()


@pytest.fixture
def hook(certificates: Certificates, trusted: None, settings) -> Iterator[Webhook]:
    """A receiver that development allows."""
    with a_webhook(certificates) as found:
        settings.NOTIFY_ALLOWED_LOOPBACK = [*settings.NOTIFY_ALLOWED_LOOPBACK, f"localhost:{found.port}"]
        yield found


@pytest.fixture
def mailbox(settings) -> Iterator[Mailbox]:
    with a_mailbox() as found:
        settings.EMAIL_BACKEND = "django.core.mail.backends.smtp.EmailBackend"
        settings.EMAIL_HOST, settings.EMAIL_PORT, settings.EMAIL_USE_TLS = "127.0.0.1", found.port, False
        yield found
