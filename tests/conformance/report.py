"""All flows replayed: counts by area and flow, and every difference that remains."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass, field
from pathlib import Path

from tests.conformance.comparison import Comparison, retry_after_of
from tests.conformance.recording import Flow, Interaction, flows
from tests.conformance.replay import Replay
from tests.conformance.scope import Scope, Scopes, is_old
from tests.conformance.timing import ranges, word_of


@dataclass(frozen=True)
class Verdict:
    """One recorded exchange and what came of it."""

    flow: str
    one: Interaction
    scope: Scope
    differences: tuple[str, ...] = ()


@dataclass
class Report:
    verdicts: list[Verdict] = field(default_factory=list)

    def counted(self, *, later: bool) -> tuple[int, int]:
        """(compared, equal) of what is built so far, or of later areas."""
        found = [one for one in self.verdicts if one.scope.compared and one.scope.later == later]
        return len(found), sum(not one.differences for one in found)

    def by_flow(self) -> dict[tuple[str, str], Counter[str]]:
        rows: dict[tuple[str, str], Counter[str]] = defaultdict(Counter)
        for one in self.verdicts:
            word = "out" if not one.scope.compared else "different" if one.differences else "equal"
            rows[one.scope.area, one.flow][word] += 1
        return rows

    def left_out(self) -> Counter[str]:
        return Counter(one.scope.why_not for one in self.verdicts if not one.scope.compared)


def replay_all(directory: Path, known_seconds: dict[str, tuple[float, float]] | None = None) -> Report:
    """Replay every recording of the directory; unknown flows count like any other."""
    recorded = flows(directory)
    report = Report()
    seconds = merged(ranges(recorded), known_seconds or {})
    retry_after = retry_after_of(recorded)
    for flow in recorded:
        report.verdicts += _verdicts(flow, seconds, retry_after)
    return report


def merged(
    one: dict[str, tuple[float, float]], other: dict[str, tuple[float, float]]
) -> dict[str, tuple[float, float]]:
    """The wider range of both."""
    return {
        word: (min(found[word][0] for found in (one, other) if word in found),
               max(found[word][1] for found in (one, other) if word in found))
        for word in one.keys() | other.keys()
    }  # fmt: skip


def _verdicts(flow: Flow, seconds: dict[str, tuple[float, float]], retry_after: dict[str, set[str]]) -> list[Verdict]:
    replay, scopes = Replay(flow), Scopes(flow)
    comparison = Comparison(flow, replay.names, retry_after)
    found = []
    for one in flow.interactions:
        scope = scopes.of(one)
        response = replay.send(one) if scope.compared or one.method != "GET" else None
        if response is None or not scope.compared:
            found.append(Verdict(flow.name, one, scope))
            continue
        differences = [*comparison.differences(one, response), *_too_long(one, replay, seconds)]
        found.append(Verdict(flow.name, one, scope, tuple(differences)))
    return found


def _too_long(one: Interaction, replay: Replay, seconds: dict[str, tuple[float, float]]) -> list[str]:
    ours, recorded = replay.durations.get(one.number), seconds.get(word_of(one))
    if ours is None or recorded is None or is_old(one) or recorded[0] <= ours <= recorded[1]:
        return []
    return [f"takes {ours:.0f} s, recorded {recorded[0]:.0f} to {recorded[1]:.0f} s"]
