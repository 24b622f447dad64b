"""Who is told, where, and for how long it is tried; windows of pools' fullness; mail. Part of settings.py."""

from __future__ import annotations

from controlplane.env import env_bool, env_float, env_int, env_list, env_secret, env_text

NOTIFY_PORTS = [int(port) for port in env_list("NOTIFY_PORTS", ("443", "8443"))]  # of customers' URLs
NOTIFY_ALLOWED_LOOPBACK = env_list("NOTIFY_ALLOWED_LOOPBACK")  # host:port of this machine; production refuses any
NOTIFY_CA_FILE = env_text(
    "NOTIFY_CA_FILE"
)  # whom receivers' certificates must come from; empty: the system's authorities
NOTIFY_TYPE_PREFIX = env_text("NOTIFY_TYPE_PREFIX", "sqlpersistence")  # of CloudEvents' types, e.g. com.example.sql
NOTIFY_MOST_RECEIVERS = env_int("NOTIFY_MOST_RECEIVERS", 20, minimum=1)  # a workspace
NOTIFY_CALL_SECONDS = env_float("NOTIFY_CALL_SECONDS", 10.0, minimum=0.1)  # one attempt, everything together
NOTIFY_LEASE_SECONDS = env_int("NOTIFY_LEASE_SECONDS", 60, minimum=2)  # a dead worker's receiver is free after it
NOTIFY_TASK_SECONDS = env_int("NOTIFY_TASK_SECONDS", 20, minimum=1)
NOTIFY_GIVE_UP_HOURS = env_int("NOTIFY_GIVE_UP_HOURS", 72, minimum=1)  # then an event is a dead letter
NOTIFY_TELL_AFTER_FAILURES = env_int("NOTIFY_TELL_AFTER_FAILURES", 5, minimum=1)  # in a row, some 25 minutes
NOTIFY_KEPT_DAYS = env_int("NOTIFY_KEPT_DAYS", 90, minimum=1)  # what was told, and the inbox
SIGNING_SECRET_DAYS = env_int("SIGNING_SECRET_DAYS", 90, minimum=1)
SIGNING_OVERLAP_SECONDS = env_int("SIGNING_OVERLAP_SECONDS", 24 * 3600, minimum=0)  # so long both secrets sign
POOL_NEARLY_FULL_PERCENT = env_int("POOL_NEARLY_FULL_PERCENT", 85, minimum=1)  # told once, and again only after:
POOL_ROOM_AGAIN_PERCENT = env_int("POOL_ROOM_AGAIN_PERCENT", 75, minimum=0)
EMAIL_HOST = env_text("EMAIL_HOST")  # empty: nobody can subscribe by mail
EMAIL_PORT = env_int("EMAIL_PORT", 587, minimum=1)
EMAIL_HOST_USER = env_text("EMAIL_HOST_USER")
EMAIL_HOST_PASSWORD = env_secret("EMAIL_HOST_PASSWORD").reveal()
EMAIL_USE_TLS = env_bool("EMAIL_USE_TLS", True)  # STARTTLS, before anything is said
EMAIL_TIMEOUT = NOTIFY_CALL_SECONDS
DEFAULT_FROM_EMAIL = env_text("DEFAULT_FROM_EMAIL", "sql-persistence@localhost")
NOTIFY_MAIL_DOMAIN = DEFAULT_FROM_EMAIL.rpartition("@")[2].rstrip(">")
