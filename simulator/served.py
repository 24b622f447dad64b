"""What is simulated, as a table made from the routes and their docstrings.

`python -m simulator.served` prints it in Markdown; docs/simulator.md holds a copy, and a test compares both.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable

from simulator import absent
from simulator.arm import handlers
from simulator.arm.routing import Route, routes
from simulator.azure import Azure
from simulator.key_vault import ROUTES as VAULT_ROUTES

SIMPLIFIED = (
    (
        "Time",
        "Operations take a time drawn from what was recorded, scaled by --time-scale. Between lie the phases of a conversion "
        "to Hyperscale, and its switch, at which sessions end and nobody comes in for a while.",
    ),
    (
        "Cutover that nobody performs",
        "After 24 hours the conversion is cancelled; the documentation gives the hours and does not say what follows.",
    ),
    (
        "Storage",
        "A database holds catalog, users and rights; of its rows only what sign-ins and health checks ask for.",
    ),
    (
        "Restore to a moment",
        "Users, passwords, rights and tables as they were then, as far as the last 64 states of each are kept.",
    ),
    ("Replication", "A secondary shows what its primary holds without delay; a forced failover loses nothing."),
    (
        "Keys of databases",
        "A lost key: sign-ins end after 10 minutes, Inaccessible after 30 (24 hours later while the vault does not answer at "
        "all); with access back before, it heals within the hour; else revalidation brings it back as a single database, "
        "without tags, retention and history. Rotation follows a new version after 12 hours. The log is under the key before "
        "for 10 minutes.",
    ),
    ("Metrics", "Drawn from a seeded workload with days, weeks, bursts and neighbours, not measured."),
    ("Role-based access", "Any application of the directory may call ARM; Key Vault and Monitor ask for rights."),
    ("Signatures of tokens", "One signing key, which lives as long as the state; it is not rolled."),
    ("Throttling", "ARM's and Key Vault's buckets as documented; of the SQL provider what its documentation gives."),
)


def table() -> str:
    """All of it, in Markdown."""
    assert handlers.ALL
    parts = [
        "### Simulated: Azure Resource Manager\n",
        _rows(("call", "what it promises"), [(f"{one.method} {_short(one)}", _said(one.handler)) for one in _arm()]),
        "### Simulated: Key Vault\n",
        _rows(
            ("call", "what it promises"),
            [(f"{one.method} {_plain(one.path.pattern)}", _said(one.handler)) for one in VAULT_ROUTES],
        ),
        "### Simulated: control of the simulator itself\n",
        _rows(("call", "what it promises"), [(call, _sentence(text)) for call, text in Azure().control.served()]),
        "### Simplified\n",
        _rows(("what", "how"), SIMPLIFIED),
        "### Absent\n",
        _rows(("what", "why or which"), absent.rows()),
    ]
    return "\n".join(parts)


def _arm() -> list[Route]:
    """One row for all the addresses to poll."""
    polls = re.compile(r"(AzureAsyncOperation|OperationResults)/")
    return sorted(
        (one for one in routes() if not polls.search(one.template)), key=lambda one: (one.template, one.method)
    )


def _short(served: Route) -> str:
    """The path below the subscription, its provider left out where it is SQL's."""
    path = served.template.removeprefix("/subscriptions/{subscription}")
    return path.replace("/resourceGroups/{group}/providers/Microsoft.Sql", "…") or "/subscriptions/{subscription}"


def _plain(pattern: str) -> str:
    """A regular expression of a path, for people."""
    return re.sub(r"\((?:\?:)?(/?)\(?\[\^/\]\+\)*\)?\??", r"\1{…}", pattern)


def _said(handler: Callable[..., object]) -> str:
    """The first words of its docstring; where it has none its name says it."""
    name = getattr(handler, "__name__", "").replace("_", " ")
    return _sentence(handler.__doc__ or "") or f"{name.capitalize()}."


def _sentence(text: str) -> str:
    return re.sub(r"\s+", " ", text.strip().split("\n\n")[0])


def _rows(head: tuple[str, str], rows: Iterable[tuple[str, str]]) -> str:
    lines = [f"| {head[0]} | {head[1]} |", "| --- | --- |"]
    lines += [
        f"| `{first}` | {second.replace('|', '/')} |" if "/" in first else f"| {first} | {second} |"
        for first, second in rows
    ]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    sys.stdout.write(table())
