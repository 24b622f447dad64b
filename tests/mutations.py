"""Does the suite test what it says? `make mutations` takes away one safeguard at a time and names the tests that notice.

Works on a copy of the tree. Prints a table, writes docs/mutations.md, ends with a JSON line; 1 when nobody noticed.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from tests.databases import ROOT

ENGINE = tuple(
    f"tests/integration/operations/test_{name}.py"
    for name in ("engine", "engine_troubles", "engine_waiting", "fencing")
)
OBSERVER = ("tests/integration/provisioning/test_observe.py",)
SIMULATION = ("tests/simulation/test_simulation.py::test_everything_holds_and_ends[5]",)
PAGE = ROOT / "docs" / "mutations.md"
FAILED = re.compile(r"^FAILED (.+?)(?: - .*)?$", re.MULTILINE)
LONGEST_SECONDS = 300
UNCHANGED_SECONDS = 900


@dataclass(frozen=True)
class Mutation:
    """A safeguard; where it stands, as patterns that are replaced everywhere in `path`; and the tests that should miss it."""

    name: str
    path: str
    changes: tuple[tuple[str, str], ...]
    tests: tuple[str, ...] = ENGINE


@dataclass(frozen=True)
class Verdict:
    """Which test noticed first (empty: none did in time), and how long that took."""

    mutation: Mutation
    noticed: str
    seconds: float


MUTATIONS = (
    Mutation(
        "fence check",
        "operations/records.py",
        ((r"o\.fence = new\.fence AND ", ""), (r"o\.fence = held\.fence AND ", "")),
    ),
    Mutation(
        "claim token check",
        "operations/records.py",
        ((r" AND o\.claim_token = new\.token", ""), (r" AND o\.claim_token = held\.token", "")),
    ),
    Mutation(
        "fence and claim token checks",
        "operations/records.py",
        (
            (r"o\.fence = new\.fence AND o\.claim_token = new\.token AND ", ""),
            (r"o\.fence = held\.fence AND o\.claim_token = held\.token AND ", ""),
        ),
    ),
    Mutation(
        "lease: a claimed row is not due",
        "operations/claims.py",
        ((r"due_at = moment\.now \+ %\(lease\)s \* interval '1 second',", ""),),
    ),
    Mutation(
        "intent written before the act",
        "operations/claims.py",
        ((r"(FROM claimed) WHERE run_id IS NOT NULL", r"\1 WHERE false"),),
        (*ENGINE, *SIMULATION),
    ),
    Mutation(
        "read-back: maybe it happened",
        "operations/claims.py",
        ((r"operation\.maybe_happened = row\[\"happened_before\"\]", "operation.maybe_happened = False"),),
        (*ENGINE, *SIMULATION),
    ),
    Mutation(
        "one active operation a target",
        "operations/migrations/0002_engine.py",
        (
            (
                r"        migrations\.AddConstraint\(\n            model_name='operation',\n"
                r"            constraint=.*name='operation_one_active_per_target'\),\n        \),\n",
                "",
            ),
        ),
    ),
    Mutation(
        "observer's lease token",
        "provisioning/observe.py",
        ((r", observe_token=server\.observe_token\)\.update", ").update"), (r" AND observe_token = %\(token\)s", "")),
        OBSERVER,
    ),
    Mutation(
        "later look wins",
        "provisioning/observe.py",
        ((r"row\.observed_at is None or row\.observed_at < at", "True"),),
        OBSERVER,
    ),
    Mutation(
        "seen since our last word",
        "provisioning/awaiting.py",
        ((r"return seen_at is not None and .*", "return seen_at is not None"),),
        OBSERVER,
    ),
)


def main() -> int:
    """Try all; 1 when a safeguard is missed by nobody, or the unchanged tree is red."""
    with tempfile.TemporaryDirectory(prefix="mutations-") as directory:
        tree = Path(directory) / "tree"
        _copy_to(tree)
        everything = tuple(dict.fromkeys(test for mutation in MUTATIONS for test in mutation.tests))
        _print("the tree as it is …")
        if red := _failing(tree, everything, seconds=UNCHANGED_SECONDS):
            _print(f"red without any change: {red}")
            return 1
        verdicts = [_try(tree, mutation) for mutation in MUTATIONS]
    table = _table(verdicts)
    _print(table)
    PAGE.write_text(_page(table))
    missed = [verdict.mutation.name for verdict in verdicts if not verdict.noticed]
    _print(json.dumps({"mutations": len(verdicts), "noticed": len(verdicts) - len(missed), "missed": missed}))
    return bool(missed)


def _copy_to(tree: Path) -> None:
    """Everything that git knows or would."""
    listing = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"]
    names = subprocess.run(listing, cwd=ROOT, capture_output=True, check=True, text=True).stdout.split("\0")
    for name in filter(None, names):
        if (ROOT / name).is_file():
            (tree / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, tree / name)


def _try(tree: Path, mutation: Mutation) -> Verdict:
    """Change, run, change back."""
    path, started = tree / mutation.path, time.monotonic()
    text = path.read_text()
    path.write_text(mutated(text, mutation))
    try:
        noticed = _failing(tree, mutation.tests)
    finally:
        path.write_text(text)
    verdict = Verdict(mutation, noticed, time.monotonic() - started)
    _print(f"{mutation.name}: {'noticed by ' + noticed if noticed else 'NOT NOTICED'} ({verdict.seconds:.0f} s)")
    return verdict


def mutated(text: str, mutation: Mutation) -> str:
    """The text without the safeguard; LookupError when a pattern no longer fits."""
    for pattern, replacement in mutation.changes:
        text, count = re.subn(pattern, replacement, text)
        if not count:
            raise LookupError(f"{mutation.name}: {pattern} is nowhere in {mutation.path}")
    return text


def _failing(tree: Path, tests: tuple[str, ...], *, seconds: float = LONGEST_SECONDS) -> str:
    """The first test that fails within the time, or nothing. A run that hangs tells nobody what is wrong."""
    options = ("-q", "--tb=no", "--maxfail=1", "-p", "no:cacheprovider")
    command = [sys.executable, "-m", "pytest", *options, *tests]
    code, output = _ended(command, tree, seconds=seconds)
    if code not in (0, 1, None):
        raise RuntimeError(f"pytest could not run: {output[-4000:]}")
    return next(iter(FAILED.findall(output)), "")


def _ended(command: list[str], tree: Path, *, seconds: float) -> tuple[int | None, str]:
    """Exit code (None: it was ended for taking too long) and what was printed."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True}
    with subprocess.Popen(command, cwd=tree, **pipes) as running:
        try:
            output, _ = running.communicate(timeout=seconds)
        except subprocess.TimeoutExpired:
            running.terminate()  # its servers end with it
            output, _ = running.communicate()
            return None, output
    return running.returncode, output


def _table(verdicts: list[Verdict]) -> str:
    lines = ["| taken away | in | noticed first by | seconds |", "| --- | --- | --- | --- |"]
    for verdict in verdicts:
        name = f"`{verdict.noticed.removeprefix('tests/')}`" if verdict.noticed else "**nobody**"
        lines.append(f"| {verdict.mutation.name} | `{verdict.mutation.path}` | {name} | {verdict.seconds:.0f} |")
    return "\n".join(lines)


def _page(table: str) -> str:
    return (
        "# What notices a missing safeguard\n\n"
        "Written by `make mutations`: in a copy of the tree each safeguard of the engine is taken away, one at a time, and a\n"
        f"small part of the suite is run until the first test fails, {LONGEST_SECONDS} seconds at most. The seconds include\n"
        "the start of a PostgreSQL, on a machine that does other things as well. A safeguard that nobody misses fails the\n"
        f"command.\n\n{table}\n"
    )


def _print(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
