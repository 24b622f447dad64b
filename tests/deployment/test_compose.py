"""The compose file says nothing that its schema, the code or the image do not know. There is no Docker where tests run:
what is checked is the file, and that its commands, told to this interpreter instead, become the product."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from controlplane.embedded import EmbeddedStack, Part
from controlplane.worker_groups import worker_groups
from simulator.azure import Azure
from tests.databases import ROOT
from tests.deployment.variables import OF_OTHERS, secrets_read, variables_read

COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text())
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
OURS = {name: service for name, service in SERVICES.items() if service["image"] == COMPOSE["name"]}
DOCKERFILE = (ROOT / "Dockerfile").read_text()
EXAMPLE = (ROOT / ".env.example").read_text()


def test_the_file_keeps_to_the_compose_schema():
    """As the package check-jsonschema ships it."""
    text = resources.files("check_jsonschema").joinpath("builtin_schemas/vendor/compose-spec.json").read_text()
    jsonschema.validate(COMPOSE, json.loads(text))


def test_every_queue_and_lane_has_its_workers():
    for group in worker_groups():
        service = SERVICES[group.name]
        assert service["command"] == ["python", "-m", "celery", "--app", "controlplane.celery", *group.arguments()]
        assert group.environment().items() <= service["environment"].items()
    assert {name for name in SERVICES if name.startswith("worker-")} == {group.name for group in worker_groups()}


def test_two_beats_run_and_all_else_that_the_product_is():
    assert SERVICES["beat"]["deploy"]["replicas"] == 2
    assert set(SERVICES) >= {"web", "migrate", "beat", "postgres", "valkey", "simulator"}
    assert [name for name, service in SERVICES.items() if service.get("profiles")] == ["simulator"]


@pytest.mark.parametrize("name", OURS)
def test_every_variable_of_a_service_is_read_by_the_code(name):
    known = variables_read() | {f"{secret}_FILE" for secret in secrets_read()} | OF_OTHERS
    assert set(OURS[name].get("environment", {})) <= known


@pytest.mark.parametrize("name", SERVICES)
def test_secrets_come_by_file_and_are_made_by_the_script(name):
    service = SERVICES[name]
    given = set(service.get("secrets", ()))
    assert given <= set(COMPOSE["secrets"])
    used = set(
        re.findall(r"/run/secrets/(\w+)", json.dumps([service.get("environment", {}), service.get("command", "")]))
    )
    assert used <= given
    made = (ROOT / "deploy" / "make_secrets.py").read_text()
    assert all(f'"{secret}"' in made for secret in given)


@pytest.mark.parametrize("name", OURS)
def test_every_command_exists(name):
    command = OURS[name].get("command", ["python", "manage.py", "check"])
    for management in re.findall(r"manage\.py (\w+)", " ".join(command)):
        assert management in known_management_commands()
    if command[:3] == ["python", "-m", "simulator"]:
        usage = subprocess.run(
            [sys.executable, "-m", "simulator", "--help"], capture_output=True, text=True, check=True, cwd=ROOT
        )
        assert all(word in usage.stdout for word in command if word.startswith("--"))


def known_management_commands() -> set[str]:
    from django.core.management import get_commands

    return set(get_commands())


def test_every_service_tells_whether_it_is_well():
    for name, service in SERVICES.items():
        assert "healthcheck" in service or name == "web", name  # the image's own is that of web
    assert "HEALTHCHECK" in DOCKERFILE
    assert "/healthz" in DOCKERFILE


def test_the_image_is_built_in_stages_and_runs_as_nobody_special():
    assert DOCKERFILE.count("\nFROM ") + DOCKERFILE.startswith("FROM ") == 2
    user = re.findall(r"^USER (\w+)$", DOCKERFILE, re.MULTILINE)
    assert user
    assert user[-1] != "root"
    for package in ("libltdl7", "libkrb5-3", "libgssapi-krb5-2"):
        assert package in DOCKERFILE
    ignored = (ROOT / ".dockerignore").read_text().split()
    assert {".git", ".env", "deploy/secrets"} <= set(ignored)


def settings_of(text: str) -> dict[str, str]:
    """Name and value of each line, commented out or not."""
    return dict(re.findall(r"^(?:# )?([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def active(text: str) -> dict[str, str]:
    return dict(re.findall(r"^([A-Z][A-Z0-9_]+)=(.*)$", text, re.MULTILINE))


def test_the_example_of_settings_names_every_variable_and_no_other():
    secrets = secrets_read()
    names = {
        name.removesuffix("_FILE") if name.removesuffix("_FILE") in secrets else name for name in settings_of(EXAMPLE)
    }
    assert names == variables_read()


def test_the_example_points_at_the_simulator_as_it_is():
    azure, example = Azure(seed=1), active(EXAMPLE)
    assert example["AZURE_TENANT_ID"] == azure.tenant
    assert example["AZURE_CLIENT_ID"] == azure.entra.client_id
    assert example["SQL_ENTRA_ADMIN_OBJECT_ID"] == azure.entra.sql_administrators
    assert example["AZURE_SUBSCRIPTION_IDS"] == azure.arm.subscriptions[0]
    command = SERVICES["simulator"]["command"]
    assert example["AZURE_ARM_URL"].endswith(f":{command[command.index('--port') + 1]}")
    assert example["AZURE_SQL_PORT"] == command[command.index("--sql-port") + 1]


def test_the_settings_accept_the_example():
    kept = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    command = [sys.executable, "-c", "import django; django.setup()"]
    environment = {**kept, "DJANGO_SETTINGS_MODULE": "controlplane.settings", **active(EXAMPLE)}
    subprocess.run(command, cwd=ROOT, env=environment, check=True, timeout=60)


@pytest.mark.full
def test_the_same_processes_run_without_docker(tmp_path):
    """Every command of ours, with the addresses of servers that are here, until the product says that it is ready."""
    with EmbeddedStack(tmp_path, (Part.POSTGRES, Part.VALKEY, Part.SIMULATOR), losable=True) as stack:
        key = tmp_path / "key"
        key.write_text("k" * 60)
        environment = {
            **os.environ,
            **stack.environment,
            "SECRET_KEY_FILE": str(key),
            "DJANGO_SETTINGS_MODULE": "controlplane.settings",
        }
        port = stack.run.port("web", preferred=8017)
        for command in translated(SERVICES["migrate"]["command"], port):
            subprocess.run(command, cwd=ROOT, env={**environment, "DATABASE_ROLE": "owner"}, check=True, timeout=120)
        lasting = [name for name in OURS if name not in ("migrate", "simulator")] + ["beat"]
        with running(lasting, environment, port, tmp_path) as processes:
            wait_until_ready(f"http://127.0.0.1:{port}/readyz", seconds=90)
            assert [name for name, process in processes if process.poll() is not None] == []
            for _, process in processes:
                process.terminate()
            assert [name for name, process in processes if not ends(process)] == []


def translated(command: list[str], port: int) -> Iterator[list[str]]:
    """For this interpreter, and on loopback."""
    parts = command[2].split(" && ") if command[0] == "sh" else [None]
    for part in parts:
        words = part.split() if part else command
        swapped = {"python": sys.executable, "0.0.0.0": "127.0.0.1", "8000": str(port)}
        yield [swapped.get(word, word) for word in words]


@contextmanager
def running(
    names: list[str], environment: dict[str, str], port: int, logs: Path
) -> Iterator[list[tuple[str, subprocess.Popen[bytes]]]]:
    image_command = json.loads(re.findall(r"^CMD (\[.*\])$", DOCKERFILE, re.MULTILINE)[-1])
    processes = []
    for number, name in enumerate(names):
        service = SERVICES[name]
        own = {key: value for key, value in service["environment"].items() if not str(value).startswith("/run/secrets")}
        (command,) = translated(service.get("command", image_command), port)
        with (logs / f"{name}-{number}.log").open("wb") as log:
            processes.append(
                (name, subprocess.Popen(command, cwd=ROOT, env={**environment, **own}, stdout=log, stderr=log))
            )
    try:
        yield processes
    finally:
        for _, process in processes:
            process.kill()
            process.wait()


def ends(process: subprocess.Popen[bytes]) -> bool:
    """By itself, within the time after which Compose kills a container."""
    grace = {SERVICES[name]["stop_grace_period"] for name in OURS if name != "simulator"}
    seconds = float(min(grace).removesuffix("s"))
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        return False
    return True


def wait_until_ready(url: str, *, seconds: float) -> None:
    """Until /readyz knows every kind of process alive."""
    deadline = time.monotonic() + seconds
    while not is_ready(url):
        assert time.monotonic() < deadline, f"{url} is not ready"
        time.sleep(0.5)


def is_ready(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return bool(json.load(answer)["status"] == "ready")
    except (urllib.error.URLError, OSError):
        return False
