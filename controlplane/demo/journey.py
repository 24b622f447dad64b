"""The demo's course: wishes by REST, a live table while they come true, one removal, then the checks."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from itertools import count
from typing import Any

from django.conf import settings
from rich.live import Live

from controlplane.azure import sql_driver
from controlplane.demo import changes, warm
from controlplane.demo.balance import balance
from controlplane.demo.checks import all_checks
from controlplane.demo.clients import RestApi, SimulatorBooks
from controlplane.demo.customers import CUSTOMERS, REFUSED, REMOVED, Wanted
from controlplane.demo.drift import change_and_watch
from controlplane.demo.growth import grow
from controlplane.demo.rotation import rotate_everything
from controlplane.demo.screen import (
    ATTENDED,
    console,
    fleet_table,
    operations_by_state,
    progress_line,
    progress_table,
    show_checks,
)
from operations.models import Operation

LOOK_SECONDS = 0.5
PATIENCE_SECONDS = 240.0
TERMINAL = frozenset({"Succeeded", "Failed", "Canceled"})


@dataclass
class Journey:
    """One run of the demo against a running stack; `faults` collects what did not go as promised."""

    base_url: str
    faults: list[str] = field(default_factory=list)

    def run(self) -> bool:
        """True when everything went as promised."""
        self.began = time.monotonic()
        console.print(f"Signs in to SQL with {sql_driver()}.")
        self.books = SimulatorBooks()
        self.operator = self._client("demo-operator", ["Operator"])
        self._workspaces()
        self._refusals()
        self._services()
        self._removal()
        self._changes()
        self._growth()
        self._rotation()
        self._drift()
        self._balance()
        self._stock()
        return self._verdict()

    def _client(self, name: str, roles: list[str]) -> RestApi:
        return RestApi(self.base_url, self.books, name=name, roles=roles, audience=settings.API_AUDIENCE)

    def _workspaces(self) -> None:
        console.rule("[bold]Ten customers ask for their services", align="left")
        for customer in CUSTOMERS:
            document = {"properties": {"region": customer.region, "displayName": customer.display_name}}
            self._expect(self.operator.put_workspace(customer.workspace, document), 200, 201)

    def _refusals(self) -> None:
        for wanted, code in REFUSED:
            answer = self.operator.put_service(wanted)
            error = answer.json().get("error", {})
            said = f"{wanted.workspace}/{wanted.name} ({wanted.kind}, {wanted.size_gb / 1024:.3g} TB)"
            console.print(f"  {said} is refused: {answer.status_code} {error.get('code')}: {error.get('message')}")
            if not 400 <= answer.status_code < 500 or error.get("code") != code:
                self.faults.append(f"{said} should have been refused with {code}")

    def _services(self) -> None:
        wishes = [wanted for customer in CUSTOMERS for wanted in customer.services()]
        locations = [self._accepted(self.operator.put_service(wanted), wanted) for wanted in wishes]
        self._watch([location for location in locations if location])

    def _removal(self) -> None:
        console.rule(f"[bold]{REMOVED.workspace}/{REMOVED.name} is deleted", align="left")
        location = self._accepted(self.operator.delete_service(REMOVED), REMOVED)
        self._watch([location] if location else [])

    def _changes(self) -> None:
        """Fortis grows while a pool is emptied; then the pool goes."""
        console.rule("[bold]A service grows and a pool is drained, each by its plan", align="left")
        growth, (pool, drain) = changes.grow(self.operator), changes.drain(self.operator)
        self._watch([growth, drain])
        self._watch([changes.remove(self.operator, pool)])
        if not show_checks(changes.checks(pool)):
            self.faults.append("the changes did not go as promised")

    def _growth(self) -> None:
        console.rule("[bold]Fortis grows through 4 TB, into Hyperscale", align="left")
        checks = list(grow(self.operator, self._watch))
        if not show_checks(checks):
            self.faults.append("Fortis did not grow as promised")

    def _rotation(self) -> None:
        console.rule("[bold]Every credential is rotated while its consumers sign in", align="left")
        with _shown_progress(self.began) as show:
            checks = list(rotate_everything(show, patience_seconds=PATIENCE_SECONDS, look_seconds=LOOK_SECONDS))
        if not show_checks(checks):
            self.faults.append("the rotation did not go as promised")

    def _drift(self) -> None:
        console.rule("[bold]Somebody changes things in Azure behind our back", align="left")
        with _shown_progress(self.began) as show:
            checks = list(change_and_watch(show, patience_seconds=PATIENCE_SECONDS, look_seconds=LOOK_SECONDS))
        if not show_checks(checks):
            self.faults.append("what was changed outside was not found and repaired as promised")

    def _balance(self) -> None:
        console.rule("[bold]Noisy neighbours in a pool: one is moved away", align="left")
        if not show_checks(balance(self.operator, self.books, patience_seconds=PATIENCE_SECONDS / 2)):
            self.faults.append("the noisy neighbour was not moved away as promised")

    def _stock(self) -> None:
        console.rule("[bold]A service in a hurry gets a database that stands ready", align="left")
        self._expect(warm.define(self.operator), 200)
        with _shown_progress(self.began) as show:
            checks = list(warm.claim(self.operator, show, patience_seconds=PATIENCE_SECONDS))
        if not show_checks(checks):
            self.faults.append("the stock did not serve as promised")

    def _verdict(self) -> bool:
        console.rule("[bold]Checked against Azure's own books", align="left")
        held = show_checks(all_checks(self.books.state("resources", "users", "secrets", "effects")))
        for fault in self.faults:
            console.print(f"  [bold red]✗[/] {fault}")
        console.print(fleet_table())
        console.print(f"Operations: {operations_by_state()}. {time.monotonic() - self.began:.0f} s in all.")
        return held and not self.faults

    def _accepted(self, answer: Any, wanted: Wanted) -> str:
        self._expect(answer, 202)
        return str(answer.headers.get("Operation-Location", ""))

    def _expect(self, answer: Any, *statuses: int) -> None:
        if answer.status_code not in statuses:
            self.faults.append(f"{answer.request.method} {answer.url}: {answer.status_code} {answer.text[:200]}")

    def _watch(self, locations: list[str]) -> None:
        """Show progress until every operation is over, or patience ends; then ask the API how each ended."""
        until = time.monotonic() + PATIENCE_SECONDS
        with _shown_progress(self.began) as show:
            while _work_left() and time.monotonic() < until:
                show()
                time.sleep(LOOK_SECONDS)
            show()
        for location in locations:
            operation = self.operator.follow(location)
            if operation["status"] != "Succeeded":
                self.faults.append(f"{location} is {operation['status']}: {operation.get('error')}")


@contextmanager
def _shown_progress(began: float) -> Iterator[Callable[[], None]]:
    """A live table at a terminal; elsewhere a line every few seconds, and the table at the end."""
    if ATTENDED:
        with Live(console=console, auto_refresh=False) as live:
            yield lambda: live.update(progress_table(time.monotonic() - began), refresh=True)
        return
    looks = count()
    yield lambda: console.print(progress_line(time.monotonic() - began)) if next(looks) % 10 == 0 else None
    console.print(progress_table(time.monotonic() - began))


def _work_left() -> bool:
    return Operation.objects.filter(state__in=[Operation.State.QUEUED, Operation.State.RUNNING]).exists()
