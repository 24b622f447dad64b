"""Settings → cloud: the one place that says which Azure we talk to."""

from __future__ import annotations

from django.conf import settings

from cloud import factory
from cloud.settings import CloudSettings, CredentialKind, SqlDriverKind
from cloud.sql_drivers import DriverInUse
from cloud.throttle import Bucket, LocalBucket, Rates, vault_budget
from controlplane.throttle import ValkeyBucket


def cloud_settings() -> CloudSettings:
    """What the adapters need, from Django's settings."""
    return CloudSettings(
        tenant_id=settings.AZURE_TENANT_ID,
        credential=CredentialKind(settings.AZURE_CREDENTIAL),
        client_id=settings.AZURE_CLIENT_ID,
        client_secret=settings.AZURE_CLIENT_SECRET if settings.AZURE_CREDENTIAL == "client_secret" else None,
        authority_url=settings.AZURE_AUTHORITY_HOST.rstrip("/"),
        arm_url=settings.AZURE_ARM_URL.rstrip("/"),
        arm_scope=settings.AZURE_ARM_SCOPE,
        metrics_url=settings.AZURE_METRICS_URL.rstrip("/"),
        vault_url=settings.AZURE_VAULT_URL.rstrip("/"),
        vault_subscription_id=settings.AZURE_VAULT_SUBSCRIPTION_ID,
        verify_challenge_resource=settings.AZURE_VERIFY_CHALLENGE_RESOURCE,
        sql_host=settings.AZURE_SQL_HOST or None,
        sql_port=settings.AZURE_SQL_PORT,
        sql_driver=SqlDriverKind(settings.AZURE_SQL_DRIVER),
        ca_file=settings.AZURE_CA_FILE or None,
        federated_token_file=settings.KEY_TOKEN_FILE,
    )


def sql_driver() -> DriverInUse:
    """What signs in to SQL here."""
    return factory.driver_in_use(SqlDriverKind(settings.AZURE_SQL_DRIVER))


def configure() -> None:
    """Tell `cloud` where Azure is; clients are made when first asked for. All workers share the budgets of calls. The
    simulator's time, and so its rates, run faster."""
    scale = settings.AZURE_RATE_SCALE
    factory.configure(
        cloud_settings(), bucket=_bucket(Rates().scaled(scale)), budget=vault_budget(_bucket, scale=scale)
    )


def _bucket(rates: Rates) -> Bucket:
    """In Valkey where the broker is one, else in memory."""
    if settings.BROKER_URL.startswith(("redis://", "rediss://")):
        return ValkeyBucket(settings.BROKER_URL, rates=rates)
    return LocalBucket(rates)
