"""The recorded operations of a flow: when each was seen running, when over, and how long it took."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from tests.conformance.recording import Flow, Interaction, path_key


@dataclass
class Began:
    """An operation that a recorded answer began. Lists hold the numbers of exchanges."""

    by: Interaction
    running_at: list[int] = field(default_factory=list)
    over_at: list[int] = field(default_factory=list)
    ended: Interaction | None = None

    def must_run(self, number: int) -> bool:
        """Whether it is seen running at this exchange or later."""
        return any(seen >= number for seen in self.running_at)

    def must_be_over(self, number: int) -> bool:
        """Whether it was seen over by this exchange, or is never looked at again."""
        if self.must_run(number):
            return False
        return any(seen <= number for seen in self.over_at) or not any(seen >= number for seen in self.over_at)

    @property
    def seconds(self) -> float | None:
        """From its 202 to the poll that saw it over; None where either has no date."""
        if self.ended is None or self.ended.at is None or self.by.at is None:
            return None
        return self.ended.at - self.by.at


def operations(flow: Flow) -> list[Began]:
    """Every operation of the flow with its polls."""
    by_path: dict[str, Began] = {}
    begun: list[Began] = []
    for one in flow.interactions:
        polled = by_path.get(path_key(one.path)) if one.method == "GET" else None
        if polled:
            _note(polled, one)
            by_path |= dict.fromkeys(one.poll_paths, polled)  # a poll may tell another address
        _note_absence(begun, one)
        if one.method != "GET" and one.poll_paths:
            begun.append(Began(one))
            by_path |= dict.fromkeys(one.poll_paths, begun[-1])
    return begun


def _note(operation: Began, poll: Interaction) -> None:
    if not poll.says_ended:
        operation.running_at.append(poll.number)
        return
    operation.over_at.append(poll.number)
    operation.ended = operation.ended or poll


def _note_absence(begun: list[Began], one: Interaction) -> None:
    """A 404 tells that a deletion above it was over, before any poll does."""
    if one.status != 404:
        return
    for operation in begun:
        if operation.by.method == "DELETE" and f"{path_key(one.path)}/".startswith(f"{path_key(operation.by.path)}/"):
            operation.over_at.append(one.number)


def word_of(one: Interaction) -> str:
    """What kind of operation a 202 began: Azure's word for it; creations of Hyperscale databases apart, which take longer.

    A copy or restore inherits its tier from its source, which its request need not name: those are not told apart.
    """
    body = one.body if isinstance(one.body, dict) else {}
    word = str(body.get("operation") or f"{one.method} {_last_type(one.path)}")
    sku = (one.request_body or {}).get("sku") if isinstance(one.request_body, dict) else None
    hyperscale = str((sku or {}).get("name", "")).startswith("HS_")
    return f"{word} Hyperscale" if hyperscale and word == "CreateLogicalDatabase" else word


def _last_type(path: str) -> str:
    segments = [segment for segment in path.split("/") if segment]
    return segments[-2].lower() if len(segments) > 1 else path


def ranges(all_flows: Iterable[Flow]) -> dict[str, tuple[float, float]]:
    """Shortest and longest recorded time of each kind of operation.

    A client only sees the end at its next poll, so the true time may be one poll (15 s, or 30 s under 2014-04-01) less.
    """
    found: dict[str, list[float]] = {}
    for flow in all_flows:
        for operation in operations(flow):
            if operation.seconds is not None and operation.ended and _succeeded(operation.ended):
                found.setdefault(word_of(operation.by), []).append(operation.seconds)
    return {word: (max(min(times) - POLL_SECONDS, 0.0), max(times)) for word, times in found.items()}


POLL_SECONDS = 30.0


def _succeeded(poll: Interaction) -> bool:
    status = poll.body.get("status") if isinstance(poll.body, dict) else None
    return status is None or str(status).lower() in ("succeeded", "completed")
