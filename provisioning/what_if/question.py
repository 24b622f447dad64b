"""What is supposed: databases that arrive, a region that is gone, other prices, another headroom; any of it together."""

from __future__ import annotations

from dataclasses import dataclass

from inventory.models import Region, ServiceInstance
from operations.errors import OperationRefused
from placement.engine.sizing import SizeRefused, tier_for
from placement.snapshot import limits

MOST = 5_000  # databases that one question places; each is a decision of its own


class QuestionRefused(OperationRefused):
    """The question cannot be answered; the message says what is wrong with it."""

    code = "QuestionRefused"


@dataclass(frozen=True, slots=True)
class Arrivals:
    """So many more services of a kind and planned size (bytes) in a region."""

    region: str
    kind: str
    size_bytes: int
    count: int
    zone_redundant: bool = False


@dataclass(frozen=True, slots=True)
class Loss:
    """Everything that stands in `region` is to be in `to` from now on."""

    region: str
    to: str


@dataclass(frozen=True, slots=True)
class Question:
    """All that differs from now. `price_percent`: by how much all prices rise; a headroom of None stays as it is set."""

    arrivals: tuple[Arrivals, ...] = ()
    loss: Loss | None = None
    price_percent: float = 0.0
    headroom_vcores: float | None = None
    headroom_storage: float | None = None

    @property
    def regions(self) -> set[str]:
        """Those that it names."""
        return {one.region for one in self.arrivals} | ({self.loss.region, self.loss.to} if self.loss else set())


def check(question: Question) -> None:
    """Raises QuestionRefused for unknown regions and kinds, sizes that nothing holds, and more than can be answered."""
    known = set(Region.objects.values_list("name", flat=True))
    if unknown := sorted(question.regions - known):
        raise QuestionRefused(f"There is no region {unknown[0]}.")
    if question.loss and question.loss.region == question.loss.to:
        raise QuestionRefused("What a region held cannot go to the same region.")
    for one in question.arrivals:
        _check_arrivals(one, question)
    if sum(one.count for one in question.arrivals) > MOST:
        raise QuestionRefused(f"One question places at most {MOST:,} databases.")


def _check_arrivals(one: Arrivals, question: Question) -> None:
    if one.kind not in ServiceInstance.Kind.values:
        raise QuestionRefused(f"There is no kind of service {one.kind}.")
    if question.loss and one.region == question.loss.region:
        raise QuestionRefused(f"Nothing arrives in {one.region}, which is supposed to be gone.")
    if one.count < 1:
        raise QuestionRefused("At least one database has to arrive.")
    try:
        tier_for(one.size_bytes, limits())
    except SizeRefused as refusal:
        raise QuestionRefused(str(refusal)) from refusal
