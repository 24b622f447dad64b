"""System checks that refuse a wrong configuration in production, and name what to set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from django.apps import AppConfig
from django.conf import settings
from django.core.checks import CheckMessage, Error, register
from django.core.exceptions import ImproperlyConfigured

from controlplane.azure import sql_driver

SHORTEST_SECRET_KEY = 50
SHORTEST_HSTS_SECONDS = 31_536_000
LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


@register()
def production_is_safe(app_configs: Sequence[AppConfig] | None, **_: Any) -> list[CheckMessage]:
    """Every unsafe value of a production configuration; nothing elsewhere."""
    if not settings.IN_PRODUCTION:
        return []
    rules = (_web, _sessions, _servers, _azure, _notifications, _clocks)
    return [Error(text, id=f"controlplane.{name}") for rule in rules for name, text in rule()]


def refuse_unsafe_configuration() -> None:
    """Raise ImproperlyConfigured with all reasons at once; for processes that run no system checks by themselves."""
    problems = production_is_safe(None)
    if problems:
        raise ImproperlyConfigured(" ".join(str(problem.msg) for problem in problems))


def _web() -> Iterator[tuple[str, str]]:
    if settings.DEBUG:
        yield "debug", "DEBUG shows tracebacks and settings to anybody."
    if len(settings.SECRET_KEY) < SHORTEST_SECRET_KEY:
        yield "secret_key", f"SECRET_KEY or SECRET_KEY_FILE must hold at least {SHORTEST_SECRET_KEY} characters."
    if not settings.ALLOWED_HOSTS or any("*" in host for host in settings.ALLOWED_HOSTS):
        yield "allowed_hosts", "ALLOWED_HOSTS must name the hosts we answer for, without a star."


def _sessions() -> Iterator[tuple[str, str]]:
    if not settings.SECURE_SSL_REDIRECT:
        yield "ssl_redirect", "SECURE_SSL_REDIRECT must be on."
    if settings.SECURE_HSTS_SECONDS < SHORTEST_HSTS_SECONDS:
        yield "hsts", "SECURE_HSTS_SECONDS must be at least a year."
    if not (settings.SESSION_COOKIE_SECURE and settings.CSRF_COOKIE_SECURE):
        yield "cookies", "SECURE_COOKIES must be on."


def _servers() -> Iterator[tuple[str, str]]:
    application, owner = settings.APPLICATION_ADDRESS, settings.OWNER_ADDRESS
    for variable, address in (("DATABASE_URL", application), ("MIGRATION_DATABASE_URL", owner)):
        if address and dict(address.options).get("sslmode") != "verify-full":
            yield "database_tls", f"{variable} must say sslmode=verify-full."
    if owner and application.user == owner.user:
        yield "database_roles", "DATABASE_URL must not use the owner's role, which can change the audit log."
    if urlsplit(settings.BROKER_URL).scheme != "rediss":
        yield "broker_tls", "BROKER_URL must start with rediss:// (TLS)."


def _azure() -> Iterator[tuple[str, str]]:
    if not settings.AZURE_VERIFY_CHALLENGE_RESOURCE:
        yield (
            "vault_challenge",
            "AZURE_VERIFY_CHALLENGE_RESOURCE must be on: a vault could ask for any token.",
        )
    if any(not host.startswith(".") or ":" in host or host.endswith(".localhost") for host in settings.KEY_VAULT_HOSTS):
        yield "key_vault_hosts", "KEY_VAULT_HOSTS must be suffixes of Azure's vaults, without ports."
    if settings.AZURE_RATE_SCALE > 1:
        yield "azure_rates", "AZURE_RATE_SCALE must not exceed 1: Azure would refuse the calls."
    driver = sql_driver()
    if not driver.validates_tls:
        yield "sql_tls", f"AZURE_SQL_DRIVER: {driver}."
    for variable in ("AZURE_AUTHORITY_HOST", "AZURE_ARM_URL", "AZURE_METRICS_URL", "AZURE_VAULT_URL"):
        parts = urlsplit(getattr(settings, variable))
        if parts.scheme != "https" or not parts.hostname or parts.hostname in LOOPBACK:
            yield "azure_address", f"{variable} must be an https address of Azure."


def _notifications() -> Iterator[tuple[str, str]]:
    if settings.NOTIFY_ALLOWED_LOOPBACK:
        yield "notify_loopback", "NOTIFY_ALLOWED_LOOPBACK must be empty: customers could reach this machine."
    if settings.EMAIL_HOST and not settings.EMAIL_USE_TLS:
        yield "mail_tls", "EMAIL_USE_TLS must be on."


def _clocks() -> Iterator[tuple[str, str]]:
    if settings.CLOCK_SCALE != 1 or settings.CLOCK_OFFSET_SECONDS != 0:
        yield "clock", "CLOCK_SCALE must be 1 and CLOCK_OFFSET_SECONDS 0."
