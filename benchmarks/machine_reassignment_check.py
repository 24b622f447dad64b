"""Machine reassignment, judged by the challenge's own text: plain and slow, and it shares no code with the search.

`python -m benchmarks.machine_reassignment_check MODEL INITIAL SOLUTION` prints the value, or the rules that are broken.
"""

from __future__ import annotations

import gzip
import sys
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


@dataclass
class Machine:
    neighbourhood: int
    location: int
    capacity: list[int]
    safety: list[int]
    move_cost: list[int]


@dataclass
class Service:
    spread: int
    needs: list[int]


@dataclass
class Process:
    service: int
    needs: list[int]
    move_cost: int


class Instance:
    """One model, read number by number."""

    def __init__(self, path: Path) -> None:
        self._rest = iter(numbers(path))
        self.resources = [(bool(self._one()), self._one()) for _ in range(self._one())]
        count = self._one()
        self.machines = [self._machine(count) for _ in range(count)]
        self.services = [self._service() for _ in range(self._one())]
        self.processes = [self._process() for _ in range(self._one())]
        self.balances = [self._some(4) for _ in range(self._one())]
        self.process_weight, self.service_weight, self.machine_weight = self._some(3)

    def _one(self) -> int:
        return next(self._rest)

    def _some(self, count: int) -> list[int]:
        return [self._one() for _ in range(count)]

    def _machine(self, machines: int) -> Machine:
        width = len(self.resources)
        return Machine(self._one(), self._one(), self._some(width), self._some(width), self._some(machines))

    def _service(self) -> Service:
        spread, count = self._some(2)
        return Service(spread, self._some(count))

    def _process(self) -> Process:
        return Process(self._one(), self._some(len(self.resources)), self._one())


def numbers(path: Path) -> list[int]:
    """All whole numbers of a file, gzipped or not."""
    with gzip.open(path, "rt") if path.suffix == ".gz" else path.open() as text:
        return [int(word) for word in text.read().split()]


def usage(model: Instance, solution: list[int]) -> dict[tuple[int, int], int]:
    """What stands on each machine of each resource."""
    used: dict[tuple[int, int], int] = defaultdict(int)
    for process, machine in zip(model.processes, solution, strict=True):
        for resource, need in enumerate(process.needs):
            used[machine, resource] += need
    return used


def complaints(model: Instance, start: list[int], solution: list[int]) -> Iterator[str]:
    """One sentence for each broken rule."""
    if len(solution) != len(model.processes) or not all(0 <= machine < len(model.machines) for machine in solution):
        yield "the solution does not name one existing machine for each process"
        return
    yield from _over_capacity(model, start, solution)
    places: dict[int, list[int]] = defaultdict(list)
    for process, machine in zip(model.processes, solution, strict=True):
        places[process.service].append(machine)
    for number, machines in places.items():
        service = model.services[number]
        if len(set(machines)) < len(machines):
            yield f"two processes of service {number} share a machine"
        if len({model.machines[machine].location for machine in machines}) < service.spread:
            yield f"service {number} stands in too few locations"
        for other in service.needs:
            missing = _neighbourhoods(model, machines) - _neighbourhoods(model, places[other])
            if missing:
                yield f"service {number} misses service {other} in neighbourhoods {sorted(missing)}"


def _neighbourhoods(model: Instance, machines: list[int]) -> set[int]:
    return {model.machines[machine].neighbourhood for machine in machines}


def _over_capacity(model: Instance, start: list[int], solution: list[int]) -> Iterator[str]:
    used = usage(model, solution)
    for process, before, after in zip(model.processes, start, solution, strict=True):
        if before != after:
            for resource, (transient, _) in enumerate(model.resources):
                used[before, resource] += process.needs[resource] if transient else 0
    for (machine, resource), total in used.items():
        if total > model.machines[machine].capacity[resource]:
            yield f"machine {machine} is over its capacity of resource {resource}"


def value(model: Instance, start: list[int], solution: list[int]) -> int:
    """The objective."""
    used, total = usage(model, solution), 0
    for number, machine in enumerate(model.machines):
        for resource, (_, weight) in enumerate(model.resources):
            total += weight * max(0, used[number, resource] - machine.safety[resource])
        for first, second, target, weight in model.balances:
            free = [capacity - used[number, resource] for resource, capacity in enumerate(machine.capacity)]
            total += weight * max(0, target * free[first] - free[second])
    moved: Counter[int] = Counter()
    for process, before, after in zip(model.processes, start, solution, strict=True):
        total += model.machine_weight * model.machines[before].move_cost[after]
        if before != after:
            total += model.process_weight * process.move_cost
            moved[process.service] += 1
    return total + model.service_weight * max(moved.values(), default=0)


def main() -> None:
    """Judge one solution."""
    model, start, solution = Instance(Path(sys.argv[1])), numbers(Path(sys.argv[2])), numbers(Path(sys.argv[3]))
    found = list(complaints(model, start, solution))
    print("\n".join(found) or value(model, start, solution))
    sys.exit(bool(found))


if __name__ == "__main__":
    main()
