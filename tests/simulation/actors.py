"""Everybody outside the workers: customers, an operator, and others who touch the same Azure. Each act is one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from inventory.models import Database, ServiceInstance, Workspace
from inventory.states import Status
from operations.errors import OperationRefused, TooLateToCancel
from operations.models import Operation
from operations.services import active_operation, cancel, retry
from provisioning.errors import WishRefused
from provisioning.services import ServiceWish, request_deletion, request_service
from simulator.azure import Azure
from tests.builders import GIB, TIB
from tests.simulation.dice import Dice

MOMENTS = (0.0, 0.5, 5.0, 45.0, 150.0, 400.0, 900.0)
SIZES = (100 * GIB, 100 * GIB, 2000 * GIB, 8 * TIB)
CUSTOMERS = 6


@dataclass(frozen=True, slots=True)
class Act:
    """Something that somebody does at a moment (virtual seconds)."""

    at: float
    name: str
    do: Callable[[], None]


class Wanted(StrEnum):
    """What the last answer to its owner lets a service expect. EITHER: a cancel was accepted, perhaps too late."""

    PRESENT = "present"
    GONE = "gone"
    EITHER = "either"


class Customers:
    """Owners of services, who also repeat themselves, change their minds and contradict themselves."""

    def __init__(self, dice: Dice, workspace: Workspace) -> None:
        self._dice = dice
        self._workspace = workspace
        self.wanted: dict[str, Wanted] = {}

    def plan(self) -> Iterator[Act]:
        """Six customers at most, each with a habit of its own."""
        for number in range(1, CUSTOMERS + 1):
            habit = self._dice.draw(f"customer {number}", (2.0, 2.0, 2.0, 2.0, 1.0, 1.0, 1.0))
            yield from self._acts(number, ("", "p", "pp", "pd", "pdp", "ppdd", "ppx")[habit])

    def _acts(self, number: int, habit: str) -> Iterator[Act]:
        name, at = f"service-{number}", 0.0
        size = SIZES[self._dice.draw(f"customer {number} size", (4.0, 2.0, 1.0, 1.0))]
        for letter in habit:
            at += MOMENTS[self._dice.draw(f"customer {number} waits", (2.0, 2.0, 1.0, 1.0, 1.0, 1.0, 1.0))]
            yield Act(at, f"{name}: {letter}", self._act(letter, name, size))

    def _act(self, letter: str, name: str, size: int) -> Callable[[], None]:
        match letter:
            case "p":
                return lambda: self.put(name, size)
            case "d":
                return lambda: self.delete(name)
        return lambda: self.put(name, size + GIB)

    def put(self, name: str, size: int) -> None:
        try:
            granted = request_service(self._workspace, ServiceWish(name, "fhir", size), actor=name)
        except (WishRefused, OperationRefused):
            return
        stopping = granted.operation is not None and granted.operation.cancel_requested_at is not None
        self.wanted[name] = Wanted.EITHER if stopping else Wanted.PRESENT

    def delete(self, name: str) -> None:
        service = ServiceInstance.objects.filter(name=name, deleted_at__isnull=True).first()
        if service is not None:
            request_deletion(service, actor=name)
            self.wanted[name] = Wanted.GONE

    def ask_again(self) -> bool:
        """Whoever has not got what was promised asks once more, as a patient client does. True if anybody had to."""
        asked = False
        for name, wanted in self.wanted.items():
            database = Database.objects.filter(service__name=name, service__deleted_at__isnull=True).first()
            if database is None or active_operation(database.key) is not None:
                continue
            if database.status == Status.FAILED and wanted is not Wanted.GONE:
                self.put(name, database.size_bytes)
                asked = True
            elif wanted is Wanted.GONE:
                self.delete(name)
                asked = True
        return asked


class Others:
    """An operator, Azure's support, and somebody with the portal open."""

    def __init__(self, dice: Dice, customers: Customers, azure: Azure) -> None:
        self._dice = dice
        self._customers = customers
        self._azure = azure

    def plan(self) -> Iterator[Act]:
        acts = (None, self.cancel_something, self.retry_all, self.edit_a_tag, self.cancel_stuck)
        for number in range(1, 6):
            act = acts[self._dice.draw(f"other {number}", (2.0, 1.0, 1.0, 1.0, 0.5))]
            at = MOMENTS[self._dice.draw(f"other {number} waits", (1.0,) * len(MOMENTS))]
            if act is not None:
                yield Act(at, act.__name__, act)

    def cancel_something(self) -> None:
        running = list(
            Operation.objects.filter(kind="create_database")
            .exclude(state__in=Operation.TERMINAL)
            .order_by("created_at", "id")
        )
        if not running:
            return
        operation = running[self._dice.draw("operator picks", (1.0,) * len(running))]
        try:
            cancel(operation, actor="operator")
        except TooLateToCancel:
            return
        name = operation.input["service"]
        if self._customers.wanted.get(name) is not Wanted.GONE:
            self._customers.wanted[name] = Wanted.EITHER

    def retry_all(self) -> None:
        self.retry_what_needs_attention()

    def retry_what_needs_attention(self) -> bool:
        """True if anything did."""
        waiting = Operation.objects.filter(state=Operation.State.NEEDS_ATTENTION).order_by("created_at", "id")
        retried = [retry(operation, actor="operator", reason="looked at") for operation in waiting]
        return any(retried)

    def edit_a_tag(self) -> None:
        """Somebody adds a tag of their own to what is ours."""
        resources = self._azure.arm.resources
        ours = [r for r in resources if r.type in ("databases", "elasticPools", "servers") and "tags" in r.body]
        if ours:
            found = ours[self._dice.draw("portal picks", (1.0,) * len(ours))]
            resources.put(found.with_body(tags={**found.body["tags"], "cost-center": "4711"}))

    def cancel_stuck(self) -> None:
        for operation in self._azure.arm.operations.all_running():
            if operation.due is None:
                self._azure.arm.operations.cancel(operation)
