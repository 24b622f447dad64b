"""A real Chromium against a real web process of ours, which reaches the database as the application role."""

from __future__ import annotations

import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, sync_playwright

from controlplane.database_url import DatabaseAddress
from tests.conftest import environment_for_children
from tests.fleets import Fleet, a_fleet

CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
PASSWORD = "correct-horse-battery"
START_SECONDS = 60.0


ABORTED = "net::ERR_ABORTED"


@dataclass
class Window:
    """A signed-in page, and whatever its browser complained about."""

    page: Page
    address: str
    complaints: list[str] = field(default_factory=list)

    def open(self, path: str) -> None:
        self.page.goto(self.address + path, wait_until="load")
        self.page.wait_for_function("window.Alpine !== undefined")

    def sign_in(self, name: str, password: str) -> None:
        self.page.goto(self.address + "/console/")
        self.page.get_by_label("Username").fill(name)
        self.page.get_by_label("Password").fill(password)
        self.page.get_by_role("button", name="Log in").click()
        self.page.wait_for_load_state("load")


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    if CHROMIUM is None:
        pytest.skip("no Chromium here: install the package `chromium` to run the browser tests")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield browser
        browser.close()


@pytest.fixture
def orm(chromium: Browser, monkeypatch: pytest.MonkeyPatch, committed_db: None) -> None:
    """Playwright keeps an event loop in this thread, in which Django would refuse to work."""
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")


@pytest.fixture
def fleet(orm: None) -> Fleet:
    User.objects.create_superuser("alice", password=PASSWORD)
    return a_fleet()


@pytest.fixture(scope="module")
def web(
    chromium: Browser, application_address: DatabaseAddress, broker_url: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """The address of a web process that works on the tests' database."""
    port, log_path = _free_port(), tmp_path_factory.mktemp("web") / "web.log"
    serve = ("granian", "--interface", "wsgi", "--host", "127.0.0.1", "--port", str(port), "--no-ws")
    command = [sys.executable, "-m", *serve, "controlplane.wsgi:application"]
    environment = environment_for_children(application_address, broker_url)
    with log_path.open("wb") as log:
        process = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        _wait_until_it_answers(f"http://localhost:{port}/healthz", process, log_path)
        yield f"http://localhost:{port}"
    finally:
        process.terminate()
        process.wait(30)


@pytest.fixture
def stranger(chromium: Browser, fleet: Fleet, web: str) -> Iterator[Window]:
    """A window in which nobody has signed in."""
    context = chromium.new_context(viewport={"width": 1440, "height": 900})
    window = Window(context.new_page(), web)
    complain = window.complaints.append
    window.page.on("console", lambda message: complain(message.text) if message.type in ("error", "warning") else None)
    window.page.on("pageerror", lambda error: complain(str(error)))
    # An icon that is still loading when the next page is asked for is given up; that is nobody's fault.
    window.page.on(
        "requestfailed", lambda request: request.failure == ABORTED or complain(f"{request.failure} {request.url}")
    )
    window.page.on("request", lambda request: None if request.url.startswith((web, "data:")) else complain(request.url))
    yield window
    context.close()


@pytest.fixture
def window(stranger: Window) -> Window:
    """A window in which the operator alice has signed in."""
    stranger.sign_in("alice", PASSWORD)
    return stranger


def _free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def _wait_until_it_answers(address: str, process: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline and process.poll() is None:
        try:
            with urllib.request.urlopen(address, timeout=2):
                return
        except (urllib.error.URLError, OSError):
            time.sleep(0.05)
    pytest.fail(f"The web process did not start:\n{log.read_text()[-2000:]}")
