"""What the watcher sees: a live table of services while they come to be, and the checks at the end."""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterable

from django.db.models import Count
from rich.console import Console
from rich.table import Table

from controlplane.demo.check import Check
from inventory.models import Database, ElasticPool
from operations.models import Operation

ATTENDED = sys.stdout.isatty()
console = Console(highlight=False, width=None if ATTENDED else 150)
COLOURS = {"ready": "green", "creating": "yellow", "deleting": "magenta", "failed": "bold red", "deleted": "dim"}


def progress_table(seconds: float) -> Table:
    """One line a workspace: how far its databases are, and what the slowest waits for."""
    table = Table(title=f"{seconds:5.1f} s", title_justify="left", expand=False)
    for heading in ("workspace", "region", "databases", "states", "now"):
        table.add_column(heading)
    by_workspace: dict[str, list[Database]] = {}
    for database in Database.objects.select_related("service__workspace", "region").order_by("created_at"):
        if database.service:
            by_workspace.setdefault(database.service.workspace.name, []).append(database)
    steps = _steps()
    for workspace, databases in by_workspace.items():
        states = Counter(database.status for database in databases)
        shown = " ".join(f"[{COLOURS.get(state, 'white')}]{n} {state}[/]" for state, n in sorted(states.items()))
        busy = next((steps[d.key] for d in databases if d.key in steps), "")
        table.add_row(workspace, str(databases[0].region), str(len(databases)), shown, busy)
    return table


def fleet_table() -> Table:
    """Every pool with what was promised of it, and every single database."""
    table = Table(title="Where they stand", title_justify="left")
    for heading in ("server", "pool or database", "size", "databases", "storage promised"):
        table.add_column(heading)
    standing = ElasticPool.objects.exclude(status="deleted").select_related("server")
    pools = standing.order_by("server__azure_name", "azure_name")
    for pool in pools:
        share = pool.bytes_committed / pool.max_size_bytes
        size = f"{pool.sku_name}_{pool.vcores}"
        table.add_row(str(pool.server), pool.azure_name, size, str(pool.databases_committed), _bar(share))
    for database in Database.objects.filter(pool=None, status="ready").select_related("server"):
        size = f"{database.sku_name}_{database.vcores}"
        table.add_row(
            str(database.server), database.azure_name, size, "1", f"{database.size_bytes / 2**40:.0f} TB planned"
        )
    return table


def show_checks(checks: Iterable[Check]) -> bool:
    """Print each promise; True when all hold."""
    held = True
    for check in checks:
        mark = "[bold red]✗[/]" if check.faults else "[green]✓[/]"
        console.print(f"  {mark} {check.promise} [dim]{check.seen}[/]")
        for fault in check.faults[:5]:
            console.print(f"      {fault}", markup=False)
        held &= not check.faults
    return held


def progress_line(seconds: float) -> str:
    """The same in one line, for a log that nobody watches."""
    states = Database.objects.values_list("status").annotate(n=Count("pk")).order_by("status")
    return f"  {seconds:5.1f} s  " + ", ".join(f"{n} {state}" for state, n in states)


def operations_by_state() -> str:
    counts = Operation.objects.values_list("state").annotate(n=Count("pk")).order_by("state")
    return ", ".join(f"{n} {state}" for state, n in counts)


def _steps() -> dict[str, str]:
    rows = Operation.objects.filter(
        state__in=["queued", "running", "needs_attention"], target_key__startswith="database:"
    )
    return {row.target_key: f"{row.step} [dim]{row.waits_why or row.error_code}[/]" for row in rows}


def _bar(share: float) -> str:
    filled = round(20 * share)
    return f"{'█' * filled}{'░' * (20 - filled)} {share:4.0%}"
