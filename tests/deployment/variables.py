"""Every environment variable that the code reads, found in the code."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from tests.databases import ROOT

READERS = {"env_text", "env_int", "env_float", "env_bool", "env_list", "env_moment", "env_secret", "is_set"}
PACKAGES = (
    "controlplane",
    "cloud",
    "inventory",
    "notifications",
    "operations",
    "placement",
    "provisioning",
    "rotation",
)
OF_OTHERS = {"REMAP_SIGTERM", "DJANGO_SETTINGS_MODULE"}  # read by Celery and Django themselves


def variables_read() -> set[str]:
    """Names given to the readers of controlplane/env.py."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {name for file in files for name in _names(ast.parse(file.read_text()))}


def secrets_read() -> set[str]:
    """Those that may come from a file: `<NAME>_FILE`."""
    files = [file for package in PACKAGES for file in (ROOT / package).rglob("*.py")]
    return {name for file in files for name in _names(ast.parse(file.read_text()), {"env_secret"})}


def _names(tree: ast.AST, readers: set[str] = READERS) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in readers and node.args:
            first = node.args[0]
            if isinstance(first, ast.Constant) and isinstance(first.value, str):
                yield first.value
