from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import pytest

from operations import failpoints, workflow
from operations.models import Operation
from operations.outcomes import Next, Outcome
from operations.workflow import Ending, Workflow, acts, decides, looks


@dataclass
class World:
    """What a toy workflow does to the outside: `effects` counts calls, `ended` what was settled."""

    effects: list[str] = field(default_factory=list)
    seen_again: list[bool] = field(default_factory=list)
    ended: list[Ending] = field(default_factory=list)
    on_act: Callable[[Operation], Outcome] = lambda operation: Next(choices={"acted": True})
    on_look: Callable[[Operation], Outcome] = lambda operation: Next()
    on_decide: Callable[[Operation], Outcome] = lambda operation: Next(choices={"decided": "a"})
    on_settle: Callable[[], object] = lambda: None


@pytest.fixture(autouse=True)
def _disarm() -> Iterator[None]:
    yield
    failpoints.listen(None)


@pytest.fixture
def world(committed_db: None, monkeypatch: pytest.MonkeyPatch) -> World:
    """A workflow `toy` of three steps (choose, act, check) whose behaviour a test may replace."""
    world = World()

    @decides
    def choose(operation: Operation) -> Outcome:
        return world.on_decide(operation)

    @acts
    def act(operation: Operation) -> Outcome:
        world.effects.append(str(operation.pk))
        world.seen_again.append(operation.maybe_happened)
        return world.on_act(operation)

    @looks
    def check(operation: Operation) -> Outcome:
        return world.on_look(operation)

    def settle(_: Operation, ending: Ending) -> None:
        world.on_settle()
        world.ended.append(ending)

    toy = Workflow(
        kind="toy",
        steps=(choose, act, check),
        settle=settle,
        point_of_no_return="act",
        attempt_cap=3,
    )
    monkeypatch.setitem(workflow._registry, "toy", toy)
    return world
