"""The command of the contract: one JSON line, TLS under its own CA, state that survives being killed."""

from __future__ import annotations

import json
import signal
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]
KEYS = {"arm", "authority", "metrics", "vault", "vault_name", "sql_port", "ca", "tenant", "client_id", "client_secret"}
KEYS |= {"vaults", "subscription", "locations", "admin"}
DEADLINE_SECONDS = 20


class Running:
    """A simulator's process and a client that trusts its CA."""

    def __init__(self, process: subprocess.Popen[bytes], contract: dict[str, Any]) -> None:
        self.process, self.contract = process, contract
        self._tls = ssl.create_default_context(cafile=contract["ca"])
        self._token = ""

    def ask(self, method: str, url: str, document: object = None, token: str = "") -> tuple[int, Any]:
        data = None if document is None else json.dumps(document).encode()
        headers = {"content-type": "application/json", **({"authorization": f"Bearer {token}"} if token else {})}
        request = urllib.request.Request(url, data, headers, method=method)
        try:
            with urllib.request.urlopen(request, context=self._tls, timeout=10) as answer:
                return answer.status, json.loads(answer.read() or b"null")
        except urllib.error.HTTPError as error:
            return error.code, json.loads(error.read() or b"null")

    def arm(self, method: str, path: str, document: object = None) -> tuple[int, Any]:
        url = f"{self.contract['arm']}/subscriptions/{self.contract['subscription']}{path}?api-version=2023-08-01"
        return self.ask(method, url, document, self.token())

    def token(self) -> str:
        if not self._token:
            form = {"grant_type": "client_credentials", "scope": "https://management.azure.com/.default"}
            form |= {name: self.contract[name] for name in ("client_id", "client_secret")}
            url = f"{self.contract['authority']}/{self.contract['tenant']}/oauth2/v2.0/token"
            data = urllib.parse.urlencode(form).encode()
            with urllib.request.urlopen(url, data, context=self._tls, timeout=10) as answer:
                self._token = json.loads(answer.read())["access_token"]
        return self._token


@contextmanager
def a_simulator(state: Path, *more: str) -> Iterator[Running]:
    command = [sys.executable, "-m", "simulator", "--port", "0", "--state", str(state), "--time-scale", "60", *more]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE)
    try:
        assert process.stdout is not None
        yield Running(process, json.loads(process.stdout.readline()))
    finally:
        process.kill()
        process.wait(DEADLINE_SECONDS)
        process.stdout.close()


SERVER = {
    "location": "eastus",
    "properties": {"administratorLogin": "fleetadmin", "administratorLoginPassword": "Correct-Horse-9"},
}


@pytest.fixture
def running(tmp_path) -> Iterator[Running]:
    with a_simulator(tmp_path) as one:
        yield one


def test_the_line_names_everything_that_a_client_needs(running):
    assert set(running.contract) >= KEYS
    assert running.arm("GET", "")[0] == 200


def test_a_vault_that_was_asked_for_is_reached_at_the_address_that_the_line_tells(tmp_path):
    with a_simulator(tmp_path, "--vault", "kv1") as one:
        assert set(one.contract["vaults"]) == {"vault", "kv1"}
        assert one.contract["vaults"]["vault"] == one.contract["vault"]
        status, refusal = one.ask("GET", f"{one.contract['vaults']['kv1']}/secrets/a?api-version=7.4")
        assert (status, refusal["error"]["code"]) == (401, "Unauthorized")


def test_it_ends_on_sigterm(running):
    running.process.send_signal(signal.SIGTERM)
    assert running.process.wait(DEADLINE_SECONDS) == 0


def test_what_was_accepted_survives_sigkill_and_goes_on(tmp_path):
    server = "/resourceGroups/rg/providers/Microsoft.Sql/servers/one"
    with a_simulator(tmp_path) as first:
        first.ask("POST", f"{first.contract['admin']}/clock", {"advance_seconds": 86_400})
        assert first.arm("PUT", "/resourceGroups/rg", {"location": "eastus"})[0] == 201
        assert first.arm("PUT", server, SERVER)[0] == 202
        told = first.ask("GET", f"{first.contract['admin']}/clock")[1]["now"]
        first.process.send_signal(signal.SIGKILL)
    with a_simulator(tmp_path) as second:
        assert second.ask("GET", f"{second.contract['admin']}/clock")[1]["now"] >= told, "time never goes back"
        assert second.contract["arm"] == first.contract["arm"]
        assert second.contract["client_secret"] == first.contract["client_secret"]
        second.ask("POST", f"{second.contract['admin']}/clock", {"advance_seconds": 600})
        assert second.arm("GET", server)[1]["properties"]["state"] == "Ready"


def test_it_ends_with_its_parent_when_asked_to(tmp_path):
    script = (
        "import subprocess, sys;"
        f"p = subprocess.Popen([sys.executable, '-m', 'simulator', '--state', {str(tmp_path)!r}, '--exit-with-parent'],"
        "stdout=subprocess.PIPE); p.stdout.readline(); print(p.pid, flush=True)"
    )
    done = subprocess.run([sys.executable, "-c", script], cwd=ROOT, capture_output=True, check=True, timeout=30)
    pid, deadline = int(done.stdout), time.monotonic() + DEADLINE_SECONDS
    while _alive(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not _alive(pid)


def _alive(pid: int) -> bool:
    status = Path(f"/proc/{pid}/stat")
    return status.exists() and status.read_text().rsplit(")", 1)[1].split()[0] != "Z"
