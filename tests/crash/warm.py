"""Warm databases to break: made, proved, claimed by a service, and let go."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import timedelta

from inventory.models import Database, Region, SqlServer
from inventory.states import Status
from operations import clock
from operations.clock import DatabaseNow
from operations.models import Operation
from provisioning import observe
from provisioning.models import WarmDatabase, WarmStock
from provisioning.warm.keeping import keep_stocks
from provisioning.warm.proofs import request_due
from tests.builders import GIB
from tests.crash import judging
from tests.crash.flows import SECOND, Flow, request
from tests.crash.ground import Ground
from tests.crash.world import World
from tests.warming import KEPT, a_stock


def making() -> Operation:
    a_stock(Region.objects.get())
    return kept()


def kept() -> Operation:
    """What the next pass over the stocks begins."""
    before = set(Operation.objects.values_list("pk", flat=True))
    keep_stocks()
    return Operation.objects.exclude(pk__in=before).get()


def proof() -> Operation:
    request_due()
    return Operation.objects.get(kind="prove_warm_database")


def filled(world: World, kind: str = "fhir") -> None:
    a_stock(Region.objects.get(), kind=kind)
    world.run(kept)


def filled_for_dicom(world: World) -> None:
    filled(world, "dicom")


def proved_long_ago(world: World) -> None:
    filled(world)
    clock.advance(timedelta(minutes=8), business=True)


def switched_off(world: World) -> None:
    filled(world)
    WarmStock.objects.update(is_on=False, sized_at=None)


def claim() -> Operation:
    return request(SECOND, 100 * GIB)


def claim_with_more() -> Operation:
    """Larger than the stock's, with cast."""
    return request(SECOND, 200 * GIB, "dicom", cast=True)


CLAIMS = (
    Flow("claim", claim, furnished=True, share=0.15, prepare=filled),
    Flow("claim with more", claim_with_more, furnished=True, share=0.08, prepare=filled_for_dicom),
)
STOCK = (
    Flow("making for a stock", making, furnished=True, share=0.03),
    Flow("proof", proof, furnished=True, share=0.3, prepare=proved_long_ago),
    Flow("end of a stock", kept, furnished=True, share=0.1, prepare=switched_off),
)


class WarmGround(Ground):
    """What holds besides: a database belongs to one service or to the stock, and never to both."""

    def judge(self, world: World, *, landed_late: bool) -> Iterator[str]:
        SqlServer.objects.update(observe_due_at=DatabaseNow())  # a last look: not every run has one at its end
        observe.observe_due()
        for row in WarmDatabase.objects.select_related("database"):
            if (row.state == WarmDatabase.State.CLAIMED) != (row.database.service_id is not None):
                yield f"{row} is {row.state}, its service is {row.database.service_id}"
            if row.state == KEPT and row.why:
                yield f"{row} was called broken: {row.why}"

    def judge_end(self, faults: Sequence[str], expected: judging.Rows | None) -> Iterator[str]:
        followed = Operation.objects.order_by("created_at").filter(parent=None).last()
        assert followed is not None
        if "delete" in faults:
            yield from judging.is_gone(followed)
        elif followed.state == Operation.State.CANCELLED:
            yield from _left_nothing()
        elif expected is not None:
            yield from judging.differences(expected, judging.rows())


def _left_nothing() -> Iterator[str]:
    """After a cancelled making the row is over; a cancelled proof has changed nothing."""
    for database in Database.objects.filter(service=None).exclude(status__in=[Status.READY, Status.DELETED]):
        yield f"{database} is {database.status}"
