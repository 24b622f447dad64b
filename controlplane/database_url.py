"""PostgreSQL addresses as URLs, and what Django makes of them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl, quote, unquote, urlsplit

from django.core.exceptions import ImproperlyConfigured

from cloud.secrets import Secret

# Statements of operations/prepared.py ask to be prepared; no other is. A pooler in transaction mode must know prepared
# statements (PgBouncer >= 1.21 with max_prepared_statements).
PREPARED = {"prepare_threshold": 1_000_000_000}


@dataclass(frozen=True, slots=True)
class DatabaseAddress:
    """One role's way into one database. `options` are libpq's own words, e.g. sslmode."""

    host: str
    port: int
    name: str
    user: str
    password: Secret
    options: tuple[tuple[str, str], ...] = ()

    def url(self) -> Secret:
        """The address as a URL; a secret, since it holds the password."""
        query = "&".join(f"{key}={quote(value, safe='')}" for key, value in self.options)
        login = f"{quote(self.user, safe='')}:{quote(self.password.reveal(), safe='')}"
        return Secret(f"postgresql://{login}@{self.host}:{self.port}/{quote(self.name)}{'?' if query else ''}{query}")


def parse_database_url(url: Secret, *, variable: str) -> DatabaseAddress:
    """Take a PostgreSQL URL apart. Raises ImproperlyConfigured naming `variable`, never the URL."""
    parts = urlsplit(url.reveal())
    if parts.scheme not in ("postgresql", "postgres"):
        raise ImproperlyConfigured(f"{variable} must be a URL that starts with postgresql://.")
    try:
        port = parts.port or 5432
    except ValueError:
        raise ImproperlyConfigured(f"{variable} has a wrong port.") from None
    if not parts.hostname or not parts.username or len(parts.path) < 2:
        raise ImproperlyConfigured(f"{variable} must name host, user and database.")
    return DatabaseAddress(
        host=parts.hostname,
        port=port,
        name=unquote(parts.path[1:]),
        user=unquote(parts.username),
        password=Secret(unquote(parts.password or "")),
        options=tuple(parse_qsl(parts.query)),
    )


def django_database(address: DatabaseAddress, *, limits: dict[str, int]) -> dict[str, Any]:
    """Django's settings for this address. `limits` are server settings of each session (milliseconds)."""
    server_settings = " ".join(f"-c {name}={value}" for name, value in limits.items())
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": address.host,
        "PORT": address.port,
        "NAME": address.name,
        "USER": address.user,
        "PASSWORD": address.password.reveal(),
        "CONN_MAX_AGE": 600,
        "CONN_HEALTH_CHECKS": True,  # a reused connection may have died since (failover, restart)
        "OPTIONS": {"connect_timeout": 5, "options": server_settings, **PREPARED} | dict(address.options),
    }
