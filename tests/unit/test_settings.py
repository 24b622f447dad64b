"""The settings that keep messages harmless and production safe. Change one only together with its reason."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import pytest

from controlplane.celery import app
from tests.databases import ROOT

CELERY = {
    "task_acks_late": True,
    "task_reject_on_worker_lost": True,
    "task_acks_on_failure_or_timeout": True,
    "task_ignore_result": True,
    "task_serializer": "json",
    "result_serializer": "json",
    "event_serializer": "json",
    "accept_content": ["json"],
    "timezone": "UTC",
    "task_time_limit": 120,
    "task_soft_time_limit": 90,
    "task_create_missing_queues": False,
    "task_default_queue": "maintenance",
    "broker_connection_retry_on_startup": True,
    "broker_connection_max_retries": None,
    "worker_max_tasks_per_child": 2000,
    "worker_max_memory_per_child": 400_000,
    "worker_soft_shutdown_timeout": 30,
    "worker_cancel_long_running_tasks_on_connection_loss": True,
    "worker_eta_task_limit": 1000,
    "worker_send_task_events": False,
    "worker_hijack_root_logger": False,
    "beat_scheduler": "controlplane.beat:LeaderScheduler",
}
TRANSPORT = {
    "visibility_timeout": 300,
    "unacked_restore_interval": 5,
    "unacked_restore_throttle": 1,
    "socket_timeout": 10,
    "socket_connect_timeout": 5,
    "socket_keepalive": True,
    "health_check_interval": 10,
}
SAFE = {
    "SPP_ENVIRONMENT": "production",
    "SECRET_KEY": "k" * 30 + "0123456789abcdefghijABCDEFGHIJ",
    "ALLOWED_HOSTS": "control.example.com",
    "DATABASE_URL": "postgresql://spp_app:x@db.example.com/spp?sslmode=verify-full",
    "BROKER_URL": "rediss://:x@broker.example.com:6380/0",
    "AZURE_VAULT_URL": "https://vault.vault.azure.net",
}
UNSAFE = (
    {
        "SECRET_KEY": "short",
        "ALLOWED_HOSTS": "*",
        "DATABASE_URL": "postgresql://spp_app:x@db.example.com/spp",
        "MIGRATION_DATABASE_URL": "postgresql://spp_app:x@db.example.com/spp?sslmode=verify-full",
        "BROKER_URL": "redis://:x@broker.example.com:6379/0",
        "AZURE_VERIFY_CHALLENGE_RESOURCE": "false",
        "AZURE_ARM_URL": "https://localhost:8443",
        "CLOCK_SCALE": "60",
        "SECURE_COOKIES": "false",
        "SECURE_SSL_REDIRECT": "false",
        "SECURE_HSTS_SECONDS": "60",
    },
    {
        "SECRET_KEY": "",
        "ALLOWED_HOSTS": "",
        "AZURE_AUTHORITY_HOST": "http://login.example.com",
        "CLOCK_OFFSET_SECONDS": "1",
    },
)
REFUSALS = (
    {"secret_key", "allowed_hosts", "database_tls", "database_roles", "broker_tls", "vault_challenge", "azure_address"}
    | {"clock", "cookies", "ssl_redirect", "hsts"},
    {"secret_key", "allowed_hosts", "azure_address", "clock"},
)

# Reads all refusals in one interpreter for each case: settings are read once in a process.
PROBE = """
import django, json, sys
django.setup()
from django.core.checks import run_checks
print(json.dumps(sorted({m.id for m in run_checks(include_deployment_checks=True) if m.level >= 30})))
"""


def refusals(changes: dict[str, str]) -> list[str]:
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    environment = {**kept, **SAFE, **changes, "DJANGO_SETTINGS_MODULE": "controlplane.settings"}
    command = [sys.executable, "-c", PROBE]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.mark.parametrize("name", CELERY)
def test_celery_is_configured_as_decided(name: str) -> None:
    assert getattr(app.conf, name) == CELERY[name]


def test_the_transport_neither_blocks_for_ever_nor_forgets() -> None:
    assert app.conf.broker_transport_options == TRANSPORT
    longest_task = app.conf.task_time_limit + app.conf.worker_soft_shutdown_timeout
    assert longest_task < TRANSPORT["visibility_timeout"]


def test_publishing_gives_up_soon() -> None:
    policy = app.conf.task_publish_retry_policy
    assert policy["max_retries"] == 2
    assert policy["interval_max"] == 0.2


def test_every_route_leads_to_a_declared_queue() -> None:
    declared = {queue.name for queue in app.conf.task_queues}
    assert declared == {"advance", "isolated", "observe", "notify", "maintenance"}
    assert {route["queue"] for route in app.conf.task_routes.values()} <= declared


def test_a_safe_production_configuration_passes_djangos_checks_and_ours() -> None:
    assert refusals({}) == []


@pytest.mark.parametrize("case", [0, 1])
def test_unsafe_values_are_refused_in_production_all_at_once(case: int) -> None:
    ours = {
        refusal.removeprefix("controlplane.")
        for refusal in refusals(UNSAFE[case])
        if refusal.startswith("controlplane.")
    }
    assert ours == REFUSALS[case]


def test_the_web_server_does_not_start_with_an_unsafe_configuration() -> None:
    environment = {
        **SAFE,
        "BROKER_URL": "redis://:x@h/0",
        "PATH": os.environ["PATH"],
        "DJANGO_SETTINGS_MODULE": "controlplane.settings",
    }
    command = [sys.executable, "-c", "import controlplane.wsgi"]
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "BROKER_URL must start with rediss://" in done.stderr
