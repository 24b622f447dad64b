"""The sizes of this house: a file has at most 300 lines, a function at most 35, signature and docstring included.

What grows beyond is split by meaning. Migrations count too; nothing is exempt.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

from tests.databases import ROOT

FILE_LINES = 300
FUNCTION_LINES = 35
NOT_OURS = {".venv", ".run", ".git", "build", "staticfiles", "node_modules"}  # directories at the root


def test_no_file_is_longer_than_300_lines():
    assert [f"{name}: {len(text.splitlines())}" for name, text in files() if is_long(text)] == []


def test_no_function_is_longer_than_35_lines():
    assert [f"{name}: {found}" for name, text in files() for found in long_functions(text)] == []


def test_both_limits_are_measured_to_the_line():
    assert not is_long("x = 1\n" * FILE_LINES)
    assert is_long("x = 1\n" * (FILE_LINES + 1))
    function = "def f():\n" + "    x = 1\n" * (FUNCTION_LINES - 1)
    assert list(long_functions(function)) == []
    assert list(long_functions(f"class A:\n    async {function.replace(chr(10), chr(10) + '    ')}    x = 1\n")) == [
        f"f has {FUNCTION_LINES + 1}"
    ]


def test_the_whole_tree_is_looked_at():
    folders = {name.split("/")[0] for name, _ in files()}
    assert {"controlplane", "operations", "simulator", "tests", "benchmarks", "manage.py"} <= folders


def files() -> Iterator[tuple[str, str]]:
    """Path and text of every Python file of the repository."""
    for top in sorted(ROOT.iterdir()):
        if top.name in NOT_OURS:
            continue
        for path in [top] if top.suffix == ".py" else sorted(top.rglob("*.py")):
            yield str(path.relative_to(ROOT)), Path(path).read_text()


def is_long(text: str) -> bool:
    return len(text.splitlines()) > FILE_LINES


def long_functions(text: str) -> Iterator[str]:
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or node.lineno) - node.lineno + 1
            if lines > FUNCTION_LINES:
                yield f"{node.name} has {lines}"
