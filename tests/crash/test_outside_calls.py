"""A fault can only be tried where a test can stand: nothing reaches outside but through the ports that tests replace."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.databases import ROOT

PRODUCT = ("cloud", "controlplane", "inventory", "notifications", "operations", "placement", "provisioning", "rotation")
CLOUD = {"azure", "msal", "pytds", "mssql_python"}
NETWORK = {"requests", "urllib3", "httpx", "aiohttp", "http", "ftplib", "smtplib", "socket", "ssl", "urllib.request"}
OTHERS = {"redis", "valkey", "subprocess", "asyncio"}
REACHES_OUT = CLOUD | NETWORK | OTHERS
ALLOWED = {
    # Azure, over HTTP: every client takes the transport that `factory.configure` was given.
    "cloud": {"azure"},
    # The same transport, which gives up answers that are too large or too slow.
    "cloud/transport.py": {"requests"},
    # Azure SQL: the two drivers behind the SqlDriver port, which `factory.configure` takes as well.
    "cloud/mssql_driver.py": {"mssql_python"},
    "cloud/tds_driver.py": {"pytds"},
    # Valkey: the shared rate bucket; losing it costs at most a 429.
    "controlplane/throttle.py": {"redis"},
    # Whether Valkey answers, for an orchestrator's probe and at the start.
    "controlplane/health.py": {"redis"},
    "controlplane/reachable.py": {"redis"},
    # Receivers of notifications, behind the guard of addresses; at least once, so that a lost answer means once more.
    "notifications/addresses.py": {"socket"},
    "notifications/channels.py": {"smtplib"},
    "notifications/lookups.py": {"socket"},
    "notifications/outbound.py": {"http", "socket", "ssl"},
    # The servers of one machine, and the demo, which is a user of the product.
    "controlplane/embedded": {"subprocess", "redis", "socket", "urllib.request"},
    "controlplane/demo": {"requests"},
    # The published keys that callers' tokens are checked against.
    "controlplane/api/signing_keys.py": {"urllib.request", "ssl"},
    # The worker's own name, for people who look at a lease.
    "operations/claims.py": {"socket"},
}


def sources() -> list[Path]:
    return [path for folder in PRODUCT for path in (ROOT / folder).rglob("*.py") if "migrations" not in path.parts]


def imported(path: Path) -> Iterator[str]:
    """Modules that a file imports, wherever in it, as long as somebody could reach out with them."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom) and node.module and not node.level:
            names = [node.module, *(f"{node.module}.{alias.name}" for alias in node.names)]
        for name in names:
            yield from (known for known in REACHES_OUT if name == known or name.startswith(known + "."))


def allowed(path: Path) -> set[str]:
    inside = path.relative_to(ROOT).as_posix()
    return {name for place, names in ALLOWED.items() if (inside + "/").startswith(place + "/") for name in names}


def test_only_named_places_can_reach_outside() -> None:
    found = {path.relative_to(ROOT).as_posix(): set(imported(path)) - allowed(path) for path in sources()}
    assert {path: names for path, names in found.items() if names} == {}


def test_the_check_sees_imports_inside_functions(tmp_path: Path) -> None:
    file = tmp_path / "sly.py"
    file.write_text("def f():\n    from urllib import request\n    import azure.identity\n")
    assert set(imported(file)) == {"urllib.request", "azure"}
